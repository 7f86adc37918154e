"""Turns as lines of text on pages, before anything is drawn.

A page is a grid of a typewriter's cells, so that code keeps its shape, and its content depends on
nothing but the turns up to it: a page that is full never changes while a conversation grows.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from agentkit.capabilities import Message, Reasoning, Text, ToolCall, ToolResult

NAMED = 0.05
"""Share of a turn's characters that may be given by their names, where no font has them."""
WHO = {"user": "user", "assistant": "assistant", "system": "system", "tool": "tool"}


@dataclass(frozen=True, slots=True)
class Paper:
    """A page's grid. side: pixels of the square; size: of the letters; margin: around."""

    side: int = 1024
    size: int = 22
    margin: int = 8

    @property
    def cell(self) -> float:
        """Pixels from letter to letter."""
        return self.size * 0.6

    @property
    def pitch(self) -> float:
        """Pixels from line to line."""
        return self.size * 1.2

    @property
    def columns(self) -> int:
        return max(1, int((self.side - 2 * self.margin) / self.cell))

    @property
    def rows(self) -> int:
        return max(1, int((self.side - 2 * self.margin) / self.pitch))


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands on a page: its lines, and the turn that each one belongs to."""

    lines: tuple[str, ...]
    turns: tuple[int, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def script(number: int, message: Message) -> tuple[str, list[str]]:
    """(a turn as it is written down, what of it cannot be: pictures and such). The number with a #
    in front is its place in the conversation."""
    said, lost = [], []
    for part in message.parts:
        if isinstance(part, Text):
            said.append(part.text)
        elif isinstance(part, ToolCall):
            arguments = json.dumps(dict(part.arguments), ensure_ascii=False)
            said.append(f"calls {part.name} {arguments}")
        elif isinstance(part, ToolResult):
            said.append(f"{'error' if part.error else 'result'}: {part.content}")
        elif not isinstance(part, Reasoning):
            said.append("[a picture]")
            lost.append("a picture")
    return f"#{number} {WHO[message.role]}: " + "\n".join(said), lost


def drawable(text: str, has: Callable[[str], bool]) -> str | None:
    """The text in characters that can be drawn: what no font has is given by its Unicode name, such
    as ‹grinning face›. None where that would be more than a few, or where the text runs from right
    to left, which would come out in the wrong order: such a turn is better left as it is.

    Args:
        has: whether some font has a character.
    """
    made, named = [], 0
    text = unicodedata.normalize("NFC", text).expandtabs(4)
    for c in text:
        if c == "\n" or (c.isprintable() and has(c)):
            if unicodedata.bidirectional(c) in ("R", "AL", "AN"):
                return None
            made.append(c)
        elif c.isspace():
            made.append("\n" if c in "\r\v\f\x85\u2028\u2029" else " ")
        elif unicodedata.category(c) not in ("Cf", "Mn"):  # joiners and variants say how, not what
            if unicodedata.bidirectional(c) in ("R", "AL", "AN"):
                return None
            name = unicodedata.name(c, f"U+{ord(c):04X}").lower()
            made.append(f"‹{name}›")
            named += 1
    if named > max(3, NAMED * len(text)):
        return None
    return "".join(made)


def width(c: str) -> int:
    """Cells that a character takes."""
    if unicodedata.combining(c):
        return 0
    return 2 if unicodedata.east_asian_width(c) in "WF" else 1


def wrap(text: str, columns: int) -> Iterator[str]:
    """Lines of at most so many cells, broken at blanks where there is one in the second half."""
    for line in text.replace("\r\n", "\n").split("\n"):
        rest = line.rstrip()
        while True:
            used, cut = 0, len(rest)
            for place, c in enumerate(rest):
                used += width(c)
                if used > columns:
                    cut = place
                    break
            if cut == len(rest):
                yield rest
                break
            space = rest.rfind(" ", cut // 2, cut + 1)
            cut = space if space > 0 else max(1, cut)
            yield rest[:cut].rstrip()
            rest = rest[cut:].lstrip(" ")


def lay_out(scripts: Sequence[tuple[int, str]], paper: Paper) -> list[Sheet]:
    """Turns, one after the other, on as many pages as they need; oldest first."""
    lines = [(line, number) for number, text in scripts for line in wrap(text, paper.columns)]
    sheets = []
    for start in range(0, len(lines), paper.rows):
        shown = lines[start : start + paper.rows]
        sheets.append(Sheet(tuple(t for t, _ in shown), tuple(n for _, n in shown)))
    return sheets
