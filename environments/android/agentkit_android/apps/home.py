"""The launcher: a page of apps with a dock, and a drawer with all of them."""

from __future__ import annotations

from agentkit_android.apps.app import App
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.strings import own
from agentkit_android.phone.levers import SHOP
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import Act, do, send
from agentkit_android.screen.views import Shape, View

PACKAGE = "com.android.launcher3"
DOCK = (
    "com.android.dialer", "com.android.messages", "com.android.browser", "com.android.camera2",
)  # fmt: skip
BANDS = 24
TOP, BOTTOM = (0x1B, 0x26, 0x4A), (0x4A, 0x2F, 0x5E)

APP = App(
    PACKAGE, "Home", "#6750A4", icon="home", strings=own("home"), main=".Launcher", system=True,
    edge=True
)  # fmt: skip


def launch(app: App) -> Act:
    return send("android.intent.action.MAIN", package=app.package)


def wallpaper() -> View:
    bands = []
    for n in range(BANDS):
        mixed = (round(a + (b - a) * n / BANDS) for a, b in zip(TOP, BOTTOM))
        shade = "#{:02X}{:02X}{:02X}".format(*mixed)
        y, low = n / BANDS, (n + 1) / BANDS
        bands.append(Shape("area", (0, y, 1, y, 1, low, 0, low), shade))
    return View("canvas", shapes=tuple(bands))


def cell(see: See, app: App, ink: str, *, double: bool = False) -> View:
    """An app's place; its double's name is nearly the same, and it leads to a shop."""
    name = see.label(app) + " Lite" * double
    act = send("android.intent.action.VIEW", SHOP) if double else launch(app)
    inside = (
        ui.badge(app.icon, app.hue, 56),
        View("text", text=name, height=24, centred=True, colour=ink, style="label"),
    )
    return View(
        "column", children=inside, centred=True, description=name, resource="icon", gap=4,
        padding=(2, 8, 2, 0), tap=act, height=96,
    )  # fmt: skip


def cells(see: See, apps: list[App], ink: str) -> tuple[View, ...]:
    doubled = (False, True) if see.phone.plain.levers.doubles else (False,)
    return tuple(cell(see, app, ink, double=double) for app in apps for double in doubled)


def shown(see: See) -> list[App]:
    """Those that can be started, by their names."""
    found = [a for a in see.phone.apps.values() if a.main and a.package != PACKAGE]
    return sorted(found, key=lambda a: see.label(a).casefold())


@APP.screen(".Launcher")
def home(see: See) -> View:
    apps = shown(see)
    if see.get("drawer"):
        return drawer(see, apps)
    dock = [a for p in DOCK for a in apps if a.package == p]
    rest = [a for a in apps if a not in dock]
    wide = see.phone.display.width > see.phone.display.height
    columns = 8 if wide else 4
    grid = View(
        "grid", children=cells(see, rest, "white"), columns=columns,
        resource="workspace",
    )  # fmt: skip
    pill = View(
        "row", height=48, corner=24, fill="surface-container-high", padding=(16, 0, 16, 0), gap=12,
        children=(ui.icon("magnify"), ui.text(see.t("Search apps"), "row", "on-surface-variant")),
        tap=do("drawer"), description=see.t("Search apps"), resource="search_pill",
    )  # fmt: skip
    up = View(
        "icon", icon="chevron-up", description=see.t("Apps list"), width=48, height=48,
        colour="white", tap=do("drawer"), resource="all_apps",
    )  # fmt: skip
    dock_row = View(
        "grid", children=tuple(cell(see, a, "white") for a in dock), columns=4, resource="hotseat"
    )
    body = View("list", children=(pill, ui.space(height=8), grid), resource="pages", weight=1)
    parts = (body, View("row", children=(ui.space(None), up, ui.space(None))), dock_row)
    page = View("column", children=parts, padding=(16, 40, 16, 28))
    return View("stack", children=(wallpaper(), page))


def drawer(see: See, apps: list[App]) -> View:
    wanted = see.text("query").strip().casefold()
    found = [a for a in apps if wanted in see.label(a).casefold()]
    grid = View(
        "grid", children=cells(see, found, "on-surface"), columns=4,
        resource="apps_list_view",
    )  # fmt: skip
    box = ui.field("query", hint=see.t("Search apps"))
    list_ = View(
        "list", resource="drawer",
        children=(grid,) if found else (ui.empty(see.t("No apps found"), "apps"),),
    )  # fmt: skip
    parts = (ui.form(box), list_)
    return View("column", children=parts, fill="surface", padding=(8, 32, 8, 24))


@APP.on("drawer")
def open_drawer(do: Do) -> None:
    do.put("drawer", True)


@APP.back(".Launcher")
def leave_drawer(do: Do) -> None:
    do.put("drawer", None)
    do.type("query", None)
