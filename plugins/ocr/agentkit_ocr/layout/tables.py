"""Tables: those with rules, found by their lines; those without, by how their text is aligned."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import cv2
import numpy as np

from agentkit_ocr.document import Cell, Item, Line, Rect, hull, overlap
from agentkit_ocr.layout.rows import Row, joined, rows_of

Reread = Callable[[Rect], Sequence[Line]]
"""Reads a part of the page again, by itself."""
WALL = 0.5  # of a cell's side must be ruled, to be a wall
MOST_CELLS = 5000


@dataclass(frozen=True, slots=True)
class Grid:
    """Rulings of one table: where they are, ascending, and where there are walls.

    across[i][j]: whether ruling ys[i] is drawn between xs[j] and xs[j + 1]; down[i][j]: whether
    ruling xs[j] is drawn between ys[i] and ys[i + 1].
    """

    xs: tuple[int, ...]
    ys: tuple[int, ...]
    across: tuple[tuple[bool, ...], ...]
    down: tuple[tuple[bool, ...], ...]

    @property
    def box(self) -> Rect:
        return self.xs[0], self.ys[0], self.xs[-1], self.ys[-1]


def rulings(mask: Any, size: float) -> tuple[Any, Any]:
    """(horizontal, vertical): masks of the straight lines longer than text is high.

    Args:
        size: of the text, in pixels.
    """
    long = max(20, round(2.2 * size))
    gap = max(3, round(0.12 * size))
    # Gaps are closed first: compression and blur break thin lines. A wider one would join letters.
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((1, gap), np.uint8))
    flat = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((1, 2 * long), np.uint8))
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((gap, 1), np.uint8))
    steep = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((long, 1), np.uint8))
    return _thin(flat, size, 1), _thin(steep, size, 0)


def grids(flat: Any, steep: Any, size: float) -> list[Grid]:
    """Tables of two rows and two columns at least, whose rulings touch each other."""
    near = max(3, round(0.5 * size)) | 1
    both = cv2.dilate(cv2.bitwise_or(flat, steep), np.ones((near, near), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(both)
    found = []
    for left, top, width, height, _ in stats[1:count]:
        if width < 4 * size or height < 2 * size:
            continue
        part = np.s_[top : top + height, left : left + width]
        ys = _places(flat[part], 1, 0.25 * width, size)
        xs = _places(steep[part], 0, 0.25 * height, size, least=1.2 * size)
        if len(xs) < 3 or len(ys) < 3 or len(xs) * len(ys) > MOST_CELLS:
            continue
        xs, ys = [x + left for x in xs], [y + top for y in ys]
        found.append(_grid(xs, ys, flat, steep, near))
    return found


def ruled_table(grid: Grid, lines: Sequence[Line], reread: Reread | None = None) -> Item:
    """The table of a grid with the text of the lines in it. A line that runs through a wall is read
    again, cell by cell."""
    taken = _cells(grid)
    texts: dict[tuple[int, int], list[Line]] = {}
    crossing: set[tuple[int, int]] = set()
    owner = {
        (row, column): key
        for key, (rows, columns) in taken.items()
        for row in range(key[0], key[0] + rows)
        for column in range(key[1], key[1] + columns)
    }
    for line in lines:
        x, y = line.middle
        row, column = _index(grid.ys, y), _index(grid.xs, x)
        texts.setdefault(owner[row, column], []).append(line)
        edge = 0.5 * line.height
        first, last = _index(grid.xs, line.box[0] + edge), _index(grid.xs, line.box[2] - edge)
        across = {owner[row, c] for c in range(first, last + 1)}
        if len(across) > 1:
            crossing |= across
    if reread is not None:
        for key in crossing:
            texts[key] = list(reread(_cell_box(grid, key, taken[key])))
    cells = tuple(
        Cell(key[0], key[1], joined(texts.get(key, ())), *taken[key]) for key in sorted(taken)
    )
    every = [line for key in sorted(taken) for line in texts.get(key, ())]
    return _table(cells, grid.box, every)


def aligned_tables(lines: Sequence[Line], size: float) -> list[tuple[Item, list[Line]]]:
    """Tables without rules, with the lines that they are made of: three rows at least, one after
    another, whose cells keep to common columns, and which are not columns of prose."""
    found = []
    run: list[Row] = []
    for row in [*rows_of(lines), None]:
        if row is not None and _follows(run, row, size):
            run.append(row)
            continue
        if table := _aligned(run, size):
            found.append(table)
        run = [row] if row is not None and len(row.lines) > 1 else []
    return found


# -- rulings ---------------------------------------------------------------------------------------


def _thin(mask: Any, size: float, axis: int) -> Any:
    """Without what is thicker than a ruling: filled boxes, pictures, large letters."""
    thick = max(3, round(0.45 * size))
    kernel = np.ones((thick, 1) if axis == 1 else (1, thick), np.uint8)
    bulk = cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel)
    return cv2.subtract(mask, bulk)


def _places(mask: Any, axis: int, length: float, size: float, least: float = 0.0) -> list[int]:
    """Where rulings lie that are long enough together, those of one line taken as one."""
    drawn = mask.sum(axis=axis, dtype=np.float64) / 255
    spread = max(1, round(0.15 * size))
    drawn = np.convolve(drawn, np.ones(2 * spread + 1), "same")
    wanted = max(min(length, 12 * size), least)
    places: list[int] = []
    inside = np.flatnonzero(drawn >= wanted)
    for group in np.split(inside, np.flatnonzero(np.diff(inside) > 0.4 * size) + 1):
        if len(group):
            places.append(round(float(np.average(group, weights=drawn[group]))))
    return places


def _grid(xs: list[int], ys: list[int], flat: Any, steep: Any, near: int) -> Grid:
    half = near // 2 + 1

    def drawn(mask: Any, top: int, bottom: int, left: int, right: int, axis: int) -> bool:
        part = mask[max(0, top) : bottom, max(0, left) : right]
        return bool(part.size) and float((part.max(axis=axis) > 0).mean()) >= WALL

    across = tuple(
        tuple(drawn(flat, y - half, y + half + 1, x0, x1, 0) for x0, x1 in itertools.pairwise(xs))
        for y in ys
    )
    down = tuple(
        tuple(drawn(steep, y0, y1, x - half, x + half + 1, 1) for x in xs)
        for y0, y1 in itertools.pairwise(ys)
    )
    return Grid(tuple(xs), tuple(ys), across, down)


def _cells(grid: Grid) -> dict[tuple[int, int], tuple[int, int]]:
    """(row, column) of each cell's upper left place -> (rows, columns) that it covers: places with
    no wall between them are one cell, as far as that is a rectangle."""
    rows, columns = len(grid.ys) - 1, len(grid.xs) - 1
    free = {(row, column) for row in range(rows) for column in range(columns)}
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for row, column in sorted(free):
        if (row, column) not in free:
            continue
        wide = 1
        while (row, column + wide) in free and not grid.down[row][column + wide]:
            wide += 1
        high = 1
        while all(
            (row + high, c) in free and not grid.across[row + high][c]
            for c in range(column, column + wide)
        ) and all(not grid.down[row + high][c] for c in range(column + 1, column + wide)):
            high += 1
        free -= {(r, c) for r in range(row, row + high) for c in range(column, column + wide)}
        found[row, column] = (high, wide)
    return found


def _index(places: Sequence[int], at: float) -> int:
    """The number of the interval that holds a coordinate, the nearest where none does."""
    return min(max(int(np.searchsorted(places, at)) - 1, 0), len(places) - 2)


def _cell_box(grid: Grid, key: tuple[int, int], span: tuple[int, int]) -> Rect:
    (row, column), (rows, columns) = key, span
    inset = 2
    return (
        grid.xs[column] + inset,
        grid.ys[row] + inset,
        grid.xs[column + columns] - inset,
        grid.ys[row + rows] - inset,
    )


# -- alignment -------------------------------------------------------------------------------------


def _follows(run: Sequence[Row], row: Row, size: float) -> bool:
    """Whether a row goes on with the table that ends in `run`."""
    if not run:
        return len(row.lines) > 1
    if row.box[1] - run[-1].box[3] > 1.6 * size:
        return False
    if len(row.lines) > 1:
        return _columns([*run, row], size) is not None
    # The rest of a cell that is broken in two: it must keep to one column.
    columns = _columns(run, size)
    (line,) = row.lines
    return columns is not None and any(
        left - size <= line.box[0] and line.box[2] <= right + size for left, right in columns[1:]
    )


def _columns(rows: Sequence[Row], size: float) -> list[tuple[float, float]] | None:
    """Left and right of the columns that all cells keep to; None where there are not two."""
    spans = sorted((line.box[0], line.box[2]) for row in rows for line in row.lines)
    columns = [spans[0]]
    for left, right in spans[1:]:
        if left - columns[-1][1] < 0.6 * size:
            columns[-1] = (columns[-1][0], max(columns[-1][1], right))
        else:
            columns.append((left, right))
    return columns if len(columns) > 1 else None


def _aligned(run: Sequence[Row], size: float) -> tuple[Item, list[Line]] | None:
    run = list(run)
    while run and len(run[-1].lines) == 1:
        run.pop()
    columns = _columns(run, size) if len(run) >= 3 else None
    if columns is None or sum(len(row.lines) > 1 for row in run) < 3 or _is_prose(run, columns):
        return None
    grid: list[list[list[Line]]] = []
    for row in run:
        if len(row.lines) > 1 or not grid:
            grid.append([[] for _ in columns])
        for line in row.lines:
            x = line.middle[0]
            place = min(
                range(len(columns)),
                key=lambda c: max(columns[c][0] - x, x - columns[c][1], 0.0),
            )
            grid[-1][place].append(line)
    cells = tuple(
        Cell(r, c, joined(texts)) for r, row in enumerate(grid) for c, texts in enumerate(row)
    )
    lines = [line for row in run for line in row.lines]
    return _table(cells, hull([line.box for line in lines]), lines), lines


def _is_prose(run: Sequence[Row], columns: Sequence[tuple[float, float]]) -> bool:
    """Whether these are columns of running text, or a list beside its marks."""
    cells = [line for row in run for line in row.lines]
    for left, right in columns:
        inside = [c for c in cells if overlap((left, right), (c.box[0], c.box[2])) > 0]
        full = median(cell.width / max(right - left, 1) for cell in inside)
        letters = median(len(cell.text) for cell in inside)
        if letters > 24 and full > 0.75:
            return True
    first = [c for c in cells if c.box[0] <= columns[0][0] + 1 or c.box[2] <= columns[0][1] + 1]
    marks = sum(len(cell.text) <= 3 and not cell.text.isalpha() for cell in first)
    if len(columns) == 2 and marks > 0.6 * len(first):
        return True
    return sum(line.mono for line in cells) > 0.6 * len(cells) and len(columns) == 2


def _table(cells: tuple[Cell, ...], box: Rect, lines: Sequence[Line]) -> Item:
    text = "\n".join(
        " | ".join(cell.text for cell in cells if cell.row == row)
        for row in sorted({cell.row for cell in cells})
    )
    letters = sum(len(line.text) for line in lines)
    sure = sum(line.confidence * len(line.text) for line in lines) / letters if letters else 1.0
    return replace(Item("table", text, box, tuple(lines), cells=cells), confidence=sure)
