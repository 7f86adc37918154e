"""The environment's suite, on a phone inside this process."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from agentkit.capabilities import Action, Task
from agentkit.testing.conformance import EnvironmentConformance, failures
from agentkit_android.client.actions import Answer, Finish
from agentkit_android.tasks.expert import Expert

pytestmark = pytest.mark.slow


def solution(environment: Any, task: Task) -> list[Action]:
    """What the expert does, found out on a state that is put back afterwards."""
    start = environment.snapshot()
    done: list[Action] = []
    expert = Expert(environment.driver, task)
    while not done or not isinstance(done[-1], Answer | Finish):
        done.append(expert.next())
        environment.step(done[-1])
    environment.restore(start)
    return done


@pytest.mark.slow
class TestInside(EnvironmentConformance):
    toml = """
    [environments.part]
    use = "android"
    where = "inside"
    """
    episodes, steps = 3, 12

    def solve(self, environment: Any, task: Task) -> Sequence[Action]:
        return solution(environment, task)

    def action(self, environment: Any, random: Random) -> Action:
        """Of the states that random play reaches, few are ended by it."""
        while isinstance(made := super().action(environment, random), Answer | Finish):
            if random.random() < 0.05:
                break
        return made


@pytest.mark.slow
def test_a_phone_behind_adb_conforms_too(phone_home: Any) -> None:
    """The cases that a second process and a socket could break."""

    class Outside(EnvironmentConformance):
        def make(self) -> Any:
            return phone_home(name="suite")

        def solve(self, environment: Any, task: Task) -> Sequence[Action]:
            return solution(environment, task)

    assert not failures(Outside, "EN-02", "EN-05", "EN-07", "EN-08", "EN-10", "EN-11")
