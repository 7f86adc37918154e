"""The map itself, the search, and the page of a place."""

from __future__ import annotations

from agentkit_android.apps.context import Do, See
from agentkit_android.apps.maps import town
from agentkit_android.apps.maps.app import (
    APP,
    LOCATION,
    asked_for,
    found,
    here,
    is_open,
    length,
    pin,
    place,
)
from agentkit_android.apps.maps.drawing import ZOOMS, frame, picture
from agentkit_android.apps.maps.saving import is_saved
from agentkit_android.apps.maps.town import Place
from agentkit_android.phone import intents
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Act, Intent, do, go, put, send, show
from agentkit_android.screen.views import Overlay, View

CARD, BAR = 88, 80


@APP.opened(".Main")
def opened(do: Do) -> None:
    if not (data := str(do.args.get("data") or "")):
        return None
    what, text = asked_for(data)
    hits = [p] if (p := place(do, text)) else found(do, text)
    if what == "go" and hits:
        return do.go(".Route", to=hits[0].name)
    if not hits:
        return do.toast(do.t("Nothing was found for {text}", text=text))
    if len(hits) > 1:
        return do.go(".Search", text=text)
    return _choose(do, hits[0].name)


def _middle(see: See) -> town.Point:
    x, _, y = see.get("middle").partition(" ")
    return (float(x), float(y)) if y else (here(see) or (0.45, 0.5))


def _zoom(see: See) -> int:
    return min(int(see.get("zoom", "1")), len(ZOOMS) - 1)


@APP.screen(".Main")
def main(see: See) -> View:
    chosen = place(see, see.get("chosen"))
    high = see.room[1] - BAR - (CARD if chosen else 0)
    zoom = ZOOMS[_zoom(see)]
    seen = frame(see, _middle(see), zoom, high)
    kind = see.get("kind")
    pins = [
        p
        for p in town.places().values()
        if (p.kind == kind if kind else p.rating >= 4.5) and _free(seen(p.at), high)
    ]
    ground = picture(see, seen, pins=pins if kind or zoom > 1.2 else [], chosen=chosen, zoom=zoom)
    pill = View(
        "row", height=52, corner=26, fill="surface-container-high", padding=(16, 0, 16, 0), gap=12,
        children=(ui.icon("magnify"), ui.text(see.t("Search here"), "row", "on-surface-variant")),
        tap=go(".Search"), description=see.t("Search here"), resource="search_omnibox",
    )  # fmt: skip
    kinds = ("Restaurants", "Coffee", "Groceries")
    chips = View("flow", gap=8, children=tuple(
        _chip(see, name, kind) for name in kinds
    ))  # fmt: skip
    top = View("column", children=(pill, chips), gap=10, padding=(12, 10, 12, 0), anchor="top")
    layers = View("stack", children=(*_layers(see, ground), top), weight=1)
    items = (
        ui.bottom_item("map", see.t("Explore"), put("kind", None), on=True),
        ui.bottom_item("directions", see.t("Directions"), go(".Route")),
        ui.bottom_item("bookmark", see.t("Saved"), go(".Saved")),
    )
    foot = View("row", children=items, fill="surface-container", height=BAR)
    parts = [layers]
    if chosen is not None:
        parts.append(_card(see, chosen))
    return View("column", children=(*parts, foot), fill="surface")


def _free(at: town.Point, height: float) -> bool:
    """Whether a pin there is covered by nothing: neither the search nor the round buttons."""
    return at[1] * height > 130 and not (at[0] > 0.8 and at[1] * height > height - 270)


def _chip(see: See, name: str, kind: str) -> View:
    on = name == kind
    return View(
        "button", text=see.t(name), icon=town.KINDS[name][0], width=-1, height=36, corner=18,
        padding=(12, 0, 12, 0), style="button", fill="primary" if on else "surface-container-high",
        colour="on-primary" if on else "on-surface", tap=put("kind", None if on else name),
        checked=on, selected=on, resource="chip",
    )  # fmt: skip


def _layers(see: See, ground: View) -> tuple[View, ...]:
    def round_(icon: str, told: str, act: Act) -> View:
        return View("icon", icon=icon, description=see.t(told), width=48, height=48, corner=24,
                    fill="surface-container-high", colour="on-surface", tap=act,
                    resource=icon.replace("-", "_"))  # fmt: skip

    buttons = (
        round_("map-marker-plus", "Drop a pin", do("drop")),
        round_("crosshairs-gps", "My location", do("locate")), round_("plus", "Zoom in", do("zoom",
               by=1)), round_("minus", "Zoom out", do("zoom", by=-1)),
    )  # fmt: skip
    column = View("column", children=buttons, gap=10, width=64, padding=(0, 0, 16, 16),
                  anchor="bottom-end")  # fmt: skip
    return ground, column


def _card(see: See, one: Place) -> View:
    return View("column", height=CARD, fill="surface", padding=(0, 8, 0, 8), children=(
        ui.row(one.name, told(see, one), tap=go(".Place", name=one.name),
               lead=ui.badge(*town.KINDS.get(one.kind, ("pin", "#C5221F"))),
               trail=ui.icon("directions", see.t("Directions"), go(".Route", to=one.name))),
    ))  # fmt: skip


def told(see: See, one: Place) -> str:
    """Kind, distance and whether it is open, in one line."""
    parts = [see.t(one.kind)] if one.kind else []
    if at := here(see):
        parts.append(length(see, town.kilometres(at, one.at)))
    if one.hours:
        parts.append(see.t("Open" if is_open(see, one.hours) else "Closed"))
    return " · ".join(parts)


@APP.on("pan")
def pan(do: Do) -> None:
    zoom = ZOOMS[_zoom(do)]
    seen = frame(do, _middle(do), zoom, do.room[1] - BAR)
    x = seen.middle[0] - float(str(do.args["x"])) * seen.wide
    y = seen.middle[1] - float(str(do.args["y"])) * seen.high
    do.put("middle", f"{min(1.0, max(0.0, x)):.4f} {min(1.0, max(0.0, y)):.4f}")


@APP.on("zoom")
def zoom(do: Do) -> None:
    do.put("zoom", min(max(0, _zoom(do) + do.arg("by")), len(ZOOMS) - 1))


@APP.on("locate")
def locate(do: Do) -> None:
    if do.setting("secure", "location_mode") == "0":
        return do.show("location_off")
    return do.ask(LOCATION, Act("do", "located"), Act("do", "unlocated"))


@APP.on("located")
def located(do: Do) -> None:
    do.put("middle", f"{town.HOME[0]} {town.HOME[1]}")


@APP.on("unlocated")
def unlocated(do: Do) -> None:
    do.toast(do.t("Maps may not know where you are"))


@APP.overlay("location_off")
def location_off(see: See) -> Overlay:
    settings = send("android.settings.LOCATION_SOURCE_SETTINGS")
    return ui.confirm(see.t("Location is off"), see.t("Turn it on in the settings of the phone."),
                      see.t("Settings"), settings, see.t("Cancel"))  # fmt: skip


@APP.on("choose")
def choose(do: Do) -> None:
    _choose(do, str(do.args["name"]))


def _choose(do: Do, name: str) -> None:
    one = place(do, name)
    if one:
        do.put("chosen", name)
        do.put("middle", f"{one.at[0]} {one.at[1]}")


@APP.on("drop")
def drop(do: Do) -> None:
    """A pin in the middle of what is seen."""
    _choose(do, pin(_middle(do)))


@APP.back(".Main")
def leave(do: Do) -> None:
    if do.get("chosen"):
        do.put("chosen", None)
    elif do.get("kind"):
        do.put("kind", None)
    else:
        do.finish()


@APP.screen(".Place")
def one_place(see: See) -> View:
    one = place(see, str(see.args.get("name", "")))
    if one is None:
        return ui.page(see.t("Maps"), ui.empty(see.t("This place does not exist"), "map-search"))
    small = picture(see, frame(see, one.at, 2.5, 180), chosen=one, height=180, zoom=2.5)
    held = is_saved(see, one.name)
    buttons = ui.buttons(
        ui.button(see.t("Directions"), go(".Route", to=one.name), icon="directions"),
        ui.button(see.t("Saved" if held else "Save"), show("save", name=one.name), kind="tonal",
                  icon="bookmark" if held else "bookmark-outline", resource="save_button"),
        ui.button(see.t("Share"), do("share", name=one.name), kind="outlined",
                  icon="share-variant"),
        ui.button(see.t("Label"), show("label", name=one.name), kind="outlined", icon="label"),
    )  # fmt: skip
    latitude, longitude = town.degrees(one.at)
    rows = [ui.paragraph(told(see, one))] if told(see, one) else []
    if one.rating:
        rows.append(ui.row(f"{one.rating:.1f}", see.t("Rating"), lead=ui.icon("star")))
    if one.street:
        rows.append(ui.row(one.address, see.t("Address"), lead=ui.icon("map-marker"),
                           hold=do("copy", text=one.address)))  # fmt: skip
    if one.hours:
        told_hours = see.t("24 hours") if one.hours == town.ALL_DAY else one.hours
        rows.append(ui.row(told_hours, see.t("Opening hours"), lead=ui.icon("clock-outline")))
    if one.phone:
        rows.append(ui.row(one.phone, see.t("Call"), tap=send(intents.DIAL, f"tel:{one.phone}"),
                           lead=ui.icon("phone")))  # fmt: skip
    spot = f"{latitude:.5f}, {longitude:.5f}"
    rows.append(ui.row(spot, see.t("Coordinates"), lead=ui.icon("crosshairs-gps"),
                       hold=do("copy", text=spot)))  # fmt: skip
    return ui.page(one.name, small, buttons, *rows)


@APP.on("copy")
def copy(do: Do) -> None:
    do.copy(str(do.args["text"]))
    do.toast(do.t("Copied"))


@APP.on("share")
def share(do: Do) -> None:
    one = place(do, str(do.args["name"]))
    if one:
        latitude, longitude = town.degrees(one.at)
        text = f"{one.name} {one.address} geo:{latitude:.5f},{longitude:.5f}"
        do.send(Intent(intents.SEND, kind="text/plain", extras=(("text", text),)))
