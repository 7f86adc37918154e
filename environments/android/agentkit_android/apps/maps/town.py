"""The town that the map shows: streets, places, and the way from one to another.

Points are (x, y) from 0 to 1, x to the east and y to the south; the town is KM kilometres wide.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

Point = tuple[float, float]
KM = 4.0
ALL_DAY = "00:00-24:00"
NORTH, WEST, DEGREES = 54.34, 10.10, 0.04
"""Latitude and longitude of the corner in the north-west, and how many degrees it is wide."""
ACROSS = {  # streets from west to east, and how far south they are
    "Shore Road": 0.08, "Fisher Street": 0.2, "Market Street": 0.33, "Elm Street": 0.45,
    "Station Road": 0.57, "Mill Lane": 0.69, "Garden Street": 0.81, "Hill Road": 0.93,
}  # fmt: skip
DOWN = {  # streets from north to south, and how far east they are
    "Harbour Way": 0.14, "Church Street": 0.28, "King Street": 0.42, "Bridge Street": 0.56,
    "School Lane": 0.7, "Park Avenue": 0.84, "East Road": 0.95,
}  # fmt: skip
RIVER = ((0.62, 0.0), (0.62, 0.39), (0.66, 0.51), (0.62, 0.63), (0.64, 1.0))
BRIDGES = ("Fisher Street", "Elm Street", "Mill Lane", "Hill Road")
"""Only these cross the river, between Bridge Street and School Lane."""
SEA, PARK = (0.0, 0.0, 0.06, 1.0), (0.72, 0.34, 0.82, 0.56)


@dataclass(frozen=True, slots=True)
class Place:
    """at: where it stands. kind: one of KINDS. hours: of a day. rating: 1 to 5."""

    name: str
    kind: str
    street: str
    number: int
    at: Point
    phone: str = ""
    hours: str = ""
    rating: float = 0.0

    @property
    def address(self) -> str:
        return f"{self.street} {self.number}" if self.number else self.street


KINDS = {  # icon and colour
    "Restaurants": ("silverware-fork-knife", "#B3541E"), "Coffee": ("coffee", "#7B4B2A"),
    "Groceries": ("cart", "#2E6F40"), "Pharmacies": ("pill", "#A3264B"),
    "Museums": ("bank", "#5B4B9A"), "Parks": ("tree", "#2E7D32"), "Hotels": ("bed", "#8A3FA0"),
    "Petrol": ("fuel", "#37474F"), "Transport": ("train", "#0B57D0"),
    "Services": ("store", "#00696D"),
}  # fmt: skip
_LISTED = """
Korn Bakery|Coffee|Elm Street|12|0.47|06:30-18:00|4.8
Café Anker|Coffee|Shore Road|3|0.2|08:00-20:00|4.5
Blue Cup|Coffee|Market Street|41|0.5|07:30-19:00|4.1
Blue Cup Station|Coffee|Station Road|8|0.22|06:00-21:00|3.9
Trattoria Lucia|Restaurants|Market Street|18|0.35|12:00-23:00|4.6
Han River Kitchen|Restaurants|Fisher Street|22|0.33|11:30-22:00|4.7
The Old Net|Restaurants|Shore Road|15|0.35|17:00-23:30|4.2
Green Fork|Restaurants|Garden Street|30|0.5|11:00-21:00|4.4
Nordmarkt|Groceries|Station Road|55|0.5|07:00-22:00|4.0
Daily Basket|Groceries|Hill Road|9|0.35|08:00-21:00|3.8
Farmers’ Hall|Groceries|Market Street|60|0.76|08:00-14:00|4.9
Lion Pharmacy|Pharmacies|Elm Street|31|0.34|08:30-18:30|4.3
Bridge Pharmacy|Pharmacies|Mill Lane|44|0.52|08:00-20:00|4.0
Maritime Museum|Museums|Harbour Way|1|0.26|10:00-17:00|4.6
Museum of Lamps|Museums|Park Avenue|7|0.4|11:00-16:00|4.7
Town Gallery|Museums|Church Street|20|0.51|10:00-18:00|4.1
Castle Park|Parks|Park Avenue|0|0.45||4.8
Seaside Garden|Parks|Harbour Way|0|0.75||4.5
Hotel Lighthouse|Hotels|Shore Road|27|0.5|00:00-24:00|4.3
Pension Mill|Hotels|Mill Lane|61|0.78|07:00-22:00|4.0
Petrol North|Petrol|East Road|4|0.26|00:00-24:00|3.7
Central Station|Transport|Station Road|1|0.35|00:00-24:00|4.0
Ferry Terminal|Transport|Harbour Way|30|0.63|05:00-23:00|4.2
Airport Bus|Transport|East Road|60|0.75|04:00-24:00|3.9
Town Library|Services|School Lane|5|0.39|10:00-18:00|4.7
Post Office|Services|King Street|14|0.39|09:00-17:00|3.5
Town Hall|Services|Market Street|30|0.46|08:00-16:00|3.9
Dr Weiss, dentist|Services|Garden Street|2|0.2|09:00-17:00|4.8
University|Services|Hill Road|40|0.78|07:00-20:00|4.4
Fix It Bicycles|Services|Bridge Street|9|0.75|10:00-18:00|4.9
"""
HOME: Point = (0.42, 0.63)
"""Where the phone is."""


@cache
def places() -> dict[str, Place]:
    found = {}
    for number, line in enumerate(_LISTED.strip().splitlines()):
        name, kind, street, house, along, hours, rating = line.split("|")
        y = ACROSS.get(street)
        at = (float(along), y + 0.02) if y is not None else (DOWN[street] + 0.02, float(along))
        phone = "" if kind == "Parks" else f"+1 555 020 0{200 + number}"
        found[name] = Place(name, kind, street, int(house), at, phone, hours, float(rating))
    return found


def kilometres(a: Point, b: Point) -> float:
    return math.dist(a, b) * KM


def degrees(at: Point) -> tuple[float, float]:
    """Latitude and longitude."""
    return NORTH - at[1] * DEGREES, WEST + at[0] * DEGREES


def point(latitude: float, longitude: float) -> Point | None:
    """None where it is outside the town."""
    x, y = (longitude - WEST) / DEGREES, (NORTH - latitude) / DEGREES
    return (x, y) if 0 <= x <= 1 and 0 <= y <= 1 else None


# Streets as a graph: crossings are nodes, by the names of the two streets.

Node = tuple[str, str]


def spot(node: Node) -> Point:
    return DOWN[node[0]], ACROSS[node[1]]


@cache
def crossings() -> dict[Node, list[tuple[Node, str]]]:
    """To each crossing those that are next to it, and the street to there."""
    down, across = list(DOWN), list(ACROSS)
    found: dict[Node, list[tuple[Node, str]]] = {(d, a): [] for d in down for a in across}
    for n, d in enumerate(down):
        for m, a in enumerate(across):
            beside = []
            if n + 1 < len(down):
                cut = d == "Bridge Street" and a not in BRIDGES
                beside += [] if cut else [((down[n + 1], a), a)]
            if m + 1 < len(across):
                beside.append(((d, across[m + 1]), d))
            for other, street in beside:
                found[d, a].append((other, street))
                found[other].append(((d, a), street))
    return found


def nearest(at: Point) -> list[tuple[float, Node]]:
    """(kilometres, crossing) of the three that are nearest on the same side of the river."""
    side = [n for n in crossings() if (spot(n)[0] < 0.63) == (at[0] < 0.63)]
    return sorted((kilometres(spot(n), at), n) for n in side)[:3]


@dataclass(frozen=True, slots=True)
class Step:
    """turn: `start`, `left`, `right`, `straight` or `arrive`. length: kilometres on the street."""

    turn: str
    street: str
    length: float


@dataclass(frozen=True, slots=True)
class Route:
    points: tuple[Point, ...]
    steps: tuple[Step, ...]
    length: float


def route(start: Point, end: Point, closed: frozenset[str] = frozenset()) -> Route:
    """The shortest way by streets (Dijkstra, 1959). closed: bridges that cannot be crossed."""
    queue = nearest(start)
    best: dict[Node, float] = {node: far for far, node in queue}
    before: dict[Node, tuple[Node, str]] = {}
    while queue:
        far, node = heapq.heappop(queue)
        if far > best[node]:
            continue
        for other, street in crossings()[node]:
            if street in closed and {node[0], other[0]} == {"Bridge Street", "School Lane"}:
                continue
            length = far + kilometres(spot(node), spot(other))
            if length < best.get(other, math.inf):
                best[other], before[other] = length, (node, street)
                heapq.heappush(queue, (length, other))
    _, last = min((best.get(node, math.inf) + far, node) for far, node in nearest(end))
    nodes, streets = [last], []
    while nodes[-1] in before:
        node, street = before[nodes[-1]]
        nodes.append(node)
        streets.append(street)
    nodes.reverse()
    streets.reverse()
    points = (start, *map(spot, nodes), end)
    length = sum(kilometres(a, b) for a, b in pairwise(points))
    return Route(points, _steps(nodes, streets, points), length)


def _steps(nodes: list[Node], streets: list[str], points: tuple[Point, ...]) -> tuple[Step, ...]:
    steps: list[Step] = []
    for number, street in enumerate(streets):
        here, there = spot(nodes[number]), spot(nodes[number + 1])
        length = kilometres(here, there)
        if steps and steps[-1].street == street:
            steps[-1] = Step(steps[-1].turn, street, steps[-1].length + length)
            continue
        turn = "start"
        if steps:
            was = spot(nodes[number - 1])
            cross = (here[0] - was[0]) * (there[1] - here[1])
            cross -= (here[1] - was[1]) * (there[0] - here[0])
            turn = "right" if cross > 0 else "left" if cross < 0 else "straight"
        steps.append(Step(turn, street, length))
    ends = kilometres(points[0], points[1]) + kilometres(points[-2], points[-1])
    if not steps:  # both ends are at one crossing
        steps, ends = [Step("start", nodes[0][1], ends)], 0.0
    return (*steps, Step("arrive", "", ends))
