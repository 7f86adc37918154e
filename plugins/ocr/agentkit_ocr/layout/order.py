"""Reading order: columns before rows, and what runs over all columns where it stands.

A recursive cut in the manner of XY-cut (Nagy and Seth 1984), with one change: a page is cut across
only at boxes that block a gutter, never at every white gap, since the lines of two columns often
stand beside each other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from agentkit_ocr.document import Rect

T = TypeVar("T")
SIDES = 0.12  # of a region's width: a gutter is not looked for nearer to its edges
BLOCKED = 0.55  # of a region's height, that boxes over the gutter may take
SCALE = 8  # positions are tried every so many parts of the text's size


def regions(things: Sequence[T], box: Callable[[T], Rect], size: float) -> list[list[T]]:
    """Groups in reading order, each from top to bottom: columns, and parts of columns.

    Args:
        size: of the text, in pixels.
    """
    found: list[list[T]] = []
    _cut(sorted(things, key=lambda one: (box(one)[1], box(one)[0])), box, size, found, 0)
    return found


def _cut(
    things: list[T], box: Callable[[T], Rect], size: float, found: list[list[T]], depth: int
) -> None:
    at = _gutter([box(one) for one in things], size) if len(things) > 3 and depth < 8 else None
    if at is None:
        if things:
            found.append(things)
        return
    band: list[T] = []
    for group, blocks in _bands(things, box, at):
        if blocks:
            _cut_band(band, box, size, found, at, depth)
            band = []
            _cut(group, box, size, found, depth + 1)
        else:
            band = group
    _cut_band(band, box, size, found, at, depth)


def _cut_band(
    band: list[T],
    box: Callable[[T], Rect],
    size: float,
    found: list[list[T]],
    at: float,
    depth: int,
) -> None:
    left = [one for one in band if (box(one)[0] + box(one)[2]) / 2 < at]
    right = [one for one in band if (box(one)[0] + box(one)[2]) / 2 >= at]
    for side in (left, right):
        if side:
            _cut(side, box, size, found, depth + 1)


def _bands(things: Sequence[T], box: Callable[[T], Rect], at: float) -> list[tuple[list[T], bool]]:
    """Runs from top to bottom of things that cross the gutter and of things beside it."""
    crossing = [one for one in things if _crosses(box(one), at)]
    beside = [one for one in things if not _crosses(box(one), at)]
    tops = [(box(one)[1] + box(one)[3]) / 2 for one in crossing]
    bands: list[tuple[list[T], bool]] = []
    events = [(top, True, one) for top, one in zip(tops, crossing)]
    events += [((box(one)[1] + box(one)[3]) / 2, False, one) for one in beside]
    for _, blocks, one in sorted(events, key=lambda event: event[0]):
        if bands and bands[-1][1] == blocks:
            bands[-1][0].append(one)
        else:
            bands.append(([one], blocks))
    return bands


def _gutter(boxes: Sequence[Rect], size: float) -> float | None:
    """The x of the white between two columns; None where there are none."""
    left, right = min(b[0] for b in boxes), max(b[2] for b in boxes)
    width = right - left
    best: tuple[float, float] | None = None
    step = max(1.0, size / SCALE)
    x = left + SIDES * width
    total = sum(b[3] - b[1] for b in boxes)
    while x < right - SIDES * width:
        blocked = sum(b[3] - b[1] for b in boxes if b[0] < x + 0.4 * size and b[2] > x - 0.4 * size)
        if best is None or blocked < best[0] - 1e-6:
            best = (blocked, x)
        x += step
    if best is None or best[0] > BLOCKED * total:
        return None
    at = _middle(boxes, best[1], size)
    lefts = [b for b in boxes if b[2] <= at]
    rights = [b for b in boxes if b[0] >= at]
    return at if _are_columns(lefts, rights, size) else None


def _middle(boxes: Sequence[Rect], x: float, size: float) -> float:
    """The middle of the white around x."""
    beside = [b for b in boxes if not _crosses(b, x)]
    before = max((b[2] for b in beside if b[2] <= x), default=x)
    after = min((b[0] for b in beside if b[0] >= x), default=x)
    return (before + after) / 2


def _are_columns(lefts: Sequence[Rect], rights: Sequence[Rect], size: float) -> bool:
    """Whether both sides are columns: of some lines each, beside each other, and wide enough to be
    text rather than numbers or marks."""
    for side in (lefts, rights):
        tall = sum(b[3] - b[1] for b in side)
        wide = sorted(b[2] - b[0] for b in side)
        if len(side) < 2 and tall < 4 * size:
            return False
        if not side or wide[int(0.7 * len(wide))] < 5 * size:
            return False
    top = max(min(b[1] for b in lefts), min(b[1] for b in rights))
    bottom = min(max(b[3] for b in lefts), max(b[3] for b in rights))
    return bottom - top > 2 * size


def _crosses(box: Rect, at: float) -> bool:
    return box[0] < at < box[2]
