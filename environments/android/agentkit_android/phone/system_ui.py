"""What the phone itself shows: bars, the shade, recents, its own dialogs, toasts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agentkit_android.apps.strings import translated
from agentkit_android.phone import levers
from agentkit_android.phone.plain import Dialog, Notice
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import system
from agentkit_android.screen.theme import GESTURE_BAR, STATUS_BAR
from agentkit_android.screen.views import FIT, View

if TYPE_CHECKING:
    from agentkit_android.phone.phone import Phone

PACKAGE = "com.android.systemui"
TILES = (
    ("wifi", "Internet", "wifi", ("global", "wifi_on")),
    ("bluetooth", "Bluetooth", "bluetooth", ("global", "bluetooth_on")),
    ("dnd", "Do Not Disturb", "minus-circle", ("global", "zen_mode")),
    ("flashlight", "Flashlight", "flashlight", ("secure", "flashlight_enabled")),
    ("rotation", "Auto-rotate", "screen-rotation", ("system", "accelerometer_rotation")),
    ("airplane", "Airplane mode", "airplane", ("global", "airplane_mode_on")),
    ("dark", "Dark theme", "theme-light-dark", ("secure", "ui_night_mode")),
    ("saver", "Battery Saver", "battery", ("global", "low_power")),
)
PERMISSIONS = {
    "CAMERA": ("camera", "Allow {app} to take pictures and record video?"),
    "RECORD_AUDIO": ("microphone", "Allow {app} to record audio?"),
    "ACCESS_FINE_LOCATION": ("map-marker", "Allow {app} to access this device’s location?"),
    "READ_CONTACTS": ("account-circle", "Allow {app} to access your contacts?"),
    "SEND_SMS": ("message-text", "Allow {app} to send and view SMS messages?"),
    "POST_NOTIFICATIONS": ("bell", "Allow {app} to send you notifications?"),
}


def t(phone: Phone, text: str, package: str = "") -> str:
    """A text of the phone, or of an app, in its language."""
    app = phone.apps.get(package) or phone.apps[phone.activities.launcher.package]
    return translated(app, text, phone.locale.partition("-")[0])


def clock(phone: Phone) -> str:
    form = "%I:%M" if phone.settings.get("system", "time_12_24") == "12" else "%H:%M"
    return datetime.fromtimestamp(phone.now(), UTC).strftime(form).lstrip("0") or "0"


def is_on(phone: Phone, table: str, key: str) -> bool:
    return phone.dark if key == "ui_night_mode" else phone.settings.is_on(table, key)


def status_bar(phone: Phone, ink: str, fill: str) -> View:
    settings = phone.settings
    marks = [("minus-circle", "Do Not Disturb")] * settings.is_on("global", "zen_mode")
    marks += [("wifi", "Wi-Fi")] * settings.is_on("global", "wifi_on")
    if settings.is_on("global", "airplane_mode_on"):
        marks.append(("airplane", "Airplane mode"))
    elif settings.is_on("global", "mobile_data"):
        marks.append(("signal-cellular-3", "LTE"))
    marks.append(("battery-80", "Battery 87 percent"))
    packages = dict.fromkeys(n.package for n in reversed(phone.plain.notices))
    told = [(phone.apps[p].icon, f"{phone.apps[p].label} notification") for p in list(packages)[:4]]

    def small(name: str, description: str) -> View:
        return View("icon", icon=name, description=description, width=16, height=16, colour=ink)

    time = View("text", text=clock(phone), style="button", colour=ink, width=FIT, resource="clock")
    inside = (time, *(small(*m) for m in told), ui.space(None), *(small(*m) for m in marks))
    return View(
        "row", children=inside, gap=6, padding=(16, 0, 16, 0), height=STATUS_BAR, fill=fill,
        resource="status_bar",
    )  # fmt: skip


def navigation_bar(ink: str, fill: str) -> View:
    pill = View(
        "space", width=108, height=4, fill=ink, corner=2, anchor="center", resource="home_handle"
    )
    return View("stack", children=(pill,), height=GESTURE_BAR, fill=fill)


# The shade.


def shade(phone: Phone) -> View:
    when = datetime.fromtimestamp(phone.now(), UTC)
    day = f"{when:%a, %b} {when.day}"
    if phone.locale.startswith("ko"):
        day = f"{when.month}월 {when.day}일"
    head = View(
        "row", children=(ui.text(clock(phone), "headline"), ui.text(day, "row")), gap=12,
        padding=(16, 12, 16, 4),
    )  # fmt: skip
    for_tiles = TILES if phone.plain.shade == 2 else TILES[:4]
    tiles = View(
        "grid", children=tuple(_tile(phone, *tile) for tile in for_tiles), columns=2, gap=8,
        padding=(16, 8, 16, 8), resource="quick_settings_panel",
    )  # fmt: skip
    parts: list[View] = [head, tiles]
    if phone.plain.shade == 2:
        level = min(255, _number(phone.settings.get("system", "screen_brightness"))) / 255
        parts.append(ui.seek(level, system("brightness"), t(phone, "Display brightness")))
    notices = list(reversed(phone.plain.notices))
    cards = tuple(_notice(phone, n) for n in notices)
    if not cards:
        cards = (View("text", text=t(phone, "No notifications"), height=64, centred=True),)
    body = View(
        "list", children=cards, resource="notification_stack_scroller", gap=4,
        padding=(8, 0, 8, 0),
    )  # fmt: skip
    parts.append(body)
    act = system("clear_notices")
    clear = ui.button(t(phone, "Clear all"), act, kind="text", resource="dismiss_text")
    foot = View("row", children=(ui.space(None), clear), padding=(16, 0, 16, 8))
    if any(not n.fixed for n in notices):
        parts.append(foot)
    return View("column", children=tuple(parts), fill="surface-container")


def _tile(phone: Phone, name: str, label: str, icon: str, setting: tuple[str, str]) -> View:
    on = is_on(phone, *setting)
    ink = "on-primary" if on else "on-surface"
    inner = (
        View("icon", icon=icon, width=24, height=24, colour=ink),
        View("text", text=t(phone, label), style="button", colour=ink, lines=2),
    )
    return View(
        "row", children=inner, gap=12, padding=(16, 8, 12, 8), height=64, corner=28, checked=on,
        fill="primary" if on else "surface-container-high", description=t(phone, label),
        resource=f"tile_{name}", tap=system("tile", name=name),
    )  # fmt: skip


def _notice(phone: Phone, notice: Notice) -> View:
    app = phone.apps[notice.package]
    key = {"package": notice.package, "key": notice.key}
    head = ui.text(t(phone, app.label, app.package), "label", "on-surface-variant")
    title = ui.text(notice.title, "subtitle", resource="android:id/title")
    body = ui.text(notice.text, colour="on-surface-variant", lines=3, resource="android:id/text")
    extra = tuple(
        ui.button(name, system("notice_button", number=n, **key), kind="text")
        for n, (name, _) in enumerate(notice.buttons)
    )
    below = (View("flow", children=extra, gap=8),) if extra else ()
    middle = View("column", children=(head, title, body, *below), gap=2)
    return View(
        "row", children=(ui.badge(app.icon, app.hue, 32), middle), gap=16, padding=(16, 12, 16, 12),
        fill="surface", corner=16, tap=system("notice", **key), resource="notification",
    )  # fmt: skip


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 6 else 0


# Recents.


def recents(phone: Phone, pictures: Sequence[bytes]) -> View:
    """pictures: of each task, the one that was left last first."""
    cards = []
    for task, picture in zip(reversed(phone.activities.tasks), pictures):
        app = phone.apps[task[0].package]
        label = t(phone, app.label, app.package)
        head = View(
            "row", height=48, gap=12, padding=(16, 0, 4, 0),
            children=(
                ui.badge(app.icon, app.hue, 32), ui.text(label, "subtitle"),
                ui.icon("close", f"{t(phone, 'Dismiss')} {label}",
                        system("dismiss_task", package=app.package)),
            ),
        )  # fmt: skip
        cards.append(
            View("column", children=(head, _shown(picture)), fill="surface", corner=16,
                 padding=(0, 8, 0, 0),
                 description=label, tap=system("recent", package=app.package), resource="snapshot")
        )  # fmt: skip
    if not cards:
        cards = [ui.empty(t(phone, "No recent items"), "apps")]
    body = View(
        "list", children=tuple(cards), gap=12, padding=(24, 24, 24, 24), resource="overview_panel"
    )
    act = system("clear_tasks")
    clear = ui.button(t(phone, "Clear all"), act, kind="text", resource="clear_all")
    foot = View("row", children=(ui.space(None), clear, ui.space(None)), height=64)
    return View("column", children=(body, foot), fill="surface-container-high")


def _shown(picture: bytes) -> View:
    """The upper part of what an app showed last."""
    return View("picture", picture=picture, height=280) if picture else ui.space(height=8)


# Beside a text, dialogs and toasts.


def toolbar(phone: Phone, *, selected: bool, filled: bool) -> View:
    """What can be done with the text of a field that was pressed long."""
    choices = [("CUT", "Cut", selected), ("COPY", "Copy", selected)]
    choices.append(("PASTE", "Paste", bool(phone.plain.clipboard)))
    choices.append(("SELECT_ALL", "Select all", filled and not selected))
    buttons = tuple(
        ui.button(t(phone, name), system("edit", key=key), kind="text",
                  resource="android:id/floating_toolbar_menu_item_text")
        for key, name, shown in choices
        if shown
    )  # fmt: skip
    return View("row", children=buttons, fill="surface-container-high", corner=24, width=FIT,
                border="outline-variant")  # fmt: skip


def dialog(phone: Phone, asked: Dialog) -> View:
    app = phone.apps[asked.package]
    label = t(phone, app.label, app.package)
    if asked.kind == "permission":
        name = asked.permission.rpartition(".")[2]
        mark, question = PERMISSIONS.get(name, ("shield", "Allow {app} to do this?"))
        asking = (
            View("icon", icon=mark, width=24, height=24, colour="primary"),
            ui.text(t(phone, question).format(app=label), "title", lines=0, centred=True,
                    resource="permission_message"),
            _wide(t(phone, "While using the app"), "allow",
                  "permission_allow_foreground_only_button"),
            _wide(t(phone, "Don’t allow"), "deny", "permission_deny_button"),
        )  # fmt: skip
        return View(
            "column", children=asking, gap=16, padding=(24, 24, 24, 24), centred=True, corner=28,
            fill="surface-container-high",
        )  # fmt: skip
    if asked.kind == "popup":
        return _popup(phone, levers.POPUPS[asked.permission], label)
    crash = asked.kind == "crash"
    told = t(phone, "{app} keeps stopping" if crash else "{app} isn’t responding").format(app=label)
    choices = [("close", "Close app", "android:id/aerr_close")]
    choices += [] if crash else [("wait", "Wait", "android:id/aerr_wait")]
    rows = tuple(
        ui.row(t(phone, name), tap=system("answer", value=value), lead=ui.icon(
            "close" if value == "close" else "timer-sand"))
        for value, name, _ in choices
    )  # fmt: skip
    head = ui.text(told, "title", lines=0, resource="android:id/alertTitle")
    top = View("column", children=(head,), padding=(24, 24, 24, 8))
    return View(
        "column", children=(top, *rows, ui.space(height=16)), corner=28,
        fill="surface-container-high",
    )  # fmt: skip


def _popup(phone: Phone, popup: levers.Popup, label: str) -> View:
    title = ui.text(t(phone, popup.title).format(app=label), "headline", lines=0,
                    resource="android:id/alertTitle")  # fmt: skip
    told = ui.text(t(phone, popup.text).format(app=label), colour="on-surface-variant", lines=0,
                   resource="android:id/message")  # fmt: skip
    no = ui.cancel(t(phone, popup.no), system("answer", value="deny"))
    yes = ui.button(
        t(phone, popup.yes), system("answer", value="allow"), resource="android:id/button1"
    )
    line = View("row", children=(ui.space(None), no, yes), gap=8)
    return View(
        "column", children=(title, told, line), gap=16, padding=(24, 24, 24, 16), corner=28,
        fill="surface-container-high",
    )  # fmt: skip


def _wide(what: str, value: str, resource: str) -> View:
    return View(
        "button", text=what, height=48, style="button", fill="secondary-container", corner=16,
        colour="on-secondary-container", tap=system("answer", value=value), resource=resource,
        padding=(12, 0, 12, 0),
    )  # fmt: skip


def toast(text: str) -> View:
    told = View(
        "text", text=text, colour="inverse-on-surface", lines=2, width=FIT,
        resource="android:id/message",
    )  # fmt: skip
    return View(
        "row", children=(told,), fill="inverse-surface", corner=20, padding=(20, 12, 20, 12),
        width=FIT,
    )  # fmt: skip
