"""Directions: from here or elsewhere to a place, by car, bus, bicycle or on foot; and the way
there, step by step."""

from __future__ import annotations

from agentkit_android.apps.context import Do, See
from agentkit_android.apps.maps import town
from agentkit_android.apps.maps.app import (
    APP,
    LOCATION,
    MODES,
    PACKAGE,
    here,
    length,
    minutes,
    pin,
    place,
)
from agentkit_android.apps.maps.drawing import frame, picture
from agentkit_android.apps.maps.town import Place, Route, Step
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Act, do, go, put, send
from agentkit_android.screen.views import View

TURNS = {
    "start": ("arrow-up", "Go along {street}"), "left": ("arrow-left", "Turn left into {street}"),
    "right": ("arrow-right", "Turn right into {street}"),
    "straight": ("arrow-up", "Go on along {street}"), "arrive": ("flag", "You have arrived"),
}  # fmt: skip


def ends(see: See) -> tuple[Place | None, Place | None]:
    """Where the way begins and ends; it begins where the phone is, if nothing else is said."""
    start = place(see, see.get("from", str(see.args.get("from", ""))))
    at = here(see)
    if start is None and at:
        start = Place(see.t("Your location"), "", "", 0, at)
    return start, place(see, see.get("to", str(see.args.get("to", ""))))


def _mode(see: See) -> str:
    mode = see.get("mode", see.preference("mode", "car"))
    return mode if mode in MODES else "car"


@APP.screen(".Route")
def route(see: See) -> View:
    start, goal = ends(see)
    mode = _mode(see)

    def choose(end: str) -> Act:
        return send(package=PACKAGE, activity=".Search", result="ended_at", **{"for": end})

    lines = (
        ui.pick(see.t("From"), start.name if start else see.t("Choose a start"), choose("from"),
                icon="crosshairs-gps"),
        ui.pick(see.t("To"), goal.name if goal else see.t("Choose a place"), choose("to"),
                icon="map-marker"),
    )  # fmt: skip
    swap = ui.icon("autorenew", see.t("Swap start and end"), do("swap"))
    if start is None or goal is None:
        locate = () if here(see) else (
            ui.buttons(ui.button(see.t("Use my location"), do("allow"), icon="crosshairs-gps")),
        )  # fmt: skip
        return ui.page(see.t("Directions"), *lines, *locate, actions=(swap,))
    way = town.route(start.at, goal.at)
    chips = ui.chips(*(
        ui.chip(f"{see.t(name)} {_told(see, minutes(way.length, key))}", put("mode", key),
                selected=key == mode, icon=mark)
        for key, (mark, name) in MODES.items()
    ))  # fmt: skip
    head = ui.row(f"{_told(see, minutes(way.length, mode))} ({length(see, way.length)})",
                  see.t("The shortest way"), lead=ui.icon(MODES[mode][0]))  # fmt: skip
    button = ui.button(see.t("Start"), do("start"), icon="navigation", resource="start")
    rows = [_step(see, one) for one in way.steps]
    return ui.page(
        see.t("Directions"), *lines, chips, _map(see, way, goal, 200), head, ui.buttons(button),
        ui.header(see.t("Steps")), *rows, actions=(swap,),
    )  # fmt: skip


def _told(see: See, number: int) -> str:
    if number < 60:
        return see.t("{n} min", n=number)
    return see.t("{h} h {m} min", h=number // 60, m=number % 60)


def _map(see: See, way: Route, goal: Place, height: int) -> View:
    xs, ys = [p[0] for p in way.points], [p[1] for p in way.points]
    middle = ((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2)
    across = max(max(xs) - min(xs), (max(ys) - min(ys)) * see.room[0] / height, 0.12)
    zoom = min(4.0, 0.72 / across)
    seen = frame(see, middle, zoom, height)
    return picture(see, seen, chosen=goal, way=way.points, height=height, zoom=zoom)


def _step(see: See, one: Step) -> View:
    mark, text = TURNS[one.turn]
    told = "" if one.turn == "arrive" else length(see, one.length)
    return ui.row(see.t(text, street=one.street), told, lead=ui.icon(mark))


@APP.on("ended_at")
def ended_at(do: Do) -> None:
    """What the search gave: a name, empty for where the phone is, and which end it is."""
    at = here(do)
    name = str(do.args["name"]) or (pin(at) if at and do.args["end"] == "to" else "")
    do.put("to" if do.args["end"] == "to" else "from", name)


@APP.on("swap")
def swap(do: Do) -> None:
    start, goal = ends(do)
    at = here(do)
    begins = start.name if start and start.name != do.t("Your location") else ""
    do.put("to", begins or (pin(at) if at else ""))
    do.put("from", goal.name if goal else "")


@APP.on("allow")
def allow(do: Do) -> None:
    if do.setting("secure", "location_mode") == "0":
        return do.toast(do.t("Location is off"))
    return do.ask(LOCATION, Act("do", "allowed"))


@APP.on("allowed")
def allowed(do: Do) -> None:
    """The way now begins where the phone is."""


@APP.on("start")
def begin_trip(do: Do) -> None:
    start, goal = ends(do)
    if start is None or goal is None:
        return
    mode = _mode(do)
    do.prefer("mode", mode)
    do.run("UPDATE trips SET ended = ? WHERE ended IS NULL", do.now)
    begins = start.name if place(do, start.name) else pin(start.at)
    do.run("INSERT INTO trips (start, goal, mode, began) VALUES (?, ?, ?, ?)",
           begins, goal.name, mode, do.now)  # fmt: skip
    way = town.route(start.at, goal.at)
    do.wake("arrive", do.now + 60 * minutes(way.length, mode), Act("do", "arrive"))
    do.notify("trip", do.t("On the way"), goal.name, go(".Way"), fixed=True,
              buttons=((do.t("Exit"), Act("do", "exit")),))  # fmt: skip
    do.go(".Way")


@APP.screen(".Way")
def on_the_way(see: See) -> View:
    trip = see.row("SELECT * FROM trips WHERE ended IS NULL")
    start = place(see, trip["start"]) if trip else None
    goal = place(see, trip["goal"]) if trip else None
    if trip is None or start is None or goal is None:
        return ui.page(see.t("Maps"), ui.empty(see.t("You have arrived"), "flag"))
    way = town.route(start.at, goal.at)
    whole = minutes(way.length, trip["mode"]) * 60
    gone = min(see.now - trip["began"], whole)
    far = way.length * gone / whole
    now = way.steps[-1]
    for one in way.steps:
        now = one
        if far < one.length:
            break
        far -= one.length
    mark, text = TURNS[now.turn]
    head = View("row", fill="#146C2E", padding=(16, 16, 16, 16), gap=16, children=(
        View("icon", icon=mark, width=40, height=40, colour="white"),
        View("text", text=see.t(text, street=now.street), style="title", colour="white", lines=2,
             resource="instruction"),
    ))  # fmt: skip
    left = max(1, round((whole - gone) / 60))
    told = f"{length(see, way.length * (1 - gone / whole))} · {see.clock(trip['began'] + whole)}"
    exit_ = ui.button(see.t("Exit"), do("exit", here=True), kind="danger", resource="exit")
    foot = ui.row(_told(see, left), told, trail=exit_, height=88)
    high = int(see.room[1]) - 88 - 96
    shown = View("column", children=(_map(see, way, goal, high),), weight=1)
    return View("column", children=(head, shown, foot), fill="surface")


@APP.on("exit")
def exit_trip(do: Do) -> None:
    do.run("UPDATE trips SET ended = ? WHERE ended IS NULL", do.now)
    do.unwake("arrive")
    do.unnotify("trip")
    if do.args.get("here"):
        do.finish()


@APP.on("arrive")
def arrive(do: Do) -> None:
    goal = do.one("SELECT goal FROM trips WHERE ended IS NULL")
    do.run("UPDATE trips SET ended = ? WHERE ended IS NULL", do.now)
    do.notify("trip", do.t("You have arrived"), str(goal or ""))
