"""Plane geometry read into line segments and named points.

The form is that of Slow Perception (arXiv 2412.20631), which DeepSeek-OCR follows: segments as
"(x1, y1) -- (x2, y2)", points as "A: (x, y)", in coordinates of the figure's own.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

TOLERANCE = 0.05
"""Of the true figure's longer side: how far ends and points may be off."""
MOST = 500  # segments of an answer that are looked at: one that runs in circles has more
Point = tuple[float, float]
_AT = r"\(\s*(-?\d{1,6}(?:\.\d{1,6})?)\s*,\s*(-?\d{1,6}(?:\.\d{1,6})?)\s*\)"
_SEGMENT = re.compile(rf"{_AT}\s*--?\s*{_AT}")
_NAMED = re.compile(rf"\b([A-Z][A-Za-z0-9']{{0,3}})\s*[:=]\s*{_AT}")


@dataclass(frozen=True, slots=True)
class Segment:
    """From `a` to `b`; a segment has no direction."""

    a: Point
    b: Point


@dataclass(frozen=True, slots=True)
class Drawing:
    segments: tuple[Segment, ...] = ()
    points: tuple[tuple[str, Point], ...] = ()

    def write(self) -> str:
        """The answer that `parse` reads as this."""
        lines = [f"({s.a[0]:g}, {s.a[1]:g}) -- ({s.b[0]:g}, {s.b[1]:g})" for s in self.segments]
        return "\n".join([*lines, *(f"{name}: ({x:g}, {y:g})" for name, (x, y) in self.points)])


@dataclass(frozen=True, slots=True)
class Match:
    """right: pairs that match; true, read: how many there are."""

    right: int
    true: int
    read: int

    @property
    def precision(self) -> float:
        return self.right / self.read if self.read else float(not self.true)

    @property
    def recall(self) -> float:
        return self.right / self.true if self.true else float(not self.read)

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.true + self.read) if self.true + self.read else 1.0


def parse(answer: str) -> Drawing:
    """The segments and named points of an answer, in its order; a name's last place counts."""
    found = []
    for match in _SEGMENT.finditer(answer):
        x1, y1, x2, y2 = map(float, match.groups())
        found.append(Segment((x1, y1), (x2, y2)))
        if len(found) == MOST:
            break
    named = {m[1]: (float(m[2]), float(m[3])) for m in _NAMED.finditer(answer)}
    return Drawing(tuple(found), tuple(list(named.items())[:MOST]))


def centred(drawing: Drawing) -> Drawing:
    """Moved so that the box around its segments has its middle at the origin: where on the picture
    a figure stands is not part of it (section 3.4.2: translation leaves the truth as it is)."""
    ends = [end for s in drawing.segments for end in (s.a, s.b)]
    ends = ends or [place for _, place in drawing.points]
    if not ends:
        return drawing
    xs, ys = zip(*ends)
    dx, dy = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    return Drawing(
        tuple(
            Segment((s.a[0] - dx, s.a[1] - dy), (s.b[0] - dx, s.b[1] - dy))
            for s in drawing.segments
        ),
        tuple((name, (x - dx, y - dy)) for name, (x, y) in drawing.points),
    )


def match_segments(truth: Drawing, read: Drawing, tolerance: float = TOLERANCE) -> Match:
    """Segments paired one to one, as many as can be, where both ends are near enough; either end
    may come first."""
    one, other = truth.segments, read.segments
    if not one or not other:
        return Match(0, len(one), len(other))
    from scipy.optimize import linear_sum_assignment

    near = tolerance * _side(truth)
    fits = np.array([[_apart(a, b) <= near for b in other] for a in one], float)
    rows, columns = linear_sum_assignment(fits, maximize=True)
    return Match(int(fits[rows, columns].sum()), len(one), len(other))


def match_points(truth: Drawing, read: Drawing, tolerance: float = TOLERANCE) -> Match:
    """Points of one name that are near enough."""
    near, found = tolerance * _side(truth), dict(read.points)
    right = sum(
        name in found and math.dist(place, found[name]) <= near for name, place in truth.points
    )
    return Match(right, len(truth.points), len(found))


def _apart(one: Segment, other: Segment) -> float:
    """The distance of the ends that are further apart, the better way round."""
    straight = max(math.dist(one.a, other.a), math.dist(one.b, other.b))
    return min(straight, max(math.dist(one.a, other.b), math.dist(one.b, other.a)))


def _side(drawing: Drawing) -> float:
    ends: list[Point] = [end for s in drawing.segments for end in (s.a, s.b)]
    ends += [place for _, place in drawing.points]
    xs, ys = [x for x, _ in ends], [y for _, y in ends]
    return max(max(xs) - min(xs), max(ys) - min(ys))
