"""What can be opened, as an agent is told: by the launcher's list, named as its owner knows it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from agentkit.agents.acting import Screen
from agentkit_android.client import actions as act
from agentkit_android.client.driver import AdbDriver, words_of
from agentkit_android.client.transport import must
from agentkit_android.env.environment import AndroidEnvironment
from agentkit_android.env.settings import AndroidSettings


@pytest.fixture
def phone() -> AndroidEnvironment:
    return AndroidEnvironment(AndroidSettings(where="inside", picture=False))


def test_the_apps_of_the_launcher_are_told_and_each_can_be_opened(
    phone: AndroidEnvironment,
) -> None:
    seen = phone.reset(phone.tasks("train")[0], 0)
    apps = Screen.of(seen).apps
    named = {e["label"] for e in seen.data["elements"]}
    assert len(apps) >= 16 and {name for _, name in apps} <= named
    assert dict(apps)["com.android.camera2"] == "Camera"
    assert "com.android.launcher3" not in dict(apps), "home is a button"
    for package, name in apps:
        for said in (package, name):
            assert phone.driver.perform(act.Open(app=said)) is None
            assert phone.observe().data["package"] == package


def test_they_are_asked_for_once_an_episode(phone: AndroidEnvironment) -> None:
    asked = []

    @dataclass
    class Counting(AdbDriver):
        """The phone's own driver, which notes when it is asked."""

        inner: AdbDriver = field(init=False)

        def __init__(self, inner: AdbDriver) -> None:
            super().__init__(inner.transport)

        def apps(self) -> dict[str, str]:
            asked.append(1)
            return super().apps()

    phone._driver = Counting(phone.driver)
    task = phone.tasks("train")[0]
    phone.reset(task, 0)
    for _ in range(3):
        assert phone.step(act.Press(button="home")).observation.data["apps"]
    assert len(asked) == 1
    phone.reset(task, 0)
    assert len(asked) == 2, "apps may have come since"


def test_the_phone_answers_as_android_does(phone: AndroidEnvironment) -> None:
    told = must(
        phone.driver.transport, "cmd", "package", "query-activities", "--brief",
        "-a", "android.intent.action.MAIN", "-c", "android.intent.category.LAUNCHER",
    )  # fmt: skip
    assert "com.android.settings/.Settings" in [line.strip() for line in told.splitlines()]


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("com.google.android.deskclock", "Deskclock"),
        ("com.example.bus_times", "Bus times"),
        ("org.fossify.busTimes", "bus Times".capitalize()),
        ("com.whatsapp", "Whatsapp"),
        ("android", "Android"),
        ("com.android", "Android"),
    ],
)
def test_a_name_is_made_of_the_package_where_none_is_told(package: str, name: str) -> None:
    assert words_of(package).casefold() == name.casefold()
