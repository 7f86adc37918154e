"""The launcher: every app that can be started, four in a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from agentkit_android.apps.app import App
from agentkit_android.screen.views import Act, View, avatar, space

if TYPE_CHECKING:
    from agentkit_android.phone.phone import Phone

PACKAGE = "com.android.launcher3"


def launch(app: App) -> Act:
    return lambda phone: phone.start(app.package, app.main)


def home(phone: Phone, given: Mapping[str, str]) -> View:
    apps = sorted(
        (a for a in phone.apps.values() if a.main and a.package != PACKAGE), key=lambda a: a.label
    )
    cells = tuple(
        View(
            "column",
            children=(
                space(height=8),
                avatar(app.label, app.hue, 56),
                View("text", text=app.label, height=28, centred=True, resource="label"),
            ),
            centred=True,
            description=app.label,
            resource="icon",
            on_tap=launch(app),
        )
        for app in apps
    )
    grid = View("grid", children=cells, padding=(8, 16, 8, 16), resource="workspace")
    return View("column", children=(space(height=48), grid), fill="surface-container")


APP = App(PACKAGE, "Home", "#6750A4", {".Launcher": home}, main=".Launcher")
