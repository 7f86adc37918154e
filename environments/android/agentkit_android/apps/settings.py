"""Settings: what it shows and changes is the settings provider, and nothing of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from agentkit_android.apps.app import App
from agentkit_android.screen.views import Act, View, choice, header, row, screen, toggle

if TYPE_CHECKING:
    from agentkit_android.phone.phone import Phone

PACKAGE = "com.android.settings"
TIMEOUTS = {
    "15000": "15 seconds", "30000": "30 seconds", "60000": "1 minute", "120000": "2 minutes",
    "300000": "5 minutes", "600000": "10 minutes", "1800000": "30 minutes",
}  # fmt: skip


def open_(activity: str) -> Act:
    return lambda phone: phone.start(PACKAGE, activity)


def flip(table: str, key: str) -> Act:
    return lambda phone: phone.settings.flip(table, key)


def switch(phone: Phone, title: str, table: str, key: str, summary: str = "") -> View:
    return toggle(title, phone.settings.is_on(table, key), flip(table, key), summary)


def main(phone: Phone, given: Mapping[str, str]) -> View:
    return screen(
        "Settings",
        row("Network & internet", "Wi-Fi, mobile, airplane mode", on_tap=open_(".Network")),
        row("Connected devices", "Bluetooth", on_tap=open_(".Connected")),
        row("Notifications", "Do Not Disturb", on_tap=open_(".Notifications")),
        row("Display", "Brightness, dark theme, screen timeout", on_tap=open_(".Display")),
        row("Location", "On" if _located(phone) else "Off", on_tap=open_(".Location")),
        row("About phone", _name(phone), on_tap=open_(".About")),
        up=False,
    )


def _name(phone: Phone) -> str:
    return phone.settings.get("global", "device_name") or ""


def network(phone: Phone, given: Mapping[str, str]) -> View:
    return screen(
        "Network & internet",
        switch(phone, "Wi-Fi", "global", "wifi_on"),
        switch(phone, "Mobile data", "global", "mobile_data"),
        switch(phone, "Airplane mode", "global", "airplane_mode_on"),
    )


def connected(phone: Phone, given: Mapping[str, str]) -> View:
    return screen("Connected devices", switch(phone, "Use Bluetooth", "global", "bluetooth_on"))


def notifications(phone: Phone, given: Mapping[str, str]) -> View:
    return screen("Notifications", switch(phone, "Do Not Disturb", "global", "zen_mode"))


def _dark(phone: Phone) -> None:
    phone.settings.put("secure", "ui_night_mode", "1" if phone.dark else "2")


def display(phone: Phone, given: Mapping[str, str]) -> View:
    timeout = phone.settings.get("system", "screen_off_timeout") or ""
    return screen(
        "Display",
        header("Brightness"),
        row("Brightness level", f"{round(100 * _level(phone))}%", on_tap=open_(".Brightness")),
        switch(phone, "Adaptive brightness", "system", "screen_brightness_mode"),
        header("Appearance"),
        toggle("Dark theme", phone.dark, _dark),
        switch(phone, "Auto-rotate screen", "system", "accelerometer_rotation"),
        header("Lock screen"),
        row(
            "Screen timeout",
            TIMEOUTS.get(timeout, f"{timeout} ms"),
            on_tap=open_(".Timeout"),
        ),
    )


def _level(phone: Phone) -> float:
    value = phone.settings.get("system", "screen_brightness") or ""
    return min(int(value), 255) / 255 if value.isdecimal() and len(value) < 6 else 0.0


def _brighten(phone: Phone, part: float) -> None:
    phone.settings.put("system", "screen_brightness", str(max(1, round(part * 255))))


def brightness(phone: Phone, given: Mapping[str, str]) -> View:
    bar = View(
        "seek", value=_level(phone), height=48, description="Display brightness",
        resource="slider", on_seek=_brighten,
    )  # fmt: skip
    return screen(
        "Brightness level", View("row", children=(bar,), height=72, padding=(24, 0, 24, 0))
    )


def _wait(value: str) -> Act:
    return lambda phone: phone.settings.put("system", "screen_off_timeout", value)


def timeout(phone: Phone, given: Mapping[str, str]) -> View:
    now = phone.settings.get("system", "screen_off_timeout")
    rows = (choice(name, value == now, _wait(value)) for value, name in TIMEOUTS.items())
    return screen("Screen timeout", *rows)


def _located(phone: Phone) -> bool:
    return phone.settings.is_on("secure", "location_mode")


def _locate(phone: Phone) -> None:
    phone.settings.put("secure", "location_mode", "0" if _located(phone) else "3")


def location(phone: Phone, given: Mapping[str, str]) -> View:
    return screen("Location", toggle("Use location", _located(phone), _locate))


def about(phone: Phone, given: Mapping[str, str]) -> View:
    told = phone.properties
    return screen(
        "About phone",
        row("Device name", _name(phone)),
        row("Model", told["ro.product.model"]),
        row("Android version", told["ro.build.version.release"]),
        row("Build number", told["ro.build.id"]),
    )


APP = App(
    PACKAGE,
    "Settings",
    "#5F6368",
    {
        ".Settings": main,
        ".Network": network,
        ".Connected": connected,
        ".Notifications": notifications,
        ".Display": display,
        ".Brightness": brightness,
        ".Timeout": timeout,
        ".Location": location,
        ".About": about,
    },
    main=".Settings",
)
