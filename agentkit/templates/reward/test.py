"""What every reward must do."""

from __future__ import annotations

from agentkit.capabilities import Outcome
from agentkit.testing.conformance import RewardConformance

TASK = {"answer": "the green river"}


class TestClassName(RewardConformance):
    toml = '[rewards.part]\nuse = "NAME"'
    good = Outcome(TASK, "The green river!")
    bad = Outcome(TASK, "a river in the north")
