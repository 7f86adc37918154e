"""A document as readers hand it over: normalised text, and the units that must not be torn."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["heading", "term", "paragraph", "item", "row", "code", "link"]

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Block:
    """One unit of a document.

    kind: "term" names what follows it (a defined term, the bold title of a list item); "link" is a
    list item or row that only links elsewhere. start, end: byte offsets into the document's text.
    heading: the path of headings and terms above it. page: 1-based. anchor: nearest one above.
    """

    kind: Kind
    start: int
    end: int
    heading: tuple[str, ...] = ()
    page: int | None = None
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document that was read. notes: what a person should know about how it was read."""

    title: str
    text: str
    blocks: tuple[Block, ...]
    media_type: str
    notes: tuple[str, ...] = ()


class Unreadable(Exception):
    """A file cannot be read as a document. Its text says why, in a few words."""


def clean(text: str) -> str:
    """NFC, line feeds only, no control characters, nothing that UTF-8 cannot hold."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return unicodedata.normalize("NFC", _CONTROL.sub("", text))


@dataclass(slots=True)
class TextWriter:
    """Writes a document's text block by block and keeps the byte offsets."""

    blocks: list[Block] = field(default_factory=list)
    _parts: list[str] = field(default_factory=list)
    _size: int = 0

    def add(
        self,
        kind: Kind,
        text: str,
        heading: tuple[str, ...] = (),
        *,
        page: int | None = None,
        anchor: str = "",
    ) -> None:
        """Appends a block and the space behind it. Empty text is left out."""
        text = clean(text).strip("\n")
        if not text.strip():
            return
        size = len(text.encode())
        self.blocks.append(Block(kind, self._size, self._size + size, heading, page, anchor))
        space = "\n" if kind in ("item", "row", "link") else "\n\n"
        self._parts += (text, space)
        self._size += size + len(space)

    def done(self, title: str, media_type: str, notes: tuple[str, ...] = ()) -> Parsed:
        """The document."""
        return Parsed(
            " ".join(clean(title).split()),
            "".join(self._parts),
            tuple(self.blocks),
            media_type,
            notes,
        )


class Headings:
    """The path of headings above the place that a reader has come to."""

    def __init__(self) -> None:
        self._stack: list[tuple[int, str]] = []

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(text for _, text in self._stack)

    def push(self, level: int, text: str) -> None:
        """Opens a heading; it ends those of its own level and below."""
        self.close(level)
        self._stack.append((level, " ".join(clean(text).split())))

    def close(self, level: int) -> None:
        """Ends all headings of this level and below."""
        while self._stack and self._stack[-1][0] >= level:
            self._stack.pop()
