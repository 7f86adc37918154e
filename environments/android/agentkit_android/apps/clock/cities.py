"""The time in other cities."""

from __future__ import annotations

from dataclasses import replace

from agentkit_android.apps.clock.app import APP
from agentkit_android.apps.context import Do, See
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import do, show
from agentkit_android.screen.views import Overlay, View

CITIES = {
    "London": 1, "Berlin": 2, "Lagos": 1, "Cairo": 3, "Nairobi": 3, "Delhi": 5.5, "Bangkok": 7,
    "Seoul": 9, "Tokyo": 9, "Sydney": 11, "Auckland": 13, "New York": -4, "Chicago": -5,
    "Denver": -6, "Los Angeles": -7, "São Paulo": -3, "Reykjavik": 0,
}  # fmt: skip


def cities(see: See) -> tuple[list[View], View | None]:
    now = View(
        "column", padding=(16, 24, 16, 24), centred=True,
        children=(ui.text(see.clock(see.now), "display", centred=True, resource="digital_clock"),
                  ui.text(see.day(see.now), "row", "on-surface-variant", centred=True)),
    )  # fmt: skip
    rows = [now]
    for (name,) in see.rows("SELECT name FROM cities ORDER BY _id"):
        hours = CITIES.get(name, 0)
        gone = ui.icon("close", f"{see.t('Remove')} {see.t(name)}", do("remove_city", name=name))
        time = ui.text(see.clock(see.now + hours * 3600), "headline")
        rows.append(ui.row(see.t(name), f"UTC{hours:+g}", height=72, trail=(_wide(time), gone)))
    return rows, ui.fab("plus", see.t("Add city"), show("city"))


def _wide(view: View) -> View:
    return replace(view, width=112)


@APP.overlay("city")
def city(see: See) -> Overlay:
    known = {name for (name,) in see.rows("SELECT name FROM cities")}
    rows = [
        ui.row(see.t(name), f"UTC{hours:+g}", tap=do("add_city", name=name))
        for name, hours in sorted(CITIES.items())
        if name not in known
    ]
    return ui.sheet(see.t("Add city"), *rows)


@APP.on("add_city")
def add_city(do: Do) -> None:
    do.run("INSERT OR IGNORE INTO cities (name) VALUES (?)", str(do.args["name"]))


@APP.on("remove_city")
def remove_city(do: Do) -> None:
    do.run("DELETE FROM cities WHERE name = ?", str(do.args["name"]))
