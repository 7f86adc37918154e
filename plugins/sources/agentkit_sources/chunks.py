"""Blocks to passages: what is indexed and found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agentkit_sources.blocks import Block, Parsed

TARGET = 1000  # characters of a passage
LONGEST = 1500  # a single block above this is cut
_BREAK = re.compile(r"\n\s*\n|(?<=[.!?;])\s+|\n")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage. start, end: byte offsets into the document's text, half open."""

    start: int
    end: int
    heading: tuple[str, ...]
    page: int | None
    anchor: str
    text: str


def chunks(parsed: Parsed) -> list[Chunk]:
    """Cuts a document into passages of about TARGET characters.

    A passage stays under one heading and on one page; headings are not part of it, terms are (with
    what they name); a block is cut only when it alone is longer than LONGEST; links to elsewhere
    are left out. A document of nothing but headings or links is kept as it is.
    """
    data = parsed.text.encode()
    wanted = [b for b in parsed.blocks if b.kind not in ("heading", "link")]
    return [_chunk(data, group) for group in _groups(wanted or list(parsed.blocks), data)]


def _groups(blocks: list[Block], data: bytes) -> Iterator[list[Block]]:
    group: list[Block] = []
    size = 0
    for block in blocks:
        for piece in _pieces(block, data):
            length = piece.end - piece.start
            if group and (size + length > TARGET or not _together(group[-1], piece)):
                yield group
                group, size = [], 0
            group.append(piece)
            size += length
    if group:
        yield group


def _together(before: Block, block: Block) -> bool:
    """Whether two neighbours may share a passage: one section, or a term and what it names; the
    same page; nothing left out between them."""
    if before.page != block.page or block.start - before.end > 2:
        return False
    if before.kind == "term":
        return block.heading[: len(before.heading)] == before.heading
    return before.heading == block.heading


def _pieces(block: Block, data: bytes) -> Iterator[Block]:
    """The block, or where it is too long its parts, cut at paragraphs, sentences, lines, words."""
    if block.end - block.start <= LONGEST:
        yield block
        return
    text = data[block.start : block.end].decode()
    start = offset = 0
    while start < len(text):
        end = len(text)
        if end - start > LONGEST:
            stops = [m.end() for m in _BREAK.finditer(text, start, start + TARGET)]
            space = text.rfind(" ", start + 1, start + TARGET)
            end = stops[-1] if stops else space + 1 if space > start else start + TARGET
        piece = text[start:end]
        body = piece.strip()
        lead = len(piece[: len(piece) - len(piece.lstrip())].encode())
        if body:
            at = block.start + offset + lead
            yield Block(
                block.kind, at, at + len(body.encode()), block.heading, block.page, block.anchor
            )
        offset += len(piece.encode())
        start = end


def _chunk(data: bytes, group: list[Block]) -> Chunk:
    first, last = group[0], group[-1]
    text = data[first.start : last.end].decode()
    return Chunk(first.start, last.end, last.heading, last.page, first.anchor, text)
