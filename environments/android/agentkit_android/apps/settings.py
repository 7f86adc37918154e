"""Settings: what it shows and changes is the settings provider, and nothing of its own."""

from __future__ import annotations

from agentkit_android.apps.app import App, Filter
from agentkit_android.apps.context import Do, See
from agentkit_android.apps.strings import own
from agentkit_android.screen import widgets as ui
from agentkit_android.screen.acts import do, go, show
from agentkit_android.screen.views import Overlay, View

PACKAGE = "com.android.settings"
TIMEOUTS = {
    "15000": "15 seconds", "30000": "30 seconds", "60000": "1 minute", "120000": "2 minutes",
    "300000": "5 minutes", "600000": "10 minutes", "1800000": "30 minutes",
}  # fmt: skip
SCALES = {"0.85": "Small", "1.0": "Default", "1.15": "Large", "1.3": "Largest"}
PERMISSIONS = {
    "CAMERA": "Camera", "RECORD_AUDIO": "Record audio", "ACCESS_FINE_LOCATION": "Precise location",
    "READ_CONTACTS": "Read contacts", "SEND_SMS": "Send SMS", "POST_NOTIFICATIONS": "Notifications",
}  # fmt: skip
LANGUAGES = {"en-US": "English (United States)", "ko-KR": "한국어 (대한민국)"}
PAGES = (
    (".Network", "Network & internet", "Wi-Fi, mobile, airplane mode", "wifi"),
    (".Connected", "Connected devices", "Bluetooth", "bluetooth"),
    (".Apps", "Apps", "Permissions, notifications", "apps"),
    (".Notifications", "Notifications", "Do Not Disturb", "bell"),
    (".Battery", "Battery", "87%", "battery-80"),
    (".Storage", "Storage", "", "database"),
    (".Sound", "Sound & vibration", "Volume, vibration", "volume-high"),
    (".Display", "Display", "Brightness, dark theme, screen timeout", "brightness-6"),
    (".Location", "Location", "", "map-marker"),
    (".System", "System", "Languages, date & time", "information-outline"),
    (".About", "About phone", "", "cellphone"),
)

ACTIONS = {
    "SETTINGS": ".Settings", "WIFI_SETTINGS": ".Network", "WIRELESS_SETTINGS": ".Network",
    "AIRPLANE_MODE_SETTINGS": ".Network", "BLUETOOTH_SETTINGS": ".Connected",
    "DISPLAY_SETTINGS": ".Display", "LOCATION_SOURCE_SETTINGS": ".Location",
    "SOUND_SETTINGS": ".Sound", "LOCALE_SETTINGS": ".System", "DATE_SETTINGS": ".System",
    "APPLICATION_SETTINGS": ".Apps", "DEVICE_INFO_SETTINGS": ".About",
    "INTERNAL_STORAGE_SETTINGS": ".Storage", "BATTERY_SAVER_SETTINGS": ".Battery",
}  # fmt: skip
APP = App(
    PACKAGE, "Settings", "#5F6368", icon="cog", strings=own("settings"), main=".Settings",
    system=True,
    filters=tuple(Filter(f"android.settings.{name}", to) for name, to in ACTIONS.items()),
)  # fmt: skip


def switch(see: See, title: str, table: str, key: str, summary: str = "") -> View:
    on = see.phone.settings.is_on(table, key)
    return ui.toggle(see.t(title), on, do("flip", table=table, key=key), summary)


@APP.on("flip")
def flip(do: Do) -> None:
    do.phone.settings.flip(str(do.args["table"]), str(do.args["key"]))


@APP.on("set")
def set_(do: Do) -> None:
    """args: table, key, value."""
    do.phone.settings.put(str(do.args["table"]), str(do.args["key"]), str(do.args["value"]))


@APP.screen(".Settings")
def main(see: See) -> View:
    told = {
        ".Location": see.t("On" if _located(see) else "Off"),
        ".About": see.setting("global", "device_name"),
        ".Storage": _free(see),
    }
    wanted = see.text("query").strip().casefold()
    rows = [
        ui.row(
            see.t(title), told.get(name, see.t(summary)), tap=go(name),
            lead=ui.icon(icon),
        )
        for name, title, summary, icon in PAGES
        if wanted in f"{see.t(title)} {see.t(summary)}".casefold()
    ]  # fmt: skip
    box = ui.form(ui.field("query", hint=see.t("Search settings")))
    none = [ui.empty(see.t("No results"), "magnify")]
    return ui.page(see.t("Settings"), *(rows or none), under=(box,), up=False)


def _free(see: See) -> str:
    return see.t("{size} MB free", size=see.phone.files.room >> 20)


@APP.screen(".Network")
def network(see: See) -> View:
    return ui.page(
        see.t("Network & internet"),
        switch(see, "Wi-Fi", "global", "wifi_on"),
        switch(see, "Mobile data", "global", "mobile_data"),
        switch(see, "Airplane mode", "global", "airplane_mode_on"),
    )


@APP.screen(".Connected")
def connected(see: See) -> View:
    on = see.phone.settings.is_on("global", "bluetooth_on")
    name = ui.row(see.t("Device name"), see.setting("global", "device_name"), tap=show("rename"))
    rows = (name,) if on else ()
    use = switch(see, "Use Bluetooth", "global", "bluetooth_on")
    return ui.page(see.t("Connected devices"), use, *rows)


@APP.overlay("rename")
def rename(see: See) -> Overlay:
    now = see.text("device", see.setting("global", "device_name"))
    return ui.dialog(
        see.t("Device name"), ui.form(ui.field("device", now)),
        actions=(ui.cancel(see.t("Cancel")), ui.accept(see.t("Rename"), do("rename"))),
    )  # fmt: skip


@APP.on("rename")
def renamed(do: Do) -> None:
    name = do.text("device", do.setting("global", "device_name")).strip()
    if name:
        do.phone.settings.put("global", "device_name", name)
    do.type("device", None)


@APP.screen(".Notifications")
def notifications(see: See) -> View:
    return ui.page(
        see.t("Notifications"),
        switch(see, "Do Not Disturb", "global", "zen_mode"),
        switch(see, "Pop on screen", "global", "heads_up_notifications_enabled"),
    )


@APP.screen(".Battery")
def battery(see: See) -> View:
    return ui.page(
        see.t("Battery"), ui.row("87%", see.t("Charging")),
        switch(see, "Battery Saver", "global", "low_power"),
    )  # fmt: skip


@APP.screen(".Storage")
def storage(see: See) -> View:
    used = sum(size for _, size, _ in see.walk())
    return ui.page(
        see.t("Storage"), ui.row(_free(see), see.t("{size} KB in files", size=used >> 10)),
    )  # fmt: skip


@APP.screen(".Sound")
def sound(see: See) -> View:
    rows = []
    for key, title in (("volume_music", "Media volume"), ("volume_ring", "Ring volume")):
        value = see.setting("system", key)
        level = min(15, int(value)) / 15 if value.isdecimal() and len(value) < 4 else 0
        rows += [ui.header(see.t(title)), ui.seek(level, do("volume", key=key), see.t(title), key)]
    vibrate = switch(see, "Vibrate for calls", "system", "vibrate_when_ringing")
    return ui.page(see.t("Sound & vibration"), *rows, vibrate)


@APP.on("volume")
def volume(do: Do) -> None:
    level = round(float(str(do.args["value"])) * 15)
    do.phone.settings.put("system", str(do.args["key"]), str(level))


@APP.screen(".Display")
def display(see: See) -> View:
    timeout = see.setting("system", "screen_off_timeout")
    scale = see.setting("system", "font_scale")
    return ui.page(
        see.t("Display"),
        ui.header(see.t("Brightness")),
        ui.row(see.t("Brightness level"), f"{round(100 * _level(see))}%", tap=go(".Brightness")),
        switch(see, "Adaptive brightness", "system", "screen_brightness_mode"),
        ui.header(see.t("Appearance")),
        ui.toggle(see.t("Dark theme"), see.phone.dark, do("dark")),
        ui.row(see.t("Font size"), see.t(SCALES.get(scale, scale)), tap=show("scale")),
        switch(see, "Auto-rotate screen", "system", "accelerometer_rotation"),
        ui.header(see.t("Lock screen")),
        ui.row(
            see.t("Screen timeout"), see.t(TIMEOUTS.get(timeout, f"{timeout} ms")),
            tap=go(".Timeout"),
        ),
    )  # fmt: skip


@APP.on("dark")
def dark(do: Do) -> None:
    do.phone.settings.put("secure", "ui_night_mode", "1" if do.phone.dark else "2")


@APP.overlay("scale")
def scale(see: See) -> Overlay:
    act = do("set", table="system", key="font_scale")
    names = [(value, see.t(name)) for value, name in SCALES.items()]
    return ui.options(
        see.t("Font size"), act, names, see.setting("system", "font_scale"), see.t("Cancel")
    )


def _level(see: See) -> float:
    value = see.setting("system", "screen_brightness")
    return min(int(value), 255) / 255 if value.isdecimal() and len(value) < 6 else 0.0


@APP.screen(".Brightness")
def brightness(see: See) -> View:
    bar = ui.seek(_level(see), do("brighten"), see.t("Display brightness"))
    return ui.page(see.t("Brightness level"), bar)


@APP.on("brighten")
def brighten(do: Do) -> None:
    level = max(1, round(float(str(do.args["value"])) * 255))
    do.phone.settings.put("system", "screen_brightness", str(level))


@APP.screen(".Timeout")
def timeout(see: See) -> View:
    now = see.setting("system", "screen_off_timeout")
    act = do("set", table="system", key="screen_off_timeout")
    rows = (
        ui.choice(see.t(name), value == now, act.with_(value=value))
        for value, name in TIMEOUTS.items()
    )
    return ui.page(see.t("Screen timeout"), *rows)


def _located(see: See) -> bool:
    return see.phone.settings.is_on("secure", "location_mode")


@APP.screen(".Location")
def location(see: See) -> View:
    return ui.page(see.t("Location"), ui.toggle(see.t("Use location"), _located(see), do("locate")))


@APP.on("locate")
def locate(do: Do) -> None:
    do.phone.settings.put("secure", "location_mode", "0" if _located(do) else "3")


@APP.screen(".System")
def system(see: See) -> View:
    hours = see.setting("system", "time_12_24") != "12"
    return ui.page(
        see.t("System"),
        ui.row(see.t("Languages"), LANGUAGES.get(see.phone.locale, see.phone.locale),
               tap=show("language")),
        ui.header(see.t("Date & time")),
        switch(see, "Set time automatically", "global", "auto_time"),
        ui.row(see.t("Date"), see.day(see.now, year=True)),
        ui.row(see.t("Time"), see.clock(see.now)),
        ui.toggle(see.t("Use 24-hour format"), hours,
                  do("set", table="system", key="time_12_24", value="12" if hours else "24")),
    )  # fmt: skip


@APP.overlay("language")
def language(see: See) -> Overlay:
    act = do("set", table="system", key="system_locales")
    return ui.options(see.t("Languages"), act, LANGUAGES.items(), see.phone.locale, see.t("Cancel"))


@APP.screen(".Apps")
def apps(see: See) -> View:
    found = [a for a in see.phone.apps.values() if a.main]
    rows = (
        ui.row(see.label(a), a.package, tap=go(".App", package=a.package),
               lead=ui.badge(a.icon, a.hue))
        for a in sorted(found, key=see.label)
    )  # fmt: skip
    return ui.page(see.t("Apps"), *rows)


@APP.screen(".App")
def app(see: See) -> View:
    one = see.phone.apps.get(str(see.args.get("package")))
    if one is None:
        return ui.page(see.t("App info"), ui.empty(see.t("No results"), "apps"))
    name = see.label(one)
    rows: list[View] = [
        ui.row(name, see.t("version {number}", number=one.version[0]),
               lead=ui.badge(one.icon, one.hue)),
        ui.buttons(
            ui.button(see.t("Force stop"), show("stop"), kind="tonal", icon="alert-circle"),
            ui.button(see.t("Clear storage"), show("clear"), kind="tonal", icon="delete-outline"),
        ),
        ui.header(see.t("Permissions")),
    ]  # fmt: skip
    for permission in one.permissions:
        held = see.phone.is_granted(one.package, permission)
        label = PERMISSIONS.get(permission.rpartition(".")[2], permission)
        rows.append(ui.toggle(see.t(label), held, do("permit", permission=permission)))
    if not one.permissions:
        rows.append(ui.row(see.t("No permissions requested")))
    return ui.page(see.t("App info"), *rows)


@APP.on("permit")
def permit(do: Do) -> None:
    package, permission = str(do.args["package"]), str(do.args["permission"])
    do.phone.grant(package, permission, on=not do.phone.is_granted(package, permission))


@APP.overlay("stop")
def ask_stop(see: See) -> Overlay:
    told = see.t("If you force stop an app, it may misbehave.")
    return ui.confirm(see.t("Force stop?"), told, see.t("OK"), do("stop"), see.t("Cancel"))


@APP.on("stop")
def stop(do: Do) -> None:
    do.phone.stop(str(do.args["package"]))


@APP.overlay("clear")
def ask_clear(see: See) -> Overlay:
    told = see.t("All of this app’s data will be deleted for ever.")
    return ui.confirm(see.t("Clear storage?"), told, see.t("Delete"), do("clear"), see.t("Cancel"))


@APP.on("clear")
def clear(do: Do) -> None:
    do.phone.clear(str(do.args["package"]))
    do.toast(do.t("Deleted"))


@APP.screen(".About")
def about(see: See) -> View:
    told = see.phone.properties
    return ui.page(
        see.t("About phone"),
        ui.row(see.t("Device name"), see.setting("global", "device_name"), tap=show("rename")),
        ui.row(see.t("Model"), told["ro.product.model"]),
        ui.row(see.t("Android version"), told["ro.build.version.release"]),
        ui.row(see.t("Build number"), told["ro.build.id"]),
    )
