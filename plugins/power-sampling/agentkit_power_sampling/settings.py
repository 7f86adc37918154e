"""Settings of the sampler and of the part."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from agentkit.settings import PartSettings

Method = Literal["mh", "smc", "rollout", "low_temp", "best_of_n", "self_consistency", "beam"]
Answer = Literal["auto", "boxed", "number", "line", "text"]


class Sampling(PartSettings):
    """What is drawn, and how; the defaults of `mh` are those of the paper.

    method: mh (exact as steps grow), smc (exact as particles grow), rollout (an approximation),
    low_temp, best_of_n, self_consistency and beam (baselines: another target). alpha: the exponent.
    horizon: the tokens that the target looks over; a request's max_tokens where it is not given.
    temperature: of the proposals; 1/alpha where it is not given, 1 for the last three.
    select: which of a pool is the answer: "weight" by the method's own weights, "majority" one of
    those whose answers are the commonest, each different text counted once for particles. answer:
    what counts as a text's answer, see `answers.answer_in`. seed: in place of the request's.

    mh: block (tokens by which the sequence grows), steps (proposals a block), early_stop (end at
    the first block that ends in an end token, as in the paper; that leaves a bias), chains, window
    (propose only the last so many blocks anew; what is before them is never looked at again, an
    approximation that lets text be streamed), agree (propose no more once this share of the chains
    has the same answer).
    smc: particles, every (tokens between looks at the weights), trigger (resample where the
    effective sample size falls below this share of the particles), resampler, ramp (tokens over
    which the exponent rises from 1).
    rollout: candidates (blocks drawn), rollouts (a candidate), lookahead (tokens of a rollout);
    block as above.
    best_of_n, self_consistency: n.
    beam: beams kept by likelihood, branches drawn of each, every as above.

    certify: over an endpoint, where the likeliest tokens leave a decision of mh open: "full" asks
    for the whole vocabulary, if it can be had; "flag" goes by the middle and counts it.
    budget_tokens: never generate more for one answer. budget_seconds: mh and rollout propose no
    more after them, and finish the answer.
    """

    method: Method = "mh"
    select: Literal["weight", "majority"] = "weight"
    answer: Answer = "auto"
    seed: int | None = None
    alpha: float = Field(default=4.0, ge=1, allow_inf_nan=False)
    horizon: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    block: int = Field(default=192, ge=1)
    steps: int = Field(default=10, ge=0)
    early_stop: bool = True
    chains: int = Field(default=1, ge=1)
    window: int | None = Field(default=None, ge=1)
    agree: float | None = Field(default=None, gt=0, le=1)
    particles: int = Field(default=16, ge=1)
    every: int = Field(default=16, ge=1)
    trigger: float = Field(default=0.5, ge=0, le=1)
    resampler: Literal["systematic", "chopthin"] = "systematic"
    ramp: int = Field(default=0, ge=0)
    candidates: int = Field(default=8, ge=1)
    rollouts: int = Field(default=4, ge=1)
    lookahead: int = Field(default=64, ge=1)
    n: int = Field(default=8, ge=1)
    beams: int = Field(default=4, ge=1)
    branches: int = Field(default=4, ge=1)
    certify: Literal["full", "flag"] = "full"
    budget_tokens: int | None = Field(default=None, ge=1)
    budget_seconds: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @property
    def tau(self) -> float:
        """Temperature of the proposals; 1/alpha makes them q = p^alpha / Z, token by token."""
        return 1 / self.alpha if self.temperature is None else self.temperature


class PowerSettings(Sampling):
    """`use = "power-sampling"`: `Sampling`'s settings, and base: a model that has "tokens", or
    "continuations" over HTTP."""

    base: str
