"""Clock: alarms, cities, a timer, a stopwatch."""

from __future__ import annotations

from agentkit_android.apps.clock.alarms import alarms
from agentkit_android.apps.clock.app import APP
from agentkit_android.apps.clock.cities import cities
from agentkit_android.apps.clock.timers import stopwatch, timers
from agentkit_android.apps.context import See
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.views import View

TABS = (
    ("alarm", "alarm", "Alarm"), ("clock", "clock-outline", "Clock"), ("timer", "timer-sand",
    "Timer"),
    ("stopwatch", "timer-outline", "Stopwatch"),
)  # fmt: skip


@APP.screen(".Main", ".Timers")
def main(see: See) -> View:
    first = "timer" if see.args.get("action") == "android.intent.action.SHOW_TIMERS" else "alarm"
    tab = see.get("tab", first)
    rows, floating = {
        "alarm": alarms, "clock": cities, "timer": timers, "stopwatch": stopwatch,
    }[tab](see)  # fmt: skip
    names = [(key, icon, see.t(name)) for key, icon, name in TABS]
    title = next(see.t(name) for key, _, name in TABS if key == tab)
    bottom = (ui.bottom_bar("tab", names, tab),)
    return ui.page(title, *rows, up=False, bottom=bottom, floating=floating)
