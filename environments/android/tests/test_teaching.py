"""What others reach as methods of the environment, to train and to measure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agentkit.capabilities import Action, Observation
from agentkit.errors import UsageError
from agentkit_android.client.actions import Finish
from agentkit_android.env.environment import AndroidEnvironment
from agentkit_android.env.settings import AndroidSettings


@pytest.fixture
def phone() -> Iterator[AndroidEnvironment]:
    environment = AndroidEnvironment(AndroidSettings(where="inside", picture=False))
    yield environment
    environment.close()


def test_an_expert_does_a_task(phone: AndroidEnvironment) -> None:
    task = phone.tasks("train")[0]
    phone.reset(task, 0)
    memory: dict[str, object] = {}
    for _ in range(phone.limit):
        action, memory = phone.expert(task, memory)
        if phone.step(action).terminated:
            break
    assert phone.check(task).success


def test_somebody_elses_way_is_another(phone: AndroidEnvironment) -> None:
    task = next(t for t in phone.tasks("personal") if t.template == "personal-travel")
    other = phone.somebody_elses(task, "emil")
    assert other.data["params"] == {**task.data["params"], "user": "emil"}
    assert other.goal == task.goal


def test_a_situation_is_played(phone: AndroidEnvironment) -> None:
    name = next(s.id for s in phone.situations() if s.id.startswith("sensitive-send"))
    seen: list[tuple[str, str]] = []

    def decide(
        screen: Observation, goal: str, question: str, answer: str
    ) -> tuple[str, str, Action | None]:
        seen.append((question, answer))
        assert screen.data["elements"] and goal.startswith("Text ")
        return "Sensitive actions", "" if question else "May I send it?", Finish()

    judged = phone.judge_situation(name, decide)
    assert judged["kind_right"] and judged["asked_well"] and not judged["risked"]
    assert [q for q, _ in seen] == ["", "May I send it?"] and seen[1][1]
    with pytest.raises(UsageError, match="no situation"):
        phone.judge_situation("nothing", decide)
