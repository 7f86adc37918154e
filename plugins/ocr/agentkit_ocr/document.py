"""What is read from a document: pages of items, items of lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

Kind = Literal["heading", "paragraph", "list", "code", "table", "figure"]
Rect = tuple[float, float, float, float]
"""left, top, right, bottom in pixels."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text as it was read. size: of its font in pixels, 0 where it is not known; bold and
    mono: how its letters look."""

    text: str
    box: Rect
    confidence: float = 1.0
    size: float = 0.0
    bold: bool = False
    mono: bool = False

    @property
    def width(self) -> float:
        return self.box[2] - self.box[0]

    @property
    def height(self) -> float:
        return self.box[3] - self.box[1]

    @property
    def middle(self) -> tuple[float, float]:
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table, over `rows` x `columns` places of its grid."""

    row: int
    column: int
    text: str
    rows: int = 1
    columns: int = 1


@dataclass(frozen=True, slots=True)
class Item:
    """One thing of a page, at its place in the reading order.

    level: of a heading, from 1; of a list's entry, its depth from 0. marker: of a list's entry: "-"
    or its number as it is printed. cells: of a table. text: of code with its line breaks.
    """

    kind: Kind
    text: str
    box: Rect
    lines: tuple[Line, ...] = ()
    level: int = 0
    marker: str = ""
    cells: tuple[Cell, ...] = ()
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Page:
    """One page. number: from 1. Boxes are in pixels of the picture that was read, width x height,
    turned by `turn` quarters to the right and then straightened by `skew` degrees.

    source: "text layer" or "read". warnings: what is worth knowing: "blank", "low confidence" …
    error: why the page could not be read; it then has no items.
    """

    number: int
    width: int
    height: int
    items: tuple[Item, ...] = ()
    source: str = "read"
    skew: float = 0.0
    turn: int = 0
    warnings: tuple[str, ...] = ()
    error: str = ""
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        plain = asdict(self)
        for item in plain["items"]:
            item["box"] = [round(side, 1) for side in item["box"]]
            for line in item["lines"]:
                line["box"] = [round(side, 1) for side in line["box"]]
                line["confidence"], line["size"] = (
                    round(line["confidence"], 3),
                    round(line["size"], 1),
                )
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Page:
        """Raises:
        KeyError, TypeError, ValueError: it is not what `to_json` gives.
        """
        items = tuple(
            Item(
                **{
                    **item,
                    "box": _rect(item["box"]),
                    "lines": tuple(Line(**{**ln, "box": _rect(ln["box"])}) for ln in item["lines"]),
                    "cells": tuple(Cell(**cell) for cell in item["cells"]),
                }
            )
            for item in plain["items"]
        )
        return cls(**{**plain, "items": items, "warnings": tuple(plain["warnings"])})

    def corners(self, box: Rect) -> list[tuple[float, float]]:
        """A box's four corners, from its upper left clockwise as it is read, in the picture as it
        was before it was turned and straightened."""
        left, top, right, bottom = box
        angle, middle = math.radians(self.skew), (self.width / 2, self.height / 2)
        found = []
        for x, y in ((left, top), (right, top), (right, bottom), (left, bottom)):
            dx, dy = x - middle[0], y - middle[1]
            x = middle[0] + dx * math.cos(angle) - dy * math.sin(angle)
            y = middle[1] + dx * math.sin(angle) + dy * math.cos(angle)
            width, height = self.width, self.height
            for _ in range(self.turn % 4):  # back, a quarter to the left each time
                x, y = y, width - x
                width, height = height, width
            found.append((x, y))
        return found

    def original_box(self, box: Rect) -> Rect:
        """The upright box around it in the picture as it was."""
        xs, ys = zip(*self.corners(box))
        return min(xs), min(ys), max(xs), max(ys)


@dataclass(frozen=True, slots=True)
class Document:
    """A file that was read."""

    name: str
    pages: tuple[Page, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def items(self) -> list[Item]:
        return [item for page in self.pages for item in page.items]


def hull(boxes: Sequence[Rect]) -> Rect:
    """The box around all of them, of which there is one at least."""
    lefts, tops, rights, bottoms = zip(*boxes)
    return min(lefts), min(tops), max(rights), max(bottoms)


def overlap(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Length that two intervals share; negative is the gap between them."""
    return min(a[1], b[1]) - max(a[0], b[0])


def moved(line: Line, dx: float, dy: float) -> Line:
    left, top, right, bottom = line.box
    return replace(line, box=(left + dx, top + dy, right + dx, bottom + dy))


def _rect(sides: Sequence[float]) -> Rect:
    left, top, right, bottom = (float(side) for side in sides)
    return left, top, right, bottom
