"""From lines of text and a picture's ink to items in reading order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from agentkit_ocr.document import Item, Line, Rect, overlap
from agentkit_ocr.layout.blocks import Style, items_of, levelled
from agentkit_ocr.layout.looks import dressed, split, weighted_median
from agentkit_ocr.layout.order import regions
from agentkit_ocr.layout.rows import rows_of
from agentkit_ocr.layout.tables import Reread, aligned_tables, grids, ruled_table, rulings

__all__ = ["Reread", "analyse"]
_CUT = re.compile(r"[a-z]-$")


def analyse(lines: Sequence[Line], mask: Any, reread: Reread | None = None) -> list[Item]:
    """The items of a page, in reading order.

    Args:
        lines: in any order, of a straight page.
        mask: (height, width) uint8, 255 where there is ink.
        reread: reads a part of the page again; for cells that a line runs through.
    """
    lines = [line for line in lines if line.text.strip()]
    if not lines:
        return []
    if not all(line.size for line in lines):
        lines = split(dressed(lines, mask), mask)
    style = _style(lines)
    tables: list[Item] = []
    flat, steep = rulings(mask, style.size)
    for grid in grids(flat, steep, style.size):
        inside = [line for line in lines if _holds(grid.box, line.middle)]
        if inside:
            lines = [line for line in lines if line not in inside]
            tables.append(ruled_table(grid, inside, reread))
    for column in regions(lines, lambda line: line.box, style.size):
        for table, used in aligned_tables(column, style.size):
            lines = [line for line in lines if line not in used]
            tables.append(table)
    found: list[Item] = []
    things: list[Line | Item] = [*lines, *tables]
    for region in regions(things, lambda thing: thing.box, style.size):
        found += _region(region, style)
    return levelled(found, style)


def _region(region: Sequence[Line | Item], style: Style) -> list[Item]:
    """Items of a column: what stands between two tables is taken together."""
    items: list[Item] = []
    run: list[Line] = []
    for thing in sorted(region, key=lambda one: (one.box[1] + one.box[3]) / 2):
        if isinstance(thing, Line):
            run.append(thing)
            continue
        items += items_of(run, rows_of(run), style)
        run = []
        items.append(thing)
    return items + items_of(run, rows_of(run), style)


def _style(lines: Sequence[Line]) -> Style:
    size = weighted_median([line.size for line in lines], [len(line.text) for line in lines])
    size = max(size, 1.0)
    steps = []
    for above, below in _neighbours(lines):
        step = below.middle[1] - above.middle[1]
        if 0.9 * size < step < 2.5 * size:
            steps.append(step)
    pitch = sorted(steps)[len(steps) // 3] if steps else 1.4 * size
    cut = sum(bool(_CUT.search(line.text)) for line in lines)
    return Style(size, pitch, hyphenated=cut > max(2, 0.06 * len(lines)))


def _neighbours(lines: Sequence[Line]) -> list[tuple[Line, Line]]:
    """Each line with the nearest one below it."""
    found = []
    ordered = sorted(lines, key=lambda line: line.middle[1])
    for number, line in enumerate(ordered):
        for below in ordered[number + 1 : number + 40]:
            shared = overlap((line.box[0], line.box[2]), (below.box[0], below.box[2]))
            if shared > 0.5 * min(line.width, below.width) and below.middle[1] > line.box[3]:
                found.append((line, below))
                break
    return found


def _holds(box: Rect, point: tuple[float, float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]
