"""What every trainer must do, by the supervised one on a tiny model."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from agentkit.capabilities import Example
from agentkit.testing.conformance import TrainerConformance
from agentkit.testing.tiny import tiny_model_folder

TINY = tiny_model_folder(Path(tempfile.gettempdir()) / "agentkit-ring-rl-tiny")


class TestSft(TrainerConformance):
    toml = f"""
    [models.tiny]
    use = "transformers"
    model = "{TINY}"
    [trainers.part]
    use = "sft"
    model = "tiny"
    steps = 12
    batch = 4
    keep = 4
    rate = 0.01
    warmup = 0.0
    """

    def data(self) -> Sequence[Example]:
        return [
            Example(f"e{n}", {"prompt": f"say {n}", "answer": str(n), "weight": 1.0})
            for n in range(8)
        ]

    def broken(self) -> Sequence[Example]:
        return [replace(e, data={**e.data, "weight": float("nan")}) for e in self.data()]
