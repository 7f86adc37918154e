"""What every environment must do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentkit.capabilities import Action, Task
from agentkit.testing.conformance import EnvironmentConformance
from agentkit_NAME.environment import Add


class TestClassName(EnvironmentConformance):
    toml = '[environments.part]\nuse = "NAME"'

    def solve(self, environment: Any, task: Task) -> Sequence[Action]:
        missing = task.data["goal"] - environment.observe().data["value"]
        return [Add(amount=min(3, missing - n)) for n in range(0, missing, 3)]
