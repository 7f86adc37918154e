"""All methods under one roof: from a prompt to an answer, with what it took."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from agentkit.capabilities import Cancel, Grammar, Tokens
from agentkit.seeds import derive
from agentkit_power_sampling import baselines, mh, rollout, smc
from agentkit_power_sampling.batch import (
    Meter,
    Sample,
    Steps,
    drive,
    drive_apart,
    gather,
    pick,
    roots,
    total,
    uniform,
    untold,
)
from agentkit_power_sampling.measures import autocorrelation_time, r_hat
from agentkit_power_sampling.settings import Sampling

Read = Callable[[tuple[int, ...]], str]
Frozen = Callable[[tuple[int, ...]], None]


def read_all(ids: tuple[int, ...]) -> str:
    """All tokens are the answer."""
    return " ".join(map(str, ids))


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """What is known about a draw.

    acceptance: by block, accepted proposals over proposals; accepted: how many (mh). r_hat,
    autocorrelation: of log p over the last block's steps, nan where there are too few (mh; r_hat
    from 2 chains on, worth reading from 4 on). agreement: share of the pool that has the commonest
    answer. ess: effective sample size at each look at the weights, and at the end (smc, rollout).
    log_z: estimate of log sum p^alpha over all answers, exp of it without bias (smc). certified:
    no decision was left open by what the model tells of its probabilities; doubtful: how many were
    (mh). slack: nats by which the pool's log weights may be wrong for the same reason.
    """

    acceptance: tuple[float, ...] = ()
    accepted: int = 0
    r_hat: float = math.nan
    autocorrelation: float = math.nan
    agreement: float = 1.0
    ess: tuple[float, ...] = ()
    log_z: float | None = None
    doubtful: int = 0
    slack: float = 0.0

    @property
    def certified(self) -> bool:
        return not self.doubtful


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
    """One answer to be drawn. horizon: its most tokens. grammar: what it must match. read: what
    its tokens answer, for votes. frozen: told the beginning that can no longer change."""

    prompt: tuple[int, ...]
    horizon: int
    settings: Sampling
    seed: int = 0
    meter: Meter = field(default_factory=Meter)
    grammar: Grammar | None = None
    read: Read = read_all
    frozen: Frozen | None = None

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
        seed = seed if settings.seed is None else settings.seed
        return cls(tuple(prompt), settings.horizon or max_tokens, settings, seed, meter)

    def told(self, sample: Sample, frozen: int) -> None:
        """Hands on what can no longer change."""
        if self.frozen is not None:
            self.frozen(sample.ids[:frozen])


Method = Callable[[Sample, Job], Steps[Drawn]]


def draw(
    tokens: Tokens,
    jobs: Sequence[Job],
    *,
    reuse: bool = True,
    apart: bool = False,
    cancel: Cancel | None = None,
) -> list[Drawn]:
    """Answers to all jobs, in one decode batch. A job's answer depends on nothing but the job.

    Args:
        reuse, apart: see `drive` and `drive_apart`.

    Raises:
        Stopped: cancelled.
    """
    started = roots(tokens, [job.prompt for job in jobs], [job.grammar for job in jobs])
    steps = [METHODS[job.settings.method](root, job) for root, job in zip(started, jobs)]
    if apart and len(steps) > 1:
        return drive_apart(tokens, steps, reuse=reuse, cancel=cancel)
    return drive(tokens, gather(steps), reuse=reuse, cancel=cancel)


def _mh(root: Sample, job: Job) -> Steps[Drawn]:
    """`chains` of them side by side, but no more than the budget has tokens. Any is a draw; the
    first is the answer, unless they vote."""
    settings = job.settings
    meters = job.meter.share(job.meter.within(settings.chains))
    vote = mh.Vote(len(meters), settings.agree or 1.0, job.read)
    told = job.told if len(meters) == 1 else untold

    def over(chain: int) -> Callable[[Sample], bool]:
        return lambda x: settings.agree is not None and len(meters) > 1 and vote.over(chain, x)

    walks = yield from gather(
        [
            mh.chain(
                root,
                settings,
                job.horizon,
                derive(job.seed, "chain", n),
                meter,
                told=told,
                over=over(n),
            )
            for n, meter in enumerate(meters)
        ]
    )
    steps = min(len(walk.trace) for walk in walks)
    traces = np.array([walk.trace[len(walk.trace) - steps :] for walk in walks])
    known = Diagnostics(
        _acceptance(walks),
        sum(sum(walk.accepted) for walk in walks),
        r_hat(traces) if len(walks) > 1 else math.nan,
        autocorrelation_time(traces),
        doubtful=sum(walk.doubtful for walk in walks),
    )
    pool = tuple(walk.sample for walk in walks)
    return _chosen(job, pool, np.full(len(pool), 1 / len(pool)), known, first=0)


def _acceptance(walks: Sequence[mh.Walk]) -> tuple[float, ...]:
    """By block, of all chains that came so far."""
    found = []
    for block in range(max(len(walk.proposed) for walk in walks)):
        there = [walk for walk in walks if len(walk.proposed) > block]
        proposed = sum(walk.proposed[block] for walk in there)
        found.append(sum(walk.accepted[block] for walk in there) / max(proposed, 1))
    return tuple(found)


def _smc(root: Sample, job: Job) -> Steps[Drawn]:
    """One particle, drawn by weight, unless they vote."""
    cloud = yield from smc.particles(root, job.settings, job.horizon, job.seed, job.meter, job.told)
    known = Diagnostics(ess=cloud.ess, log_z=cloud.log_z)
    return _chosen(job, cloud.samples, cloud.weights, known)


def _rollout(root: Sample, job: Job) -> Steps[Drawn]:
    path = yield from rollout.blocks(root, job.settings, job.horizon, job.seed, job.meter, job.told)
    return _chosen(job, (path.sample,), np.ones(1), Diagnostics(ess=path.ess))


def _low_temp(root: Sample, job: Job) -> Steps[Drawn]:
    told = untold if job.frozen is None else job.told
    x = yield from baselines.low_temp(root, job.settings, job.horizon, job.seed, job.meter, told)
    return _chosen(job, (x,), np.ones(1), Diagnostics())


def _best_of_n(root: Sample, job: Job) -> Steps[Drawn]:
    """The likeliest."""
    pool = yield from baselines.independent(root, job.settings, job.horizon, job.seed, job.meter)
    ranked = sorted(pool, key=lambda sample: -sample.total)
    return _chosen(job, ranked, _first(len(ranked)), Diagnostics(), first=0)


def _self_consistency(root: Sample, job: Job) -> Steps[Drawn]:
    """One with the commonest answer."""
    pool = yield from baselines.independent(root, job.settings, job.horizon, job.seed, job.meter)
    even = np.full(len(pool), 1 / len(pool))
    voting = job.settings.model_copy(update={"select": "majority"})
    return _chosen(replace(job, settings=voting), pool, even, Diagnostics())


def _beam(root: Sample, job: Job) -> Steps[Drawn]:
    told = job.told if job.settings.select == "weight" else untold
    pool = yield from baselines.beam(root, job.settings, job.horizon, job.seed, job.meter, told)
    return _chosen(job, pool, _first(len(pool)), Diagnostics(), first=0)


def _first(count: int) -> np.ndarray:
    weights = np.zeros(count)
    weights[0] = 1.0
    return weights


def _chosen(
    job: Job,
    pool: Sequence[Sample],
    weights: np.ndarray,
    known: Diagnostics,
    *,
    first: int | None = None,
) -> Drawn:
    """The pool's answer: by vote where the settings say so, else `first`, else one by weight.

    Particles with one ancestor may have the same text: that votes once.
    """
    particles = job.settings.method == "smc"
    answers = [job.read(sample.ids) for sample in pool]
    if job.settings.select == "majority":
        place = majority(pool, answers, weights, distinct=particles)
    elif first is not None:
        place = first
    else:
        place = pick(weights, uniform(job.seed, "pick"))
    shares: dict[str, float] = {}
    even = 1 / len(pool)
    for n, answer in enumerate(answers):
        share = float(weights[n]) if particles else even
        shares[answer] = shares.get(answer, 0.0) + share
    known = replace(
        known,
        agreement=max(shares.values()),
        slack=max(total(sample.slack) for sample in pool),
    )
    return Drawn(pool[place], tuple(pool), weights, job.meter.spent, known)


def majority(
    pool: Sequence[Sample], answers: Sequence[str], weights: np.ndarray, *, distinct: bool
) -> int:
    """Where the heaviest sample with the commonest answer is; samples without an answer do not
    vote unless none has one. Ties go to the heavier answer, then to the likelier sample."""
    votes: Counter[str] = Counter()
    mass: dict[str, float] = {}
    seen: set[tuple[int, ...]] = set()
    voters = [n for n, answer in enumerate(answers) if answer] or list(range(len(pool)))
    for n in voters:
        mass[answers[n]] = mass.get(answers[n], 0.0) + float(weights[n])
        if not distinct or pool[n].ids not in seen:
            votes[answers[n]] += 1
        seen.add(pool[n].ids)
    best = max(votes, key=lambda answer: (votes[answer], mass[answer]))
    own = [n for n in voters if answers[n] == best]
    return max(own, key=lambda n: (float(weights[n]), pool[n].total))


METHODS: dict[str, Method] = {
    "mh": _mh,
    "smc": _smc,
    "rollout": _rollout,
    "low_temp": _low_temp,
    "best_of_n": _best_of_n,
    "self_consistency": _self_consistency,
    "beam": _beam,
}
