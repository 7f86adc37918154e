"""What every trainer must do, on points of a line."""

from __future__ import annotations

from collections.abc import Sequence

from agentkit.capabilities import Example
from agentkit.testing.conformance import TrainerConformance


class TestRingRl(TrainerConformance):
    toml = '[trainers.part]\nuse = "ring-rl"'
    weights = "*.json"

    def data(self) -> Sequence[Example]:
        return [Example(f"e{n}", {"x": n / 4, "y": n / 2 + 1}) for n in range(8)]
