"""Units of a stored text that can be quoted: sentences, list items, table rows, lists as a whole.

Offsets are bytes of the UTF-8 text, because that is what a quote is verified by.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 420  # characters; longer sentences are cut at a clause
SHORTEST = 12
_WRAPPED = 50  # a line so long, without an end mark, goes on in the next one

_BLOCK = re.compile(r"\n[ \t]*\n+")
_ITEM = re.compile(r"[ \t]*(?:[-*•+|>#]|\d{1,3}[.)])[ \t]")
_END = re.compile(r"[.!?…][\"'”’)\]]*(?=\s+[\"'“‘(\[]*[^\sa-z])|[。！？]")
_CLAUSE = re.compile(r"[;:]\s|\s[–—]\s|,\s(?=(?:and|but|or|so|which|where|because|however)\b)")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|cf|approx|incl|resp|no|fig|sec|ch|vol|dr|mr|mrs|ms|prof|st|inc|ltd|"
    r"al)|\b[A-Z])\.$",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of text with its byte offsets, half open."""

    start: int
    end: int
    text: str


def units(text: str, offset: int = 0, *, short: bool = False) -> list[Unit]:
    """The units of a text, without the white space around them, by where they start.

    A lead-in ("one of the following:") gives one unit with the list that it leads to, beside a
    unit for each item: the only overlap there is.

    Args:
        text: a whole stored text or a passage of one.
        offset: the byte at which it starts in the stored text.
        short: lines as they are, also those of less than SHORTEST characters: rows of a table.
    """
    plain = text.isascii()
    found = []
    lines = ((m.start(), m.end()) for m in re.finditer(r"[^\n]+", text))
    for start, end in lines if short else _pieces(text):
        while start < end and text[start].isspace():
            start += 1
        while end > start and text[end - 1].isspace():
            end -= 1
        wide = len(text[start:end].encode()) > 2 * (end - start)  # a script of few, wide letters
        if end - start < (1 if short else SHORTEST // 2 if wide else SHORTEST):
            continue
        first = start if plain else len(text[:start].encode())
        size = end - start if plain else len(text[start:end].encode())
        found.append(Unit(offset + first, offset + first + size, text[start:end]))
    return found


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    for block_start, block_end in _blocks(text):
        lines = list(_lines(text, block_start, block_end))
        for n, (start, end) in enumerate(lines):
            sentences = list(_sentences(text, start, end))
            if text[start:end].rstrip().endswith(":"):
                lead = sentences.pop()[0]
                below = [last for _, last in lines[n:] if last - lead <= LONGEST]
                yield lead, (below or [end])[-1]
            for first, last in sentences:
                yield from _shortened(text, first, last)


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for match in _BLOCK.finditer(text):
        yield start, match.start()
        start = match.end()
    yield start, len(text)


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Lines that say something of their own; the lines of a wrapped paragraph are one."""
    first = line = start
    while (at := text.find("\n", line, end)) >= 0:
        before, after = text[line:at].rstrip(), text[at + 1 : end]
        goes_on = len(before) >= _WRAPPED and before[-1] not in ".!?:;|"
        if not goes_on or _ITEM.match(after):
            yield first, at
            first = at + 1
        line = at + 1
    yield first, end


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
