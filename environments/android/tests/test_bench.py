"""The experiment's pieces; all of it takes a model and many minutes."""

from __future__ import annotations

from typing import Any

import pytest

from agentkit_android import bench
from agentkit_android.tasks import bench as sound
from agentkit_android.tasks import catalogue
from agentkit_android.tasks.template import Part

pytestmark = pytest.mark.slow


def test_each_player_plays_to_the_end() -> None:
    task = next(t for t in catalogue.tasks("train") if t.template == "wifi")
    phone = bench._inside()
    won = {}
    for name, play in bench.PLAYERS.items():
        phone.reset(task, 0)
        won[name] = play(phone, task, 1)
    assert won["expert"] and not won["nothing"]


def test_a_template_is_sound_or_says_what_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    phone = bench._inside()
    good = {"nothing": True, "expert": True, "nearly": True, "put back": True}
    assert sound._sound(phone, "wifi", 3) == good
    assert sound._sound(phone, "event-where", 3) == good, "a question"
    monkeypatch.setattr(type(catalogue.template("wifi")), "check", lambda *a: [Part("all", True)])
    bad = sound._sound(phone, "wifi", 3)
    assert not bad["nothing"] and not bad["nearly"]


def test_a_look_is_timed_beside_uiautomator2(
    adb: Any, phone_home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(adb.port))
    times = bench._looks(type("Quick", (), {"scale": "quick"})())  # type: ignore[arg-type]
    assert len(times["ours"]) == len(times["uiautomator2"]) == 5
    assert all(t > 0 for some in times.values() for t in some)


def test_memory_of_a_phone_is_measured() -> None:
    assert 0 <= bench._memory() < 60
