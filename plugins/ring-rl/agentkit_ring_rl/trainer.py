"""A trainer that fits a line by gradient descent."""

from __future__ import annotations

import json
from collections.abc import Iterable
from math import isfinite
from pathlib import Path

from pydantic import Field

from agentkit.capabilities import Checkpoint, Example, Plan, Progress, TrainingDiverged
from agentkit.errors import DataError, Paused, UsageError
from agentkit.files import write_atomic
from agentkit.kit import Parts
from agentkit.settings import PartSettings

FILE = "line.json"


class Settings(PartSettings):
    """steps: over all examples each. rate: of learning."""

    steps: int = Field(default=10, ge=1)
    rate: float = Field(default=0.05, gt=0)


class RingRl:
    """y = slope * x + offset, by mean squared error; a checkpoint after each step."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._settings = settings

    def plan(self) -> Plan:
        return Plan(self._settings.steps, parameters=2, memory=1 << 16, seconds=0.1)

    def train(
        self, data: Iterable[Example], out: Path, progress: Progress, resume: bool = False
    ) -> Checkpoint:
        examples = [(e.id, float(e.data["x"]), float(e.data["y"])) for e in data]
        if not examples:
            raise UsageError("there are no examples to train on")
        step, slope, offset, loss = _restored(out) if resume else (0, 0.0, 0.0, 0.0)
        while step < self._settings.steps:
            if progress.cancel:
                raise Paused
            errors = [(slope * x + offset - y, x) for _, x, y in examples]
            loss = sum(e * e for e, _ in errors) / len(errors)
            if not isfinite(loss):
                raise TrainingDiverged(step + 1, "loss")
            slope -= self._settings.rate * 2 * sum(e * x for e, x in errors) / len(errors)
            offset -= self._settings.rate * 2 * sum(e for e, _ in errors) / len(errors)
            step += 1
            write_atomic(out / FILE, json.dumps([step, slope, offset, loss]))
            progress.examples(step, [name for name, _, _ in examples])
            progress.update(step, self._settings.steps, {"loss": loss})
        return Checkpoint(out, step, {"loss": loss})


def _restored(out: Path) -> tuple[int, float, float, float]:
    try:
        step, slope, offset, loss = json.loads((out / FILE).read_text())
    except (OSError, ValueError) as error:
        raise DataError(f"{out / FILE} is no checkpoint: {error}", "train from the start") from None
    return int(step), float(slope), float(offset), float(loss)
