"""What the parts of the map share: what is saved, how places are found, how lengths are told."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote_plus

from agentkit_android.apps.app import App, Filter
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.maps import town
from agentkit_android.apps.maps.town import Place, Point
from agentkit_android.apps.strings import own
from agentkit_android.phone import intents

PACKAGE = "com.example.maps"
LOCATION = "android.permission.ACCESS_FINE_LOCATION"
SCHEMA = """
CREATE TABLE lists (_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE saved (
    _id INTEGER PRIMARY KEY, list INTEGER NOT NULL, name TEXT NOT NULL, x REAL NOT NULL,
    y REAL NOT NULL, note TEXT NOT NULL DEFAULT ''
);
CREATE TABLE labels (label TEXT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE searches (_id INTEGER PRIMARY KEY, text TEXT NOT NULL, date INTEGER NOT NULL);
CREATE TABLE trips (
    _id INTEGER PRIMARY KEY, start TEXT NOT NULL, goal TEXT NOT NULL, mode TEXT NOT NULL,
    began INTEGER NOT NULL, ended INTEGER
);
"""
LISTS = ("Favourites", "Want to go", "Starred places")
SPEEDS = {  # kilometres an hour, and minutes of waiting
    "car": (26.0, 2), "transit": (18.0, 6), "walk": (4.8, 0), "bike": (14.0, 1),
}  # fmt: skip
MODES = {
    "car": ("car", "Drive"), "transit": ("bus", "Transit"), "walk": ("walk", "Walk"),
    "bike": ("bike", "Cycle"),
}  # fmt: skip
APP = App(
    PACKAGE, "Maps", "#137333", icon="google-maps", schema=SCHEMA, permissions=(LOCATION,),
    strings=own("maps"),
    filters=(Filter(intents.VIEW, ".Main", schemes=("geo", "google.navigation")),),
)  # fmt: skip


@APP.begins
def begin(do: Do) -> None:
    for name in LISTS:
        do.run("INSERT INTO lists (name) VALUES (?)", name)
    save(do, 1, "Korn Bakery")
    do.run("INSERT INTO searches (text, date) VALUES ('pharmacy', ?)", do.now - 86400)


def save(do: Do, number: int, name: str) -> None:
    found = place(do, name)
    if found:
        do.run("INSERT INTO saved (list, name, x, y) VALUES (?, ?, ?, ?)",
               number, name, *found.at)  # fmt: skip


def place(see: See, name: str) -> Place | None:
    """Of this name: one of the town, a pin (`54.32100, 10.12000`), or a label (Home, Work)."""
    if name in town.places():
        return town.places()[name]
    if found := re.fullmatch(r"\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*", name):
        at = town.point(float(found[1]), float(found[2]))
        return Place(name.strip(), "", "", 0, at) if at else None
    label = see.one("SELECT name FROM labels WHERE label = ?", name)
    return town.places().get(str(label)) if label else None


def pin(at: Point) -> str:
    """The name of a place that has none."""
    latitude, longitude = town.degrees(at)
    return f"{latitude:.5f}, {longitude:.5f}"


def here(see: See) -> Point | None:
    """Where the phone is; None while it may not be known."""
    known = see.allowed(LOCATION) and see.setting("secure", "location_mode") != "0"
    return town.HOME if known else None


def found(see: See, text: str) -> list[Place]:
    """Places by name, kind or address, near ones first."""
    wanted = text.strip().casefold()
    middle = here(see) or (0.5, 0.5)
    hits = [
        p
        for p in town.places().values()
        if wanted in f"{p.name} {p.kind} {p.address}".casefold()
        or wanted in see.t(p.kind).casefold()
        or (len(wanted) > 4 and wanted.rstrip("sy") in p.kind.casefold())
    ]
    return sorted(hits, key=lambda p: (town.kilometres(middle, p.at), p.name))


def asked_for(data: str) -> tuple[str, str]:
    """(what, text) of a geo: or google.navigation: address: `go` there, `find` it, or a `pin`."""
    scheme, _, rest = data.partition(":")
    query = parse_qs(rest.partition("?")[2]).get("q", [""])[0]
    if scheme == "google.navigation":
        return "go", unquote_plus(rest.partition("q=")[2].partition("&")[0])
    if query:
        named = re.fullmatch(r"[-\d.]+,[-\d.]+\((.+)\)", query)
        return "find", named[1] if named else query
    return "pin", ", ".join(rest.partition("?")[0].split(",")[:2])


def length(see: See, kilometres: float) -> str:
    if see.preference("units", "km") == "miles":
        return see.t("{n} mi", n=f"{kilometres / 1.609:.1f}")
    if kilometres < 1:
        return see.t("{n} m", n=max(10, round(kilometres * 100) * 10))
    return see.t("{n} km", n=f"{kilometres:.1f}")


def minutes(kilometres: float, mode: str) -> int:
    speed, wait = SPEEDS[mode]
    return max(1, round(kilometres / speed * 60 + wait))


def is_open(see: See, hours: str) -> bool:
    first, _, last = hours.partition("-")
    now = f"{see.now // 3600 % 24:02}:{see.now // 60 % 60:02}"
    return bool(hours) and first <= now < last
