"""Dialogs that every app has: `show("pick_date", key=…)` and `show("pick_time", key=…)`.

What is picked stands in the activity's state as `key`: a date as 2023-10-15, a time as 15:34. They
begin with `value` where it is given.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from agentkit_android.apps.app import App, OverlayScreen, Reducer
from agentkit_android.apps.context import Do, See
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import do, put
from agentkit_android.screen.views import Overlay, View

WEEK = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def read_date(text: str, default: date) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return default


def read_time(text: str) -> tuple[int, int] | None:
    """(hour, minute) of 15:34; None where it is none."""
    found = re.fullmatch(r"(\d{1,2}):(\d{1,2})", text.strip())
    if not found or int(found[1]) > 23 or int(found[2]) > 59:
        return None
    return int(found[1]), int(found[2])


def weeks(first: date) -> list[list[date]]:
    """Whole weeks, Monday first, that hold a month."""
    return calendar.Calendar().monthdatescalendar(first.year, first.month)


def moved(first: date, months: int) -> date:
    number = first.year * 12 + first.month - 1 + months
    return date(min(9998, max(1, number // 12)), number % 12 + 1, 1)


def week_row(see: See) -> View:
    names = tuple(
        View("text", text=see.t(name), style="label", centred=True, height=32) for name in WEEK
    )
    return View("grid", children=names, columns=7)


def pick_date(see: See) -> Overlay:
    chosen = read_date(see.get("_day"), read_date(str(see.args.get("value", "")), see.today))
    shown = read_date(see.get("_month"), chosen).replace(day=1)
    cells = []
    for week in weeks(shown):
        for day in week:
            if day.month != shown.month:
                cells.append(ui.space(None, 40))
                continue
            on = day == chosen
            cells.append(
                View(
                    "button", text=str(day.day), height=40, corner=20, style="body",
                    description=see.day(_seconds(day), year=True), selected=on,
                    fill="primary" if on else "", colour="on-primary" if on else "on-surface",
                    border="primary" if day == see.today and not on else "",
                    tap=put("_day", day.isoformat()), resource="day",
                )
            )  # fmt: skip
    bar = View(
        "row", height=48, padding=(16, 0, 4, 0),
        children=(
            ui.text(see.month(shown), "subtitle", resource="month"),
            ui.icon("chevron-left", see.t("Previous month"), put("_month", str(moved(shown, -1)))),
            ui.icon("chevron-right", see.t("Next month"), put("_month", str(moved(shown, 1)))),
        ),
    )  # fmt: skip
    grid = View("grid", children=tuple(cells), columns=7, padding=(8, 0, 8, 0), gap=2)
    names = replace(week_row(see), padding=grid.padding, gap=grid.gap)
    return ui.dialog(
        see.day(_seconds(chosen), year=True), bar, names, grid,
        actions=(ui.cancel(see.t("Cancel"), do("_unpick")), ui.accept(see.t("OK"),
        do("_pick_date"))),
    )  # fmt: skip


def _seconds(day: date) -> int:
    return (day - date(1970, 1, 1)).days * 86400


def picked_date(do: Do) -> None:
    chosen = read_date(do.get("_day"), read_date(str(do.args.get("value", "")), do.today))
    do.put(str(do.args["key"]), chosen.isoformat())
    unpicked(do)


def unpicked(do: Do) -> None:
    for key in ("_day", "_month"):
        do.put(key, None)
    for field in ("_hour", "_minute"):
        do.type(field, None)


def pick_time(see: See) -> Overlay:
    hour, minute = read_time(str(see.args.get("value", ""))) or (12, 0)
    fields = View(
        "row", gap=12, padding=(24, 8, 24, 8),
        children=(
            ui.field("_hour", f"{hour:02}", label=see.t("Hour")),
            View("text", text=":", style="headline", width=12, height=56),
            ui.field("_minute", f"{minute:02}", label=see.t("Minute")),
        ),
    )  # fmt: skip
    return ui.dialog(
        see.t("Enter time"), fields,
        actions=(ui.cancel(see.t("Cancel"), do("_unpick")), ui.accept(see.t("OK"),
        do("_pick_time"))),
    )  # fmt: skip


def picked_time(do: Do) -> None:
    hour, minute = read_time(str(do.args.get("value", ""))) or (12, 0)
    text = f"{do.text('_hour', f'{hour:02}').strip()}:{do.text('_minute', f'{minute:02}').strip()}"
    found = read_time(text)
    if found is None:
        do.toast(do.t("Enter a valid time"))
        args = {k: v for k, v in do.args.items() if k in ("key", "value")}
        do.show("pick_time", **args)
        return
    do.put(str(do.args["key"]), f"{found[0]:02}:{found[1]:02}")
    unpicked(do)


OVERLAYS: Mapping[str, OverlayScreen] = {"pick_date": pick_date, "pick_time": pick_time}
REDUCERS: Mapping[str, Reducer] = {
    "_pick_date": picked_date, "_pick_time": picked_time, "_unpick": unpicked,
}  # fmt: skip


def overlay(app: App, name: str) -> OverlayScreen:
    """Of an app, or one that every app has."""
    return app.overlays.get(name) or OVERLAYS[name]


def reducer(app: App, name: str) -> Reducer:
    return app.reducers.get(name) or REDUCERS[name]
