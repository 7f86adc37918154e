"""How right a reading is: edit distance, precision as the paper has it, overlap of boxes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def edits(found: Sequence[object], true: Sequence[object]) -> int:
    """Levenshtein distance: least insertions, deletions and replacements."""
    row = np.arange(len(true) + 1)
    codes = {item: number for number, item in enumerate(dict.fromkeys([*found, *true]))}
    target = np.array([codes[item] for item in true], dtype=np.int64)
    for number, item in enumerate(found, 1):
        kept = np.minimum(row[1:] + 1, row[:-1] + (target != codes[item]))
        after = np.concatenate([[number], kept])
        # An insertion may follow another: the least of (earlier value + steps from there).
        steps = np.arange(len(after))
        row = np.minimum.accumulate(after - steps) + steps
    return int(row[-1])


def distance(found: str, true: str) -> float:
    """Edit distance over the longer text's length, 0..1; 0 where both are empty."""
    longest = max(len(found), len(true))
    return edits(found, true) / longest if longest else 0.0


def character_errors(found: str, true: str) -> float:
    """CER: edits over the true text's length; may pass 1."""
    return edits(found, true) / len(true) if true else float(bool(found))


def precision(found: str, true: str) -> float:
    """1 - normalised edit distance, 0..1: what the paper's compression study reports."""
    return 1.0 - distance(found, true)


Rectangle = tuple[float, float, float, float]


def overlap(a: Rectangle, b: Rectangle) -> float:
    """Intersection over union of (left, top, right, bottom)."""
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    both = max(0.0, wide) * max(0.0, high)
    areas = [(r[2] - r[0]) * (r[3] - r[1]) for r in (a, b)]
    return both / (sum(areas) - both) if both else 0.0


def spearman(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Rank correlation; ties share their mean rank."""
    a, b = (_ranks(np.asarray(values, float)) for values in (xs, ys))
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    order = np.argsort(values, kind="stable")
    ranks = np.empty(len(values))
    ranks[order] = np.arange(len(values))
    for value in np.unique(values):
        same = values == value
        ranks[same] = ranks[same].mean()
    return ranks
