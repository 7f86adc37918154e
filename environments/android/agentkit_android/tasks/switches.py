"""Things that are on or off."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Literal

from agentkit.capabilities import Action
from agentkit_android.client.actions import Finish
from agentkit_android.tasks.sight import Sight
from agentkit_android.tasks.state import PhoneState
from agentkit_android.tasks.template import Params, Part, Template

SETTINGS = "com.android.settings"


class OnOff(Params):
    state: Literal["on", "off"]


class Switch(Template[OnOff]):
    """One switch of the settings. on, off: the values of its key."""

    params = OnOff
    apps = (SETTINGS,)
    kind = "switch"
    table: str = "global"
    key: str
    on, off = "1", "0"
    route: Sequence[str]

    def draw(self, random: Random) -> OnOff:
        return OnOff(state=random.choice(("on", "off")))

    def begin(self, phone: PhoneState, p: OnOff, random: Random) -> None:
        phone.put_setting(self.table, self.key, self.off if p.state == "on" else self.on)

    def check(self, phone: PhoneState, p: OnOff, answer: str) -> Sequence[Part]:
        now = phone.setting(self.table, self.key)
        wanted = self.on if p.state == "on" else self.off
        return [Part(f"{self.table}/{self.key} is {now or 'not set'}, not {wanted}", now == wanted)]

    def expert(self, see: Sight, p: OnOff) -> Action:
        if all(part.met for part in self.check(see.phone, p, "")):
            return Finish()
        return see.reach(SETTINGS, *self.route)


class WiFi(Switch):
    name, goal, key = "wifi", "Turn {state} Wi-Fi", "wifi_on"
    goals = ("Switch the wireless network {state}",)
    route = ("Network & internet", "Wi-Fi")


class Bluetooth(Switch):
    name, goal, key = "bluetooth", "Turn {state} Bluetooth", "bluetooth_on"
    route = ("Connected devices", "Use Bluetooth")


class Airplane(Switch):
    name, goal, key = "airplane-mode", "Turn {state} airplane mode", "airplane_mode_on"
    route = ("Network & internet", "Airplane mode")


class DoNotDisturb(Switch):
    name, goal, key = "do-not-disturb", "Turn {state} Do Not Disturb", "zen_mode"
    held = "template"
    route = ("Notifications", "Do Not Disturb")


class DarkTheme(Switch):
    name, goal = "dark-theme", "Turn {state} the dark theme"
    table, key, on, off = "secure", "ui_night_mode", "2", "1"
    route = ("Display", "Dark theme")


class AutoRotate(Switch):
    name, goal = "auto-rotate", "Turn {state} automatic rotation of the screen"
    table, key = "system", "accelerometer_rotation"
    route = ("Display", "Auto-rotate screen")


class Location(Switch):
    name, goal = "location", "Turn {state} location"
    table, key, on = "secure", "location_mode", "3"
    route = ("Location", "Use location")


class MobileData(Switch):
    name, goal, key = "mobile-data", "Turn {state} mobile data", "mobile_data"
    route = ("Network & internet", "Mobile data")


class Radios(Template[OnOff]):
    """Two switches on two pages, one the other way round."""

    name = "wifi-against-bluetooth"
    goal = "Turn {state} Wi-Fi, and Bluetooth the other way round"
    params = OnOff
    apps = (SETTINGS,)
    kind = "composite"
    complexity = 1.4

    def draw(self, random: Random) -> OnOff:
        return OnOff(state=random.choice(("on", "off")))

    def begin(self, phone: PhoneState, p: OnOff, random: Random) -> None:
        phone.put_setting("global", "wifi_on", "0" if p.state == "on" else "1")
        phone.put_setting("global", "bluetooth_on", "1" if p.state == "on" else "0")

    def check(self, phone: PhoneState, p: OnOff, answer: str) -> Sequence[Part]:
        on = p.state == "on"
        wifi, bluetooth = (phone.is_on("global", k) for k in ("wifi_on", "bluetooth_on"))
        return [
            Part(f"Wi-Fi is {_word(wifi)}", wifi is on),
            Part(f"Bluetooth is {_word(bluetooth)}", bluetooth is not on),
        ]

    def expert(self, see: Sight, p: OnOff) -> Action:
        wifi, bluetooth = self.check(see.phone, p, "")
        if not wifi.met:
            return see.reach(SETTINGS, *WiFi.route)
        if not bluetooth.met:
            return see.reach(SETTINGS, *Bluetooth.route)
        return Finish()


def _word(on: bool) -> str:
    return "on" if on else "off"


TEMPLATES: tuple[Template[OnOff], ...] = (
    WiFi(), Bluetooth(), Airplane(), DoNotDisturb(), DarkTheme(), AutoRotate(), Location(),
    MobileData(), Radios(),
)  # fmt: skip
