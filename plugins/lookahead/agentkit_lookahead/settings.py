"""Settings of the part, and of a training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from agentkit.models.settings import Device
from agentkit.settings import PartSettings
from agentkit_lookahead.labels import Equal

Variant = Literal["mlm", "clm"]
Schedule = Literal["curriculum", "uniform", "full"]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]


class TrainSettings(PartSettings):
    """How a router is trained. The defaults are for the tiny backbone on a processor.

    variant: "mlm", all candidates' answers foreseen together by a masked model; "clm", each by a
    causal one. backbone: "tiny" (trained from nothing, of the given width, layers, heads and
    vocabulary), or a folder or bundled name of a causal model (Llama-class) or a masked one
    (ModernBERT-class). block: tokens foreseen of each answer. prompt: tokens read of a query; a
    longer one loses its middle. aux: weight of the loss on answers, None for the paper's (0.2
    mlm, 0.5 clm); 0 is the router that sees queries alone. schedule: "curriculum" masks a share
    of each answer that rises from `start` to 1 over the first `warm` of training, "uniform" a
    random share, "full" all. threshold, equal: see `labels`. feedback: "full" where every score
    is known; "ips" or "dr" where only the chosen candidate's is, with its propensity. steps: at
    least so many, however few rows there are. rate: of learning, None for 1e-3 (tiny) or the
    paper's 1e-5. calibration: what makes probabilities of logits, on the `held` share of rows.
    miss: the share of requests on which the choice may be worse than the default model; less sure
    ones go to the default.
    """

    variant: Variant = "mlm"
    backbone: str = "tiny"
    width: Positive = 128
    layers: Positive = 4
    heads: Positive = 4
    vocabulary: Annotated[int, Field(ge=300)] = 4096
    block: Positive = 24
    prompt: Annotated[int, Field(ge=2)] = 160
    aux: Annotated[float, Field(ge=0)] | None = None
    schedule: Schedule = "curriculum"
    start: Share = 0.0
    warm: Share = 0.4
    threshold: float = 0.8
    equal: Equal = "drop"
    feedback: Literal["full", "ips", "dr"] = "full"
    epochs: Positive = 4
    steps: Annotated[int, Field(ge=0)] = 0
    batch: Positive = 32
    rate: Annotated[float, Field(gt=0)] | None = None
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    calibration: Literal["isotonic", "sigmoid", "temperature"] = "isotonic"
    held: Annotated[float, Field(gt=0, lt=1)] = 0.15
    miss: Annotated[float, Field(gt=0, lt=1)] = 0.1
    default: str | None = None
    seed: int = 0
    device: Device = "cpu"

    @property
    def weight(self) -> float:
        """lambda of the loss on answers."""
        return {"mlm": 0.2, "clm": 0.5}[self.variant] if self.aux is None else self.aux

    @property
    def learning_rate(self) -> float:
        return self.rate or (1e-3 if self.backbone == "tiny" else 1e-5)


class RouterSettings(PartSettings):
    """`use = "lookahead"`.

    candidates: models to choose from. checkpoint: a trained router's folder; "shipped" for the
    one that comes with the plugin, "" for none yet: all goes to the default. default: the model
    for what the router is not sure of, and where it fails; the first candidate by default.
    subset: `candidates` may lack some that the router was trained for. costs: of a request, by
    candidate, in a unit of yours; latencies: seconds. cost_weight, latency_weight: what one unit
    of either takes from the probability of a good answer; a request's own under
    `extra.lookahead`. abstain: send to the default what the router is less sure of than its
    checkpoint's stated share of misses allows. sticky: later turns of a conversation stay with
    the model of the first. budget: seconds a decision may take before the default is used.
    explore: share of requests that go to a candidate by chance, so that outcomes can be learned
    from. record: a file that every decision is appended to, with the text that was read. context:
    tokens; None for the default candidate's.
    """

    candidates: tuple[str, ...] = Field(min_length=1)
    checkpoint: Path | None = Path("shipped")
    default: str | None = None
    subset: bool = False
    costs: Mapping[str, float] = Field(default_factory=dict)
    latencies: Mapping[str, float] = Field(default_factory=dict)
    cost_weight: Annotated[float, Field(ge=0)] = 0.0
    latency_weight: Annotated[float, Field(ge=0)] = 0.0
    abstain: bool = False
    sticky: bool = True
    budget: Annotated[float, Field(gt=0)] = 0.25
    explore: Share = 0.0
    record: Path | None = None
    context: Positive | None = None

    @field_validator("checkpoint", mode="before")
    @classmethod
    def _none(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("candidates")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} is there twice")
        return names


class Terms(PartSettings):
    """What a request may set for itself, under `extra.lookahead` or the part's own name."""

    cost_weight: Annotated[float, Field(ge=0)] | None = None
    latency_weight: Annotated[float, Field(ge=0)] | None = None
    abstain: bool | None = None
