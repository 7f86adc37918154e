"""Lines that stand beside each other are one row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agentkit_ocr.document import Line, Rect, hull, overlap
from agentkit_ocr.layout.looks import is_wide

_RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")


@dataclass(frozen=True, slots=True)
class Row:
    """Lines beside each other, from left to right."""

    lines: tuple[Line, ...]

    @property
    def box(self) -> Rect:
        return hull([line.box for line in self.lines])


def rows_of(lines: Iterable[Line]) -> list[Row]:
    """Rows from top to bottom. A line belongs to a row where it shares more than half of the lower
    one's height with it."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda one: one.middle[1]):
        if rows:
            last = rows[-1][-1]
            shared = overlap((last.box[1], last.box[3]), (line.box[1], line.box[3]))
            if shared > 0.5 * min(last.height, line.height):
                rows[-1].append(line)
                continue
        rows.append([line])
    return [Row(tuple(sorted(row, key=lambda one: one.box[0]))) for row in rows]


def joined(lines: Sequence[Line]) -> str:
    """Text of lines as one paragraph, row by row; words that a line's end cut are whole again."""
    rows = [row_text(row) for row in rows_of(lines)]
    return paragraph(rows)


def row_text(row: Row) -> str:
    """Text of a row in the direction in which its letters run."""
    lines = row.lines
    if sum(bool(_RIGHT_TO_LEFT.search(line.text)) for line in lines) > len(lines) / 2:
        lines = lines[::-1]
    return " ".join(line.text for line in lines)


def paragraph(rows: Sequence[str], hyphenated: bool = False) -> str:
    """Rows of text as one.

    Args:
        hyphenated: the page cuts words at the ends of lines, so that a hyphen there is not the
            word's own.
    """
    text = ""
    for row in rows:
        row = row.strip()
        if not text or not row:
            text += row
        elif text.endswith("-") and row[0].islower() and len(text) > 1 and text[-2].isalpha():
            text = (text[:-1] if hyphenated else text) + row
        elif _unspaced(text[-1]) and _unspaced(row[0]):
            text += row
        else:
            text += " " + row
    return text


def _unspaced(letter: str) -> bool:
    """Of a script that is written without blanks; Korean has them."""
    return is_wide(letter) and not "\uac00" <= letter <= "\ud7a3"
