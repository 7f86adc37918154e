"""Maps: a town of its own, with places to find, keep and go to."""

from __future__ import annotations

import math

from agentkit_android.apps.app import App, Filter
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.strings import own
from agentkit_android.phone import intents
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Act, Intent, do, go, put, send, show
from agentkit_android.screen.views import Overlay, Shape, View

PACKAGE = "com.example.maps"
PERMISSION = "android.permission.ACCESS_FINE_LOCATION"
SCHEMA = """
CREATE TABLE places (
    _id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, address TEXT NOT NULL,
    x REAL NOT NULL, y REAL NOT NULL, phone TEXT NOT NULL DEFAULT '',
    hours TEXT NOT NULL DEFAULT '',
    saved INTEGER NOT NULL DEFAULT 0, mine INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE searches (_id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, at INTEGER NOT NULL);
"""
KINDS = {
    "Café": ("coffee", "#8C4A00"), "Restaurant": ("silverware-fork-knife", "#B3261E"),
    "Park": ("tree", "#386A20"),
    "Library": ("library", "#00639B"), "Hospital": ("hospital-building", "#9A4058"),
    "Station": ("train", "#3C4043"),
    "Hotel": ("bed", "#6750A4"), "Shop": ("store", "#006A60"), "Bank": ("bank", "#5F6368"),
    "Pin": ("map-marker", "#C5221F"),
}  # fmt: skip
BEGUN = (
    ("Corner Café", "Café", "3 Mill Lane", 2.2, 3.1, "+1 555 012 0001", "07:00–18:00"),
    ("Blue Kettle", "Café", "41 Harbour Street", 6.4, 1.2, "+1 555 012 0002", "08:00–20:00"),
    ("Trattoria Lucia", "Restaurant", "12 Market Square", 4.5, 4.2, "+1 555 012 0003",
    "12:00–23:00"),
    ("한강 식당", "Restaurant", "8 River Road", 7.3, 5.8, "+1 555 012 0004", "11:00–21:30"),
    ("Linden Park", "Park", "Park Avenue", 1.2, 6.4, "", ""),
    ("Town Library", "Library", "1 Market Square", 4.1, 3.7, "+1 555 012 0006", "09:00–19:00"),
    ("St. Anne Hospital", "Hospital", "90 North Road", 5.5, 8.2, "+1 555 012 0007", "24 h"),
    ("Central Station", "Station", "Station Square", 3.3, 1.0, "", "24 h"),
    ("Hotel Meridian", "Hotel", "5 Harbour Street", 6.9, 2.1, "+1 555 012 0009", "24 h"),
    ("Green Grocer", "Shop", "17 Mill Lane", 2.6, 2.4, "+1 555 012 0010", "08:00–19:00"),
    ("Savings Bank", "Bank", "3 Market Square", 4.9, 3.5, "+1 555 012 0011", "09:00–16:00"),
)  # fmt: skip
SIDE, VIEWED = 10.0, {"near": 4.0, "town": 10.0}
HERE = (3.8, 4.8)
SPEEDS = {"walk": ("walk", "Walk", 5.0), "bike": ("bike", "Bicycle", 16.0), "bus": ("bus", "Bus",
20.0),
          "car": ("car", "Car", 30.0)}  # fmt: skip
ROADS = (1.6, 3.4, 4.6, 6.2, 7.8)
APP = App(
    PACKAGE, "Maps", "#0F9D58", icon="google-maps", strings=own("maps"), schema=SCHEMA,
    permissions=(PERMISSION,),
    filters=(Filter(intents.VIEW, ".Main", schemes=("geo",)),),
)  # fmt: skip


@APP.begins
def begin(do: Do) -> None:
    for name, kind, address, x, y, phone, hours in BEGUN:
        do.add("places", name=name, kind=kind, address=address, x=x, y=y, phone=phone, hours=hours)


def distance(x: float, y: float) -> float:
    """Kilometres from here along the streets; a unit of the map is 400 m."""
    return (abs(x - HERE[0]) + abs(y - HERE[1])) * 0.4


def drawn(see: See, chosen: int = 0, *, height: int | None = None, route: bool = False) -> View:
    """The town around what is chosen, or around here."""
    place = see.row("SELECT * FROM places WHERE _id = ?", chosen)
    zoom = see.get("zoom", "town")
    span = VIEWED[zoom]
    centre = (
        (place["x"], place["y"]) if place and zoom == "near" else HERE if zoom == "near" else (5, 5)
    )
    left, top = centre[0] - span / 2, centre[1] - span / 2

    def at(x: float, y: float) -> tuple[float, float]:
        return min(1.0, max(0.0, (x - left) / span)), min(1.0, max(0.0, (y - top) / span))

    shapes = [Shape("area", (0, 0, 1, 0, 1, 1, 0, 1), "surface-container-high")]
    park = (*at(0.4, 5.4), *at(2.0, 5.4), *at(2.0, 7.4), *at(0.4, 7.4))
    river: list[float] = []
    shapes.append(Shape("area", park, "#A8D5A2"))
    for n in range(41):
        river += at(n / 4, 6.8 + 0.5 * math.sin(n / 5))
    shapes.append(Shape("line", tuple(river), "#8AB4F8", 10))
    for road in ROADS:
        shapes.append(Shape("line", (*at(road, 0), *at(road, SIDE)), "surface", 6))
        shapes.append(Shape("line", (*at(0, road), *at(SIDE, road)), "surface", 6))
    if place and route:
        way = (*at(*HERE), *at(place["x"], HERE[1]), *at(place["x"], place["y"]))
        shapes.append(Shape("line", way, "primary", 5))
    for row in see.rows("SELECT * FROM places"):
        x, y = at(row["x"], row["y"])
        if 0 < x < 1 and 0 < y < 1:
            shade = KINDS.get(row["kind"], KINDS["Pin"])[1]
            size = 0.03 if row["_id"] == chosen else 0.016
            shapes.append(Shape("disc", (x, y, size), shade))
    if see.allowed(PERMISSION) and see.setting("secure", "location_mode") != "0":
        shapes += [
            Shape("disc", (*at(*HERE), 0.026), "white"),
            Shape("disc", (*at(*HERE), 0.018), "#1A73E8"),
        ]
    return View("canvas", shapes=tuple(shapes), height=height, weight=0 if height else 1,
                description=see.t("Map"), resource="map")  # fmt: skip


@APP.screen(".Main")
def main(see: See) -> View:
    zoomed = see.get("zoom", "town") == "near"
    pill = View(
        "row", height=48, corner=24, fill="surface-container-high", padding=(16, 0, 16, 0), gap=12,
        children=(ui.icon("magnify"), ui.text(see.t("Search here"), "row", "on-surface-variant")),
        tap=go(".Search"), description=see.t("Search here"), resource="search_pill",
    )  # fmt: skip
    chips = ui.chips(
        *(
            ui.chip(see.t(k), go(".Search", kind=k), icon=KINDS[k][0])
            for k in ("Café", "Restaurant", "Hotel", "Shop")
        )
    )
    bar = View(
        "row", height=64, fill="surface-container", children=tuple(
            View("stack", children=(icon,)) for icon in (
                ui.icon("crosshairs-gps", see.t("My location"), do("locate")),
                ui.icon("minus" if zoomed else "plus", see.t("Zoom out" if zoomed else "Zoom in"),
                        put("zoom", "town" if zoomed else "near")),
                ui.icon("star", see.t("Saved places"), go(".Search", saved=1)),
                ui.icon("map-marker-plus", see.t("Add place"), go(".Edit")),
            )
        ),
    )  # fmt: skip
    head = View("column", children=(pill,), padding=(16, 8, 16, 0))
    return View("column", children=(head, chips, drawn(see), bar), fill="surface")


@APP.on("locate")
def locate(do: Do) -> None:
    do.ask(PERMISSION, Act("do", "located"), Act("do", "denied"))


@APP.on("located")
def located(do: Do) -> None:
    if do.setting("secure", "location_mode") == "0":
        return do.toast(do.t("Turn on location in Settings"))
    return do.put("zoom", "near")


@APP.on("denied")
def denied(do: Do) -> None:
    do.toast(do.t("Without the permission you are not on the map"))


@APP.screen(".Search")
def search(see: See) -> View:
    wanted, kind = see.text("query").strip(), str(see.args.get("kind", ""))
    rows = see.rows(
        "SELECT * FROM places WHERE (name LIKE '%' || ?1 || '%' OR address LIKE '%' || ?1 || '%' OR"
        " kind LIKE '%' || ?1 || '%') AND (?2 = '' OR kind = ?2) AND (?3 = 0 OR saved = 1)",
        wanted, kind, see.arg("saved"),
    )  # fmt: skip
    listed = []
    for row in sorted(rows, key=lambda r: distance(r["x"], r["y"])):
        icon, shade = KINDS.get(row["kind"], KINDS["Pin"])
        far = ui.aside(see.t("{km} km", km=f"{distance(row['x'], row['y']):.1f}"))
        listed.append(ui.row(row["name"], row["address"], lead=ui.badge(icon, shade), trail=far,
                             tap=go(".Place", id=row["_id"])))  # fmt: skip
    bar = ui.search_bar("query", "", see.t(kind) if kind else see.t("Search here"))
    none = [ui.empty(see.t("No places found"), "map-search")]
    return ui.page("", *(listed or none), bar=bar)


@APP.screen(".Place")
def place(see: See) -> View:
    ident = see.arg("id")
    row = see.row("SELECT * FROM places WHERE _id = ?", ident)
    if row is None:
        return ui.page(see.t("Place"), ui.empty(see.t("This place does not exist"), "map-marker"))
    tools = ui.buttons(
        ui.button(see.t("Directions"), go(".Route", id=ident), icon="directions"),
        ui.button(see.t("Saved" if row["saved"] else "Save"), do("keep", id=ident), kind="tonal",
                  icon="star" if row["saved"] else "star-outline"),
        ui.button(see.t("Share"), do("share", id=ident), kind="tonal", icon="share-variant"),
    )  # fmt: skip
    rows = [drawn(see, ident, height=240), ui.row(row["name"], see.t(row["kind"])), tools,
            ui.row(row["address"], see.t("{km} km", km=f"{distance(row['x'], row['y']):.1f}"),
                   lead=ui.icon("map-marker"))]  # fmt: skip
    if row["hours"]:
        rows.append(ui.row(row["hours"], see.t("Opening hours"), lead=ui.icon("clock-outline")))
    if row["phone"]:
        rows.append(ui.row(row["phone"], see.t("Phone"), lead=ui.icon("phone"),
                           tap=send(intents.DIAL, f"tel:{row['phone']}")))  # fmt: skip
    gone = (
        (ui.icon("delete-outline", see.t("Delete"), show("delete", id=ident)),)
        if row["mine"]
        else ()
    )
    return ui.page(row["name"], *rows, actions=gone)


@APP.on("keep")
def keep(do: Do) -> None:
    do.run("UPDATE places SET saved = 1 - saved WHERE _id = ?", do.arg("id"))


@APP.on("share")
def share(do: Do) -> None:
    row = do.row("SELECT * FROM places WHERE _id = ?", do.arg("id"))
    if row:
        text = f"{row['name']}, {row['address']}"
        do.send(Intent(intents.SEND, kind="text/plain", extras=(("text", text),)))


@APP.overlay("delete")
def ask(see: See) -> Overlay:
    name = see.one("SELECT name FROM places WHERE _id = ?", see.arg("id"))
    return ui.confirm(see.t("Delete?"), str(name), see.t("Delete"), do("delete"), see.t("Cancel"))


@APP.on("delete")
def delete(do: Do) -> None:
    do.run("DELETE FROM places WHERE _id = ? AND mine = 1", do.arg("id"))
    do.finish()


@APP.screen(".Route")
def route(see: See) -> View:
    ident, mode = see.arg("id"), see.get("mode", "walk")
    row = see.row("SELECT * FROM places WHERE _id = ?", ident)
    if row is None:
        return ui.page(
            see.t("Directions"), ui.empty(see.t("This place does not exist"), "directions")
        )
    far = distance(row["x"], row["y"])
    chips = ui.chips(
        *(ui.chip(f"{see.t(name)} {see.t('{count} min', count=max(1, round(60 * far / speed)))}",
                  put("mode", key), icon=icon, selected=key == mode)
          for key, (icon, name, speed) in SPEEDS.items())
    )  # fmt: skip
    across, along = abs(row["x"] - HERE[0]) * 0.4, abs(row["y"] - HERE[1]) * 0.4
    east, south = row["x"] > HERE[0], row["y"] > HERE[1]
    steps = [
        ui.row(see.t("Go east" if east else "Go west"), see.t("{km} km", km=f"{across:.1f}"),
               lead=ui.icon("arrow-right" if east else "arrow-left")),
        ui.row(see.t("Turn south" if south else "Turn north"), see.t("{km} km", km=f"{along:.1f}"),
               lead=ui.icon("arrow-down" if south else "arrow-up")),
        ui.row(see.t("You have arrived"), row["name"], lead=ui.icon("flag")),
    ]  # fmt: skip
    total = ui.row(see.t("{km} km", km=f"{far:.1f}"), row["name"], lead=ui.icon("directions"))
    return ui.page(
        see.t("Directions"), chips, drawn(see, ident, height=240, route=True), total, *steps
    )


@APP.screen(".Edit")
def edit(see: See) -> View:
    save = ui.button(see.t("Save"), do("save"), kind="text", resource="save")
    return ui.page(
        see.t("Add place"), ui.paragraph(see.t("The place is added where you are.")),
        ui.form(ui.field("name", label=see.t("Name")), ui.field("address", label=see.t("Address"))),
        actions=(save,),
    )  # fmt: skip


@APP.on("save")
def save(do: Do) -> None:
    name = do.text("name").strip()
    if not name:
        return do.toast(do.t("Enter a name"))
    x, y = HERE
    do.add(
        "places",
        name=name,
        kind="Pin",
        address=do.text("address").strip(),
        x=x,
        y=y,
        saved=1,
        mine=1,
    )
    do.toast(do.t("Saved"))
    return do.finish()
