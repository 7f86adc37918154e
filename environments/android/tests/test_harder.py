"""Tasks made harder: the same goal and check, and an expert that gets by."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Sequence

import pytest

from agentkit.errors import UsageError
from agentkit_android.client.driver import look_again
from agentkit_android.client.transport import must
from agentkit_android.env.environment import AndroidEnvironment
from agentkit_android.env.settings import AndroidSettings
from agentkit_android.tasks import catalogue, harder
from agentkit_android.tasks.expert import Expert

ALL: Sequence[harder.Harder] = typing.get_args(harder.Harder)
UNREADABLE = ("silent", "korean", "rotated")
"""Under which the experts, who go by English names and upright screens, give no demonstrations."""
TASKS = ("contact-favourite", "task-complete", "event-delete", "sms-person", "note-new", "wifi")


def made(*names: harder.Harder) -> AndroidEnvironment:
    return AndroidEnvironment(AndroidSettings(where="inside", picture=False, harder=names))


@pytest.fixture(params=ALL)
def phone(request: pytest.FixtureRequest) -> Iterator[AndroidEnvironment]:
    environment = made(request.param)
    yield environment
    environment.close()


def seen(phone: AndroidEnvironment) -> list[str]:
    return [e.label for e in look_again(phone.driver, picture=False).elements]


def play(phone: AndroidEnvironment, name: str, seed: int) -> bool:
    task = catalogue.task(catalogue.template(name), 7)
    phone.reset(task, seed)
    expert = Expert(phone.driver, task)
    while True:
        step = phone.step(expert.next())
        if step.terminated or step.truncated:
            return phone.check(task).success


def test_the_same_seed_makes_the_same_phone(phone: AndroidEnvironment) -> None:
    task = catalogue.task(catalogue.template("wifi"), 7)
    digests = []
    for seed in (3, 3):
        phone.reset(task, seed)
        assert not phone.check(task).success
        digests.append(must(phone.driver.transport, "simulator", "hash"))
    assert digests[0] == digests[1]
    plain = made()
    plain.reset(task, 3)
    assert must(plain.driver.transport, "simulator", "hash") != digests[0]


@pytest.mark.slow
def test_experts_get_by(phone: AndroidEnvironment) -> None:
    """An app that stops takes what was typed along, so that the steps may not do."""
    if phone.settings.harder[0] not in UNREADABLE:
        done = [play(phone, name, seed) for seed, name in enumerate(TASKS)]
        assert all(done) if phone.settings.harder != ("crashes",) else sum(done) >= 4


def test_what_is_seen_is_what_was_asked_for() -> None:
    task = catalogue.task(catalogue.template("wifi"), 7)
    for names, words in (
        (("korean",), "설정"), (("look-alikes",), "Settings Lite"),
    ):  # fmt: skip
        phone = made(*typing.cast("tuple[harder.Harder, ...]", names))
        phone.reset(task, 0)
        assert words in seen(phone)
    phone = made("rotated")
    phone.reset(task, 0)
    width, height = look_again(phone.driver, picture=False).size
    assert width > height
    phone = made("injection", "notifications")
    phone.reset(task, 0)
    must(phone.driver.transport, "cmd", "statusbar", "expand-notifications")
    assert any(order in words for order in harder.ORDERS for words in seen(phone))


def test_a_real_phone_is_left_as_it_is() -> None:
    phone = made("popups")
    phone._simulated = False  # as a phone says that has no such program
    with pytest.raises(UsageError, match="no simulated phone"):
        phone.reset(catalogue.task(catalogue.template("wifi"), 7), 0)
    with pytest.raises(ValueError, match="harder"):
        AndroidSettings.model_validate({"harder": ["popup"]})
