"""Settings of the agent and the trainer `use = "evolve"`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from agentkit.settings import PartSettings
from agentkit_stepwise_rl.evolving.discriminators import SEVEN


class EvolveSettings(PartSettings):
    """Attributes:
    model: which gets better; it stays as it is. start: a model.safetensors to begin with.
    environment: with tasks and states that can be checked; `phones` of it work side by side.
    agent: plays the rollouts: one of this plugin's own where it is empty, else a declared agent
        that takes a goal and a task_id, such as `color`, whose field `model` is filled in.
    iterations: at most. split: whose tasks are queries. queries: in the pool. repeats: rollouts
        a query and iteration. starts: apps that corner cases begin in. expander: a model that
        says goals in other words. temperature: of rollouts.
    discriminators: reward parts; all must let a trajectory pass.
    human: what becomes of one that does not pass. `ask`: a person corrects it, in the console or
        by `agentkit runs answer`; `none`: it is left out; `expert`: the environment's expert
        stands for the person, which is an upper end.
    questions: the most of one iteration.
    cap: trajectories of one query that are trained on. replay: share of the data that is older:
        the examples that the trainer was given, and those of earlier iterations.
    sft: settings of the supervised trainer, over its own.
    held_out: split whose tasks tell whether an iteration helped; tasks: how many of them.
    patience: iterations without a better success, after which it stops and goes back to the best.
    out: folder of all that is made. seed: of everything.
    """

    model: str = "phone-policy"
    start: Path | None = None
    environment: str = "phone"
    phones: int = Field(default=2, ge=1, le=64)
    agent: str = ""
    iterations: int = Field(default=3, ge=1)
    split: str = "train"
    queries: int = Field(default=100, ge=1)
    repeats: int = Field(default=2, ge=1)
    starts: tuple[str, ...] = ("Settings", "Contacts", "Clock")
    expander: str | None = None
    temperature: float = Field(default=1.2, ge=0, allow_inf_nan=False)
    discriminators: tuple[str, ...] = SEVEN
    human: Literal["ask", "none", "expert"] = "ask"
    questions: int = Field(default=10, ge=0)
    cap: int = Field(default=2, ge=1)
    replay: float = Field(default=0.3, ge=0, lt=1)
    sft: dict[str, Any] = Field(
        default_factory=lambda: {"steps": 200, "batch": 24, "rate": 3e-4, "longest": 400}
    )
    held_out: str = "validation"
    tasks: int = Field(default=40, ge=1)
    patience: int = Field(default=1, ge=1)
    out: Path = Path("evolved")
    seed: int = 0

    @field_validator("discriminators")
    @classmethod
    def _some(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if not given:
            raise ValueError("without discriminators everything would pass: name some")
        return given
