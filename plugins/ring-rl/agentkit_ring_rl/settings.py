"""Settings of `use = "ring"`: a stage of reinforcement learning is one table of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from agentkit.settings import PartSettings
from agentkit_ring_rl.advantages import Spread
from agentkit_ring_rl.losses import Mean
from agentkit_ring_rl.masks import (
    Band,
    Everything,
    Factor,
    GapMask,
    IcePop,
    KPop,
    OneRatio,
    SequenceMis,
    Truncated,
)
from agentkit_ring_rl.mismatch import Precision

MaskName = Literal["icepop", "tis", "kpop", "sequence-mis", "none", "one-ratio"]
# The paper's two stages of RL (section 2.4), of what is published.
STAGES: Mapping[str, Mapping[str, Any]] = {
    "reasoning": {"mask": "icepop", "schedule": "c3po++", "rate": 2e-6},
    "general": {"mask": "none", "schedule": "synchronous", "rate": 3e-6},
}
# Settings that only some choices read: with another choice they would do nothing, so they are
# refused there.
READ_BY: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "alpha": ("mask", ("icepop", "sequence-mis")),
    "beta": ("mask", ("icepop", "sequence-mis")),
    "factor": ("mask", ("icepop", "kpop")),
    "most": ("mask", ("tis",)),
    "phi": ("mask", ("kpop",)),
    "budget": ("schedule", ("c3po++",)),
    "counts": ("schedule", ("c3po++",)),
    "retention": ("schedule", ("c3po++",)),
    "keep_kv": ("engine", ("batched",)),
    "tick": ("engine", ("tokens", "served")),
    "precision": ("engine", ("tokens", "batched", "plain")),
    "server": ("engine", ("served",)),
    "ranks": ("on", ("ray",)),
    "engines": ("on", ("ray",)),
    "address": ("on", ("ray",)),
}
# They change nothing in what a training does: one that goes on may have others.
APART = {"keep", "steps", "shown"}


class RingSettings(PartSettings):
    """Attributes:
    model: which to train; it stays as it is. start: a model.safetensors to begin with, e.g. of the
        supervised stage. rewards: parts that score answers; an example names its own under
        `reward` where there are several.
    stage: "reasoning" (IcePop, C3PO++) or "general" (GRPO, synchronous); each only sets defaults.
    steps: of training. prompts: groups a step; with C3PO++ the least. group: answers a prompt.
    limit: most tokens of an answer. temperature: of drawing. top_p, top_k: must be 1 and 0, or
        the engine's probabilities would not be the trainer's.
    mask: what becomes of tokens that the engines disagree on; alpha, beta: its band; factor: what
        kept tokens are multiplied by, "ratio" (k, IcePop's own) or "one" (KPop's own); most: where
        TIS cuts k; phi: of KPop. clip: of the ratio, below and above. mean: over answers or tokens.
        spread: of a group's rewards. kl: of a KL term.
    updates: optimizer steps on the answers of a step. rate, warmup (steps), weight_decay, grad
        (the gradient's norm is cut there).
    schedule: "c3po++" or "synchronous". budget: tokens that end a phase, by default those of
        `prompts` groups at half the limit; counts: see `scheduler.Budget`; retention: sigma.
    engine: "tokens", the kit's exact engine; "batched", quicker; "plain", for modules that only
        map tokens to logits; "served": the model `server` draws, in a process of its own, from
        weights that it is given. slots: rollouts at once. tick: tokens of a rollout between two
        looks, 8, or 64 of a server. precision: of the weights that draw.
        keep_kv: resumed rollouts keep keys and values of older weights. release: the engine gives
        its memory back while the trainer works.
    on: "local", or "ray": `ranks` of the trainer (FSDP2) and `engines` at `address`.
    lora: rank; 0 trains all weights. chat: prompts go through the chat template. width, rows: of
        the trainer's packed batches. keep: steps between checkpoints. seed: of everything. shown:
        the training is a run of the kit, whose curves the console draws.
    """

    model: str = "small"
    start: Path | None = None
    rewards: tuple[str, ...] = ("answer",)
    stage: Literal["reasoning", "general"] = "reasoning"
    steps: int = Field(default=100, ge=1)
    prompts: int = Field(default=8, ge=1)
    group: int = Field(default=8, ge=2)
    limit: int = Field(default=128, ge=1)
    temperature: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    top_p: float = 1.0
    top_k: int = 0
    mask: MaskName = "icepop"
    alpha: float = Field(default=0.5, ge=0, allow_inf_nan=False)
    beta: float = Field(default=5.0, gt=0)
    factor: Factor | None = None
    most: float = Field(default=2.0, gt=0, allow_inf_nan=False)
    phi: float = Field(default=0.1, ge=0, allow_inf_nan=False)
    clip: tuple[float, float] = (0.2, 0.2)
    mean: Mean = "sequence"
    spread: Spread = "population"
    kl: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    updates: int = Field(default=1, ge=1)
    rate: float = Field(default=2e-6, gt=0, allow_inf_nan=False)
    warmup: int = Field(default=0, ge=0)
    weight_decay: float = Field(default=0.01, ge=0, allow_inf_nan=False)
    grad: float = Field(default=1.0, gt=0)
    schedule: Literal["c3po++", "synchronous"] = "c3po++"
    budget: int | None = Field(default=None, ge=1)
    counts: Literal["completed", "generated"] = "completed"
    retention: int = Field(default=2, ge=0)
    engine: Literal["tokens", "batched", "plain", "served"] = "tokens"
    server: str | None = None
    slots: int = Field(default=32, ge=1)
    tick: int | None = Field(default=None, ge=1)
    precision: Precision = "fp32"
    keep_kv: bool = False
    release: bool = False
    on: Literal["local", "ray"] = "local"
    ranks: int = Field(default=2, ge=1)
    engines: int = Field(default=1, ge=1)
    address: str = "local"
    lora: int = Field(default=0, ge=0)
    lora_alpha: float = Field(default=16.0, gt=0)
    targets: tuple[str, ...] = ("q_proj", "v_proj", "o_proj", "up_proj", "down_proj")
    chat: bool = True
    width: int = Field(default=512, ge=2)
    rows: int = Field(default=8, ge=1)
    keep: int = Field(default=10, ge=1)
    seed: int = 0
    shown: bool = True

    @model_validator(mode="before")
    @classmethod
    def _stage(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        defaults = STAGES.get(given.get("stage", "reasoning"), {})
        return {**defaults, **given}

    @model_validator(mode="after")
    def _whole(self) -> RingSettings:
        given = self.model_fields_set
        for name, (choice, readers) in READ_BY.items():
            chosen = getattr(self, choice)
            usual = type(self).model_fields[name].default  # a recipe names all settings
            if name in given and chosen not in readers and getattr(self, name) != usual:
                raise ValueError(f"{name} does nothing with {choice} = {chosen!r}: leave it out")
        if self.alpha > self.beta:
            raise ValueError(f"alpha {self.alpha} is above beta {self.beta}")
        if self.top_p != 1 or self.top_k != 0:
            raise ValueError(
                "top_p must be 1 and top_k 0: cut distributions give other probabilities than "
                "the trainer's, and every k would be too low"
            )
        if not 0 <= self.clip[0] < 1 or self.clip[1] < 0:
            raise ValueError(f"clip {self.clip}: give 0 <= below < 1 and above >= 0")
        if not self.rewards:
            raise ValueError("rewards is empty: name a reward")
        if self.engine == "served" and self.server is None:
            raise ValueError("server is missing: with engine = 'served', name the model that draws")
        if self.engine == "served" and self.temperature != 1:
            raise ValueError(
                "temperature must be 1 with engine = 'served': a server tells the probabilities "
                "of that temperature"
            )
        if self.on == "ray":
            wrong = [n for n in ("lora", "kl", "release") if n in given and getattr(self, n)]
            if self.engine != "batched" or wrong:
                named = wrong[0] if wrong else f"engine = {self.engine!r}"
                raise ValueError(f"{named} does not run on ray: use engine = 'batched', no {named}")
        return self

    def gap_mask(self) -> GapMask:
        band = Band(self.alpha, self.beta)
        made: Mapping[str, GapMask] = {
            "icepop": IcePop(band, self.factor or "ratio"),
            "tis": Truncated(self.most),
            "kpop": KPop(self.phi, self.factor or "one"),
            "sequence-mis": SequenceMis(band),
            "none": Everything(),
            "one-ratio": OneRatio(),
        }
        return made[self.mask]
