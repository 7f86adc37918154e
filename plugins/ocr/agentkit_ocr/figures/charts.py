"""Charts read into tables, by Relative Mapping Similarity.

Source: DePlot (arXiv 2212.10505, section 3.3): a chart's table is a set of entries (row header,
column header, value) whose order says nothing; the thresholds are those that go with it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import Levenshtein

from agentkit_ocr.document import Cell
from agentkit_ocr.metrics import normal

TEXT = 0.5
"""tau: headers further apart than this, by normalised edit distance, have nothing in common."""
NUMBER = 0.1
"""theta: neither do numbers that are further apart than this share of the true one."""
_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:[eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class Entry:
    row: str
    column: str
    value: str


@dataclass(frozen=True, slots=True)
class Similarity:
    """Shares, 0 to 1: of what was read that is right, and of the truth that was read."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def entries(cells: Sequence[Cell]) -> list[Entry]:
    """A table's entries: its first row and first column are headers. A cell over several places is
    in all of them; empty ones are none."""
    grid: dict[tuple[int, int], str] = {}
    for cell in cells:
        for row in range(cell.row, cell.row + cell.rows):
            for column in range(cell.column, cell.column + cell.columns):
                grid[row, column] = normal(cell.text)
    return [
        Entry(grid.get((row, 0), ""), grid.get((0, column), ""), value)
        for (row, column), value in sorted(grid.items())
        if row and column and value
    ]


def number(text: str) -> float | None:
    """The number that a text is, but for signs of currency and per cent; None where it is none."""
    bare = text.strip().strip("$€£¥%").strip()
    if not any(c.isdigit() for c in bare) or _NUMBER.fullmatch(bare) is None:
        return None
    value = float(bare.replace(",", ""))
    return value if math.isfinite(value) else None


def value_similarity(truth: str, read: str) -> float:
    """1 for equal, 0 beyond the threshold: numbers by relative distance, other texts by edits."""
    one, other = number(truth), number(read)
    if one is None or other is None:
        return _text_similarity(truth, read)
    apart = abs(one - other) / abs(one) if one else float(one != other)
    return 1.0 - apart if apart <= NUMBER else 0.0


def mapping_similarity(truth: Sequence[Cell], read: Sequence[Cell]) -> Similarity:
    """RMS of two tables, of the one read as it is or turned on its side, whichever is nearer.

    Entries are paired so that their headers are most alike in sum; each pair counts by likeness of
    headers times likeness of values. Two tables without entries are equal.
    """
    wanted, found = entries(truth), entries(read)
    if not wanted or not found:
        equal = float(not wanted and not found)
        return Similarity(equal, equal)
    turned = [Entry(one.column, one.row, one.value) for one in found]
    return max((_similarity(wanted, one) for one in (found, turned)), key=lambda s: s.f1)


def _similarity(truth: Sequence[Entry], read: Sequence[Entry]) -> Similarity:
    from scipy.optimize import linear_sum_assignment

    keys = np.array(
        [[_text_similarity(_key(one), _key(other)) for other in truth] for one in read], float
    )
    pairs = zip(*linear_sum_assignment(keys, maximize=True), strict=True)
    alike = sum(keys[i, j] * value_similarity(truth[j].value, read[i].value) for i, j in pairs)
    return Similarity(float(alike) / len(read), float(alike) / len(truth))


def _key(entry: Entry) -> str:
    return f"{entry.row} {entry.column}".casefold()


def _text_similarity(one: str, other: str) -> float:
    apart = float(Levenshtein.normalized_distance(one, other))
    return 1.0 - apart if apart <= TEXT else 0.0
