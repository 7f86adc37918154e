"""Pages read back as text, for models that take nothing else.

What is read is what can still be made out at a page's size, mistakes included. It saves no tokens
by itself: text that was on a page is as long as before. Where not all of it fits, those pieces stay
that have most to do with what is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agentkit.capabilities import Block
from agentkit.models.context import likeness
from agentkit_deepencoder.optical.writing import Paper

LONGEST = 8
"""Lines of a piece that is chosen or left out as one."""
GAP = "[…]"


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines that follow each other on a page and belong to one turn."""

    page: int
    turn: int
    text: str


def lines(blocks: Sequence[Block], paper: Paper, side: int, rows: int) -> list[str]:
    """The page's lines as they were read, each where it stood, indentation as wide as it looked.

    Args:
        side: pixels of the picture that was read. rows: lines that the page has.
    """
    scale = paper.side / side
    found: list[list[tuple[float, str]]] = [[] for _ in range(rows)]
    for block in blocks:
        middle = (block.box.top + block.box.bottom) / 2 * scale
        row = int((middle - paper.margin) / paper.pitch)
        left = (block.box.left * scale - paper.margin) / paper.cell
        found[min(max(row, 0), rows - 1)].append((left, block.text))
    made = []
    for row_ in found:
        row_.sort()
        text = " ".join(text for _, text in row_)
        # Boxes are a little wider than their letters, so less than two cells are no indentation.
        indent = round(row_[0][0]) if row_ else 0
        made.append(" " * (indent if indent >= 2 else 0) + text)
    return made


def pieces(page: int, read: Sequence[str], turns: Sequence[int]) -> list[Piece]:
    """A page's lines by turn, long turns in parts."""
    made: list[Piece] = []
    start = 0
    for end in range(1, len(read) + 1):
        if end == len(read) or turns[end] != turns[start] or end - start == LONGEST:
            made.append(Piece(page, turns[start], "\n".join(read[start:end])))
            start = end
    return [piece for piece in made if piece.text.strip()]


def chosen(
    every: Sequence[Piece], question: str, size: Callable[[str], int], room: int
) -> list[Piece]:
    """Pieces, as many as fit, those first that share most with the question, of equals the newest;
    in their own order.

    Args:
        size: tokens of a text.
    """
    sizes = [size(piece.text) for piece in every]
    scores = likeness(question, [piece.text for piece in every])
    kept = []
    for n in sorted(range(len(every)), key=lambda n: (-scores[n], -n)):
        if sizes[n] <= room:
            room -= sizes[n]
            kept.append(n)
    return [every[n] for n in sorted(kept)]


def joined(every: Sequence[Piece], kept: Sequence[Piece]) -> str:
    """The pieces that are kept, with a mark where others were."""
    stay = set(kept)
    said: list[str] = []
    for piece in every:
        if piece in stay:
            said.append(piece.text)
        elif not said or said[-1] != GAP:
            said.append(GAP)
    return "\n".join(said)
