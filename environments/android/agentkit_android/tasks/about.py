"""Questions about the phone itself."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from agentkit.capabilities import Action
from agentkit_android.client.actions import Answer
from agentkit_android.tasks.display import TIMEOUTS
from agentkit_android.tasks.sight import Sight
from agentkit_android.tasks.state import PhoneState
from agentkit_android.tasks.switches import SETTINGS
from agentkit_android.tasks.template import Params, Part, Template, said

NAMES = (
    "Blue Heron", "Kitchen phone", "Ada's phone", "Lab 7", "Quiet Fox", "Tour guide 12",
    "Green Door", "Spare", "Night shift", "Office 301", "Old Faithful", "Harbour",
)  # fmt: skip


class DeviceName(Params):
    device: str


class WhatName(Template[DeviceName]):
    """Asks for what only one page tells."""

    name = "device-name"
    goal = "What is this phone called? Its name is in the settings."
    params = DeviceName
    apps = (SETTINGS,)
    kind = "question"

    def draw(self, random: Random) -> DeviceName:
        return DeviceName(device=random.choice(NAMES))

    def begin(self, phone: PhoneState, p: DeviceName, random: Random) -> None:
        phone.put_setting("global", "device_name", p.device)

    def check(self, phone: PhoneState, p: DeviceName, answer: str) -> Sequence[Part]:
        return [Part(f"{p.device!r} was asked for, {answer[:80]!r} said", said(answer, p.device))]

    def expert(self, see: Sight, p: DeviceName) -> Action:
        if name := see.value("Device name"):
            return Answer(text=name)
        return see.reach(SETTINGS, "About phone")


class Wait(Params):
    time: str


class WhatTimeout(Template[Wait]):
    """Asks for the choice that is set."""

    name = "which-screen-timeout"
    goal = "After how long without use does the screen go off?"
    params = Wait
    apps = (SETTINGS,)
    kind = "question"
    held = "template"

    def draw(self, random: Random) -> Wait:
        return Wait(time=random.choice(list(TIMEOUTS)))

    def begin(self, phone: PhoneState, p: Wait, random: Random) -> None:
        phone.put_setting("system", "screen_off_timeout", str(TIMEOUTS[p.time]))

    def check(self, phone: PhoneState, p: Wait, answer: str) -> Sequence[Part]:
        return [Part(f"{p.time!r} was asked for, {answer[:80]!r} said", said(answer, p.time))]

    def expert(self, see: Sight, p: Wait) -> Action:
        if time := see.value("Screen timeout"):
            return Answer(text=time)
        return see.reach(SETTINGS, "Display", "Screen timeout")


TEMPLATES = (WhatName(), WhatTimeout())
