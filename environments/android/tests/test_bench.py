"""The experiment's pieces; all of it takes a model and many minutes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agentkit.bench import Bench
from agentkit.capabilities import Progress, Task
from agentkit.errors import Cancelled
from agentkit.kit import Kit
from agentkit_android.bench import cost, success
from agentkit_android.client import appium_server
from agentkit_android.env.environment import AndroidEnvironment
from agentkit_android.env.settings import AndroidSettings
from agentkit_android.tasks import bench as sound
from agentkit_android.tasks import catalogue
from agentkit_android.tasks.template import Part

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def phone() -> Iterator[AndroidEnvironment]:
    environment = AndroidEnvironment(AndroidSettings(where="inside", picture=False))
    yield environment
    environment.close()


def test_each_player_plays_to_the_end(phone: AndroidEnvironment) -> None:
    task = next(t for t in catalogue.tasks("train") if t.template == "wifi")
    won = {}
    for name, play in success.PLAYERS.items():
        phone.reset(task, 0)
        won[name] = play(phone, task, 1)
    assert won["expert"] and not won["nothing"]


def test_success_goes_on_where_it_was_interrupted(
    phone: AndroidEnvironment, tmp_path: Path
) -> None:
    progress = SimpleNamespace(cancel=False)
    bench = Bench(cast(Kit, None), "quick", (0,), tmp_path, cast(Progress, progress))
    played: list[str] = []

    def play(phone: AndroidEnvironment, task: Task, number: int) -> bool:
        played.append(task.id)
        progress.cancel = len(played) == 2
        return number == 0

    with pytest.raises(Cancelled):
        success._played(bench, phone, "x", "train", play)
    progress.cancel = False
    won = success._played(bench, phone, "x", "train", play)
    assert won == [True, False, False] and len(played) == len(set(played)) == 3


def test_a_template_is_sound_or_says_what_is_not(
    phone: AndroidEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = dict.fromkeys(sound.WHAT, True)
    assert sound.sound(phone, "wifi", 3) == good
    assert sound.sound(phone, "event-where", 3) == good, "a question"
    monkeypatch.setattr(type(catalogue.template("wifi")), "check", lambda *a: [Part("all", True)])
    bad = sound.sound(phone, "wifi", 3)
    assert not bad["nothing"] and not bad["nearly"]


def test_looks_are_timed_beside_uiautomator2_and_appium(
    adb: Any, phone_home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(adb.port))
    times = cost._looks(2)
    assert ("Appium" in times) is appium_server.installed()
    assert {"ours", "uiautomator2"} <= set(times)
    assert all(len(some) == 2 and min(some) > 0 for some in times.values())


def test_steps_and_memory_are_measured(
    adb: Any, phone_home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(adb.port))
    assert cost._steps(2, 3) > 0
    times = cost._overhead(AndroidSettings(where="inside", picture=False), 2)
    assert len(times["step"]) == len(times["bare"]) == 2
    more, own = cost._memory()
    assert 0 <= more < 60 and 20 < own < 1000
