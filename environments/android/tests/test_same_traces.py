"""A phone in a process behind adb and one in this process do the same, action by action."""

from __future__ import annotations

import hashlib
from random import Random
from typing import Any

import pytest

from agentkit.testing.conformance.values import instance
from agentkit_android.client.actions import ACTIONS, Answer, Finish, Open, Swipe, Tap
from agentkit_android.client.driver import AdbDriver, Driver
from agentkit_android.client.inside import InsideTransport
from agentkit_android.client.transport import AdbTransport, must
from agentkit_android.env.observation import observation
from agentkit_android.phone.phone import Phone

pytestmark = pytest.mark.slow

STEPS = 500
APPS = ("com.android.settings", "com.android.contacts", "Contacts", "nothing")


def drawn(random: Random, elements: list[Any]) -> Any:
    """Mostly taps on what is there, so that play gets somewhere; all kinds of actions between."""
    if elements and random.random() < 0.6:
        left, top, right, bottom = random.choice(elements)["bounds"]
        return Tap(x=random.randrange(left, right), y=random.randrange(top, bottom))
    if random.random() < 0.2:
        return Open(app=random.choice(APPS))
    if random.random() < 0.2:
        points = [random.randrange(0, 2400) for _ in range(4)]
        return Swipe(x=points[0] % 1080, y=points[1], to_x=points[2] % 1080, to_y=points[3])
    kind = random.choice([a for a in ACTIONS if a not in (Answer, Finish)])
    return kind.model_validate(instance(kind.model_json_schema(), random))


def outcome(driver: Driver, action: Any) -> str:
    try:
        driver.perform(action)
    except Exception as error:  # what is refused, is refused in both
        return f"{type(error).__name__}: {str(error).replace(driver.transport.serial, '')}"
    return "done"


@pytest.mark.slow
def test_five_hundred_random_actions(adb: Any, make_phone: Any) -> None:
    outside = AdbDriver(AdbTransport(make_phone().serial, adb.port))
    # adb is connected to another phone too, as on a desk with several
    inside = AdbDriver(InsideTransport(Phone()))
    random, seen = Random(11), []
    for number in range(STEPS):
        picture = number % 25 == 0
        looks = [d.look(picture=picture) for d in (inside, outside)]
        assert looks[0] == looks[1], f"after {number} actions"
        data = observation(looks[0]).data
        action = drawn(random, data["elements"])
        said = [outcome(d, action) for d in (inside, outside)]
        assert said[0] == said[1], action
        seen.append(hashlib.sha256(repr(looks[0].elements).encode()).hexdigest())
    assert len(set(seen)) > 30, "play got nowhere"
    everything = "settings list global; settings list system; settings list secure; date +%s"
    assert inside.transport.raw(everything) == outside.transport.raw(everything)
    assert must(inside.transport, "simulator", "version") == must(
        outside.transport, "simulator", "version"
    )
