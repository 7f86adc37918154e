"""All methods under one roof: from a prompt to an answer, with what it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from agentkit.capabilities import Cancel, Tokens
from agentkit.seeds import derive
from agentkit_power_sampling import baselines, mh, rollout, smc
from agentkit_power_sampling.batch import (
    Meter,
    Sample,
    Steps,
    drive,
    gather,
    pick,
    roots,
    uniform,
)
from agentkit_power_sampling.settings import Sampling


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """What is known about a draw.

    acceptance: by block, accepted proposals over proposals (mh). agreement: share of the pool that
    is the commonest answer. ess: effective sample size at each look at the weights, and at the end
    (smc, rollout). log_z: estimate of log sum p^alpha over all answers, exp of it without bias
    (smc).
    """

    acceptance: tuple[float, ...] = ()
    agreement: float = 1.0
    ess: tuple[float, ...] = ()
    log_z: float | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """An answer. pool: what it was chosen from; weights: (len(pool),), their sum is 1. spent: all
    tokens that were generated for it."""

    sample: Sample
    pool: tuple[Sample, ...]
    weights: np.ndarray
    spent: int
    diagnostics: Diagnostics = field(default_factory=Diagnostics)


@dataclass(frozen=True, slots=True)
class Job:
    """One answer to be drawn. horizon: its most tokens."""

    prompt: tuple[int, ...]
    horizon: int
    settings: Sampling
    seed: int = 0
    meter: Meter = field(default_factory=Meter)

    @classmethod
    def of(
        cls,
        prompt: Sequence[int],
        max_tokens: int,
        settings: Sampling,
        seed: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> Job:
        """With the meter that its settings ask for; its time begins now."""
        seconds = settings.budget_seconds
        deadline = None if seconds is None else clock() + seconds
        meter = Meter(settings.budget_tokens, deadline, clock)
        return cls(tuple(prompt), settings.horizon or max_tokens, settings, seed, meter)


Method = Callable[[Sample, Job], Steps[Drawn]]


def draw(
    tokens: Tokens, jobs: Sequence[Job], *, reuse: bool = True, cancel: Cancel | None = None
) -> list[Drawn]:
    """Answers to all jobs, in one decode batch. A job's answer depends on nothing but the job.

    Raises:
        Stopped: cancelled.
    """
    started = roots(tokens, [job.prompt for job in jobs])
    steps = [METHODS[job.settings.method](root, job) for root, job in zip(started, jobs)]
    return drive(tokens, gather(steps), reuse=reuse, cancel=cancel)


def _mh(root: Sample, job: Job) -> Steps[Drawn]:
    """`chains` of them side by side, but no more than the budget has tokens. Any is a draw; the
    first is the answer."""
    meters = job.meter.share(job.meter.within(job.settings.chains))
    walks = yield from gather(
        [
            mh.chain(root, job.settings, job.horizon, derive(job.seed, "chain", n), meter)
            for n, meter in enumerate(meters)
        ]
    )
    blocks = max(len(walk.proposed) for walk in walks)
    acceptance = []
    for block in range(blocks):
        there = [walk for walk in walks if len(walk.proposed) > block]
        proposed = sum(walk.proposed[block] for walk in there)
        acceptance.append(sum(walk.accepted[block] for walk in there) / max(proposed, 1))
    pool = tuple(walk.sample for walk in walks)
    return Drawn(
        pool[0],
        pool,
        np.full(len(pool), 1 / len(pool)),
        job.meter.spent,
        Diagnostics(tuple(acceptance), agreement(pool)),
    )


def _smc(root: Sample, job: Job) -> Steps[Drawn]:
    """One particle, drawn by weight."""
    cloud = yield from smc.particles(root, job.settings, job.horizon, job.seed, job.meter)
    known = Diagnostics((), agreement(cloud.samples, cloud.weights), cloud.ess, cloud.log_z)
    chosen = cloud.samples[pick(cloud.weights, uniform(job.seed, "pick"))]
    return Drawn(chosen, cloud.samples, cloud.weights, job.meter.spent, known)


def _rollout(root: Sample, job: Job) -> Steps[Drawn]:
    path = yield from rollout.blocks(root, job.settings, job.horizon, job.seed, job.meter)
    return _alone(path.sample, job, Diagnostics(ess=path.ess))


def _low_temp(root: Sample, job: Job) -> Steps[Drawn]:
    x = yield from baselines.low_temp(root, job.settings, job.horizon, job.seed, job.meter)
    return _alone(x, job, Diagnostics())


def _best_of_n(root: Sample, job: Job) -> Steps[Drawn]:
    pool = yield from baselines.best_of_n(root, job.settings, job.horizon, job.seed, job.meter)
    best = np.zeros(len(pool))
    best[0] = 1.0
    return Drawn(
        pool[0], tuple(pool), best, job.meter.spent, Diagnostics(agreement=agreement(pool))
    )


def _alone(sample: Sample, job: Job, known: Diagnostics) -> Drawn:
    return Drawn(sample, (sample,), np.ones(1), job.meter.spent, known)


def agreement(pool: Sequence[Sample], weights: np.ndarray | None = None) -> float:
    """The commonest answer's share of the pool."""
    shares: dict[tuple[int, ...], float] = {}
    for n, sample in enumerate(pool):
        share = 1 / len(pool) if weights is None else float(weights[n])
        shares[sample.ids] = shares.get(sample.ids, 0.0) + share
    return max(shares.values())


METHODS: dict[str, Method] = {
    "mh": _mh,
    "smc": _smc,
    "rollout": _rollout,
    "low_temp": _low_temp,
    "best_of_n": _best_of_n,
}
