"""Settings of `use = "stepwise"`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from agentkit_stepwise_rl.filtering import KEEP_ZERO, RUNS
from agentkit_stepwise_rl.parts import RuleSettings


class StepwiseSettings(RuleSettings):
    """Attributes:
    model: which to train; it stays as it is. start: a model.safetensors to begin with.
    environment: whose actions replies ask for, and on which held-out tasks are played.
    learn: of runs, what is right: the action that was `taken` in runs that succeeded, or the
        expert's `best` in any run. unchecked: whether runs that nobody could check count as
        successes where the agent says so.
    steps: of training. samples: a step; group: replies to each (N of the paper).
    filter: independent replies a sample, before the training, that say how hard it is; 0 leaves
        the filter out. keep_zero: share of those kept that none of them solves. online: whether
        samples are drawn by how much their groups would teach, by pass rates told anew.
    scale: whether advantages are divided by the group's standard deviation. With it a group whose
        replies are all wrong learns the format at full strength.
    spread: that standard deviation: of n (`population`) or of n - 1 (`sample`).
    mask: of the Ring engine: what becomes of tokens that engine and trainer disagree on.
    clip, kl, rate, weight_decay, grad, temperature, limit: of its loss and its drawing. engine:
        which draws: `plain` for policies of their own kind, `tokens` for language models.
    lora: rank; 0 trains all weights.
    held_out: share of the samples, by whole episodes, that is measured and never trained on.
    every: steps between two looks at held-out tasks and samples. tasks: held-out tasks that are
        played then, 0 for none; split: of which. patience: looks without a better success after
        which it stops. The best weights are what is kept.
    keep: steps between checkpoints. seed: of everything.
    """

    model: str = "phone-policy"
    start: Path | None = None
    learn: Literal["taken", "best"] = "taken"
    unchecked: bool = False
    steps: int = Field(default=200, ge=1)
    samples: int = Field(default=32, ge=1)
    group: int = Field(default=5, ge=2)
    filter: int = Field(default=RUNS, ge=0)
    keep_zero: float = Field(default=KEEP_ZERO, ge=0, le=1)
    online: bool = True
    scale: bool = True
    spread: Literal["population", "sample"] = "population"
    mask: Literal["icepop", "tis", "kpop", "sequence-mis", "none"] = "icepop"
    clip: tuple[float, float] = (0.2, 0.2)
    kl: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    rate: float = Field(default=3e-4, gt=0, allow_inf_nan=False)
    weight_decay: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    grad: float = Field(default=1.0, gt=0)
    temperature: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    limit: int = Field(default=8, ge=1)
    engine: Literal["plain", "tokens", "batched"] = "plain"
    lora: int = Field(default=0, ge=0)
    held_out: float = Field(default=0.05, ge=0, lt=1)
    every: int = Field(default=20, ge=1)
    tasks: int = Field(default=20, ge=0)
    split: str = "validation"
    patience: int = Field(default=5, ge=1)
    keep: int = Field(default=10, ge=1)
    seed: int = 0

    def ring(self, **others: Any) -> dict[str, Any]:
        """What the Ring trainer is declared with."""
        return {
            "model": self.model,
            "schedule": "synchronous",
            "stage": "general",
            "group": self.group,
            "mask": self.mask,
            "clip": self.clip,
            "kl": self.kl,
            "rate": self.rate,
            "weight_decay": self.weight_decay,
            "grad": self.grad,
            "spread": self.spread if self.scale else "none",
            "temperature": self.temperature,
            "limit": self.limit,
            "engine": self.engine,
            "slots": 256,
            "lora": self.lora,
            "seed": self.seed,
            **others,
        }
