"""The map as a picture: water, parks, streets with names, a route, and pins that can be tapped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from agentkit_android.apps.context import See
from agentkit_android.apps.maps import town
from agentkit_android.apps.maps.app import here
from agentkit_android.apps.maps.town import Place, Point
from agentkit_android.screen.acts import do
from agentkit_android.screen.views import Shape, View

ZOOMS = (1.0, 1.6, 2.5, 4.0)
LIGHT = {"land": "#E9EAE4", "water": "#9CC9E3", "park": "#B9DDB0", "street": "#FFFFFF",
         "name": "#45484D"}  # fmt: skip
DARK = {"land": "#242A31", "water": "#17364A", "park": "#20402C", "street": "#46505B",
        "name": "#C9D1D9"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Frame:
    """What of the town is seen. wide, high: how much of it, in its own units."""

    middle: Point
    wide: float
    high: float

    def __call__(self, at: Point) -> Point:
        """Where a point of the town is in the frame, from 0 to 1."""
        return (
            (at[0] - self.middle[0]) / self.wide + 0.5, (at[1] - self.middle[1]) / self.high + 0.5
        )  # fmt: skip

    def line(self, a: Point, b: Point) -> tuple[float, ...] | None:
        """The part of a line that is in the frame (Liang and Barsky, 1984)."""
        (x, y), (right, low) = self(a), self(b)
        across, down, first, last = right - x, low - y, 0.0, 1.0
        for step, room in ((-across, x), (across, 1 - x), (-down, y), (down, 1 - y)):
            if step == 0 and room < 0:
                return None
            if step < 0:
                first = max(first, room / step)
            elif step > 0:
                last = min(last, room / step)
        if first >= last:
            return None
        return x + first * across, y + first * down, x + last * across, y + last * down

    def area(self, box: tuple[float, float, float, float]) -> tuple[float, ...] | None:
        left, top = (min(1.0, max(0.0, c)) for c in self(box[:2]))
        right, low = (min(1.0, max(0.0, c)) for c in self(box[2:]))
        if left >= right or top >= low:
            return None
        return left, top, right, top, right, low, left, low


def frame(see: See, middle: Point, zoom: float, height: float) -> Frame:
    """height: of the picture in dp."""
    wide = 1 / zoom
    return Frame(middle, wide, wide * height / see.room[0])


def picture(
    see: See, seen: Frame, *, pins: Sequence[Place] = (), chosen: Place | None = None,
    way: Sequence[Point] = (), height: int | None = None, zoom: float = 1.0,
) -> View:  # fmt: skip
    ink = DARK if see.setting("secure", "ui_night_mode") == "2" else LIGHT
    shapes = [Shape("area", (0, 0, 1, 0, 1, 1, 0, 1), ink["land"])]
    for box, name in ((town.SEA, "water"), (town.PARK, "park")):
        if points := seen.area(box):
            shapes.append(Shape("area", points, ink[name]))
    _lines(shapes, seen, town.RIVER, ink["water"], 16 * zoom)
    for street, y in town.ACROSS.items():
        if street in town.BRIDGES:
            _lines(shapes, seen, ((0.06, y), (1.0, y)), ink["street"], 6 * zoom)
        else:
            _lines(shapes, seen, ((0.06, y), (town.DOWN["Bridge Street"], y)), ink["street"],
                   6 * zoom)  # fmt: skip
            _lines(shapes, seen, ((town.DOWN["School Lane"], y), (1.0, y)), ink["street"], 6 * zoom)
    for x in town.DOWN.values():
        _lines(shapes, seen, ((x, 0.0), (x, 1.0)), ink["street"], 6 * zoom)
    _lines(shapes, seen, way, "#1A66D6", 6)
    names: list[tuple[str, Point]] = [
        (name, (seen.middle[0] - seen.wide * 0.28, y)) for name, y in town.ACROSS.items()
    ]
    if zoom > 1.2:
        for number, (name, x) in enumerate(town.DOWN.items()):
            up = seen.middle[1] + seen.high * (0.22 if number % 2 else 0.34)
            names.append((name, (x, up)))
    _names(shapes, seen, names, ink["name"], see.room[0])
    if (mine := here(see)) and _inside(seen(mine)):
        shapes.append(Shape("disc", (*seen(mine), 0.026), "#FFFFFF"))
        shapes.append(Shape("disc", (*seen(mine), 0.018), "#1A66D6"))
    ground = View("canvas", shapes=tuple(shapes), description=see.t("Map"), resource="map",
                  pan=do("pan"), hold=None)  # fmt: skip
    marks: list[View] = []
    taken = [seen(chosen.at)] if chosen else []
    for one in pins:
        at = seen(one.at)
        if one != chosen and _inside(at) and all(_apart(at, t, seen, see.room[0]) for t in taken):
            taken.append(at)
            marks.append(_mark(see, seen, one))
    if chosen is not None and _inside(seen(chosen.at)):
        marks.append(
            View("icon", icon="map-marker", width=48, height=48, colour="#C5221F",
                 at=seen(chosen.at), description=chosen.name, resource="chosen_pin")
        )  # fmt: skip
    return View("stack", children=(ground, *marks), height=height, weight=0 if height else 1)


def _mark(see: See, seen: Frame, one: Place) -> View:
    name, shade = town.KINDS.get(one.kind, ("pin", "#C5221F"))
    return View(
        "icon", icon=name, width=28, height=28, corner=14, fill=shade, colour="white",
        at=seen(one.at), description=one.name, tap=do("choose", name=one.name), resource="pin",
    )  # fmt: skip


def _inside(at: Point) -> bool:
    return 0.04 < at[0] < 0.96 and 0.03 < at[1] < 0.97


def _lines(shapes: list[Shape], seen: Frame, points: Sequence[Point], ink: str, pen: float) -> None:
    for a, b in pairwise(points):
        if cut := seen.line(a, b):
            shapes.append(Shape("line", cut, ink, pen))


def _apart(a: Point, b: Point, seen: Frame, width: float) -> bool:
    """Whether two pins can be told from each other by a finger."""
    high = width * seen.high / seen.wide
    return abs(a[0] - b[0]) * width > 32 or abs(a[1] - b[1]) * high > 32


def _names(
    shapes: list[Shape], seen: Frame, names: Sequence[tuple[str, Point]], ink: str, width: float
) -> None:
    """As many as have room; none over another."""
    high = width * seen.high / seen.wide
    placed: list[tuple[float, float, float]] = []
    for name, at in names:
        x, y = seen(at)
        half = len(name) * 3.2
        free = all(
            abs(x * width - a) > half + wide or abs(y * high - b) > 14 for a, b, wide in placed
        )
        if 0.16 < x < 0.84 and 0.03 < y < 0.97 and free:
            placed.append((x * width, y * high, half))
            shapes.append(Shape("text", (x, y), ink, 11, name))
