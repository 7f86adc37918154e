"""Units of a stored text that can be quoted: sentences, list items, table rows, definitions.

Offsets are bytes of the UTF-8 text, because that is what a quote is verified by.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 420  # characters; longer sentences are cut at a clause
SHORTEST = 12

_BLOCK = re.compile(r"\n[ \t]*\n+")
_ITEM = re.compile(r"\n(?=[ \t]*(?:[-*•+|>#]|\d{1,3}[.)])[ \t])")
_END = re.compile(r"[.!?…][\"'”’)\]]*(?=\s+[\"'“‘(\[]*[^\sa-z])|[。！？]")
_CLAUSE = re.compile(r"[;:]\s|\s[–—]\s|,\s(?=(?:and|but|or|so|which|where|because|however)\b)")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|incl|resp|no|fig|sec|ch|vol|dr|mr|mrs|ms|prof|st|inc|ltd|al)"
    r"|\b[A-Z])\.$",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of text with its byte offsets, half open."""

    start: int
    end: int
    text: str


def units(text: str, offset: int = 0) -> list[Unit]:
    """The units of a text in order, without the white space around them.

    Args:
        text: a whole stored text or a passage of one.
        offset: the byte at which it starts in the stored text.
    """
    found, done, position = [], 0, offset
    for start, end in _pieces(text):
        while start < end and text[start].isspace():
            start += 1
        while end > start and text[end - 1].isspace():
            end -= 1
        if end - start < SHORTEST:
            continue
        position += len(text[done:start].encode())
        size = len(text[start:end].encode())
        found.append(Unit(position, position + size, text[start:end]))
        position, done = position + size, end
    return found


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    for block_start, block_end in _split(text, 0, len(text), _BLOCK):
        for item_start, item_end in _split(text, block_start, block_end, _ITEM):
            for start, end in _sentences(text, item_start, item_end):
                yield from _shortened(text, start, end)


def _split(text: str, start: int, end: int, at: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    for match in at.finditer(text, start, end):
        yield start, match.start()
        start = match.end()
    yield start, end


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for match in _END.finditer(text, start, end):
        if not _ABBREVIATION.search(text, start, match.start() + 1):
            yield start, match.end()
            start = match.end()
    yield start, end


def _shortened(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A sentence whole, or cut at clauses where it is longer than LONGEST."""
    while end - start > LONGEST:
        cuts = [m.end() for m in _CLAUSE.finditer(text, start + 40, start + LONGEST)]
        if not cuts:
            space = text.rfind(" ", start + 40, start + LONGEST)
            if space < 0:
                break
            cuts = [space + 1]
        yield start, cuts[-1]
        start = cuts[-1]
    yield start, end
