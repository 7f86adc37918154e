"""How bright the screen is, and how long it stays on."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from pydantic import Field

from agentkit.capabilities import Action
from agentkit_android.client.actions import Finish
from agentkit_android.tasks.sight import Sight
from agentkit_android.tasks.state import PhoneState
from agentkit_android.tasks.switches import SETTINGS
from agentkit_android.tasks.template import Params, Part, Template

NEAR = 0.06
"""Of the whole range: a finger is no finer."""
TIMEOUTS = {
    "15 seconds": 15_000, "30 seconds": 30_000, "1 minute": 60_000, "2 minutes": 120_000,
    "5 minutes": 300_000, "10 minutes": 600_000, "30 minutes": 1_800_000,
}  # fmt: skip


class Percent(Params):
    percent: int = Field(ge=0, le=100)


class Brightness(Template[Percent]):
    """A slider, which takes a drag to a point that has to be worked out."""

    name = "brightness"
    goal = "Set the brightness of the screen to about {percent} %"
    goals = ("Make the screen {percent} percent bright, give or take a little",)
    params = Percent
    apps = (SETTINGS,)

    def draw(self, random: Random) -> Percent:
        return Percent(percent=random.choice((5, 10, 20, 30, 60, 70, 75, 80, 90, 100)))

    def begin(self, phone: PhoneState, p: Percent, random: Random) -> None:
        phone.put_setting("system", "screen_brightness_mode", "0")
        phone.put_setting("system", "screen_brightness", "115")

    def check(self, phone: PhoneState, p: Percent, answer: str) -> Sequence[Part]:
        value = phone.setting("system", "screen_brightness")
        part = int(value) / 255 if value.isdecimal() else -1.0
        met = abs(part - p.percent / 100) <= NEAR
        return [Part(f"the brightness is {part:.0%}", met)]

    def nearly(self, p: Percent, random: Random) -> Percent:
        return Percent(percent=p.percent + (-15 if p.percent >= 50 else 15))

    def expert(self, see: Sight, p: Percent) -> Action:
        if self.check(see.phone, p, "")[0].met:
            return Finish()
        slider = see.find("Display brightness")
        if slider is not None:
            return see.slide(slider, p.percent / 100)
        return see.reach(SETTINGS, "Display", "Brightness level")


class Timeout(Params):
    time: str


class ScreenTimeout(Template[Timeout]):
    """One of several choices on a page of its own."""

    name = "screen-timeout"
    goal = "Let the screen go off after {time} without use"
    params = Timeout
    apps = (SETTINGS,)

    def draw(self, random: Random) -> Timeout:
        return Timeout(time=random.choice([t for t in TIMEOUTS if t != "1 minute"]))

    def begin(self, phone: PhoneState, p: Timeout, random: Random) -> None:
        phone.put_setting("system", "screen_off_timeout", "60000")

    def check(self, phone: PhoneState, p: Timeout, answer: str) -> Sequence[Part]:
        now = phone.setting("system", "screen_off_timeout")
        return [Part(f"the screen goes off after {now} ms", now == str(TIMEOUTS[p.time]))]

    def expert(self, see: Sight, p: Timeout) -> Action:
        if self.check(see.phone, p, "")[0].met:
            return Finish()
        if see.look.activity == ".Timeout":
            return see.reach(SETTINGS, p.time)
        return see.reach(SETTINGS, "Display", "Screen timeout")


TEMPLATES = (Brightness(), ScreenTimeout())
