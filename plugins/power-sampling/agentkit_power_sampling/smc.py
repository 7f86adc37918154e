"""Sequential Monte Carlo on p^alpha (Power-SMC, arXiv 2602.10273), with systematic or chopthin
resampling (Gandy and Lau, 2016).

Particles are drawn by q and weighted by (target / q). The target of the first t tokens is p^a(t),
where a(t) rises to alpha over `ramp` tokens; a finished particle stays in the pool, and its target
goes on sharpening. Weights are kept unnormalised, so their mean estimates the sum of p^alpha.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from agentkit.seeds import derive
from agentkit_power_sampling.batch import (
    Ask,
    Meter,
    Sample,
    Steps,
    Told,
    common,
    total,
    uniform,
    untold,
)
from agentkit_power_sampling.settings import Sampling

ETA = 3 + math.sqrt(8)  # chopthin: the most by which two weights may differ, as a factor


@dataclass(frozen=True, slots=True)
class Cloud:
    """Weighted answers. weights: (N,), their sum is 1. ess: at each look, the last one included.
    log_z: estimate of log sum p^alpha."""

    samples: tuple[Sample, ...]
    weights: np.ndarray
    ess: tuple[float, ...]
    log_z: float


def particles(
    root: Sample,
    settings: Sampling,
    horizon: int,
    seed: int,
    meter: Meter,
    told: Told = untold,
) -> Steps[Cloud]:
    """Particles from an empty answer to at most `horizon` tokens; fewer where the meter's limit
    does not pay for all. What all of them begin with alike can no longer change."""
    horizon = meter.within(horizon)
    count = settings.particles
    if meter.limit is not None:
        count = max(1, min(count, meter.limit // horizon))
    samples, base, ess = [root] * count, np.zeros(count), []
    for start in range(0, horizon, settings.every):
        end = min(start + settings.every, horizon)
        exponent = ramped(settings, end, horizon)
        tau = 1 / exponent if settings.temperature is None else settings.temperature
        going = [n for n, sample in enumerate(samples) if not sample.ended]
        if not going and exponent == settings.alpha:
            break
        grown = yield [
            Ask(samples[n], len(samples[n]), end, derive(seed, "particle", start, n), tau, meter)
            for n in going
        ]
        for n, sample in zip(going, grown):
            samples[n] = sample
        potential = np.array([exponent * s.total - total(s.logq) for s in samples])
        logw = base + potential
        ess.append(effective(logw))
        if end < horizon and ess[-1] < settings.trigger * count:
            point = uniform(seed, "resample", start)
            resample = chopthin if settings.resampler == "chopthin" else systematic
            parents, logw = resample(logw, point)
            samples = [samples[parent] for parent in parents]
            potential = potential[parents]
            told(samples[0], common(samples))
        base = logw - potential
    final = np.array([settings.alpha * s.total - total(s.logq) for s in samples]) + base
    mean = log_mean(final)
    weights = np.exp(final - mean) / count
    return Cloud(tuple(samples), weights / weights.sum(), (*ess, effective(final)), mean)


def ramped(settings: Sampling, place: int, horizon: int) -> float:
    """The exponent of the target of the first `place` tokens."""
    if place >= min(settings.ramp, horizon):
        return settings.alpha
    return 1 + (settings.alpha - 1) * place / min(settings.ramp, horizon)


def effective(logw: np.ndarray) -> float:
    """The effective sample size, 1 / sum of squared normalised weights; from 1 to N."""
    weights = np.exp(logw - logw.max())
    return float(weights.sum() ** 2 / (weights**2).sum())


def log_mean(logw: np.ndarray) -> float:
    """log of the weights' mean."""
    highest = float(logw.max())
    return highest + math.log(float(np.exp(logw - highest).mean()))


def systematic(logw: np.ndarray, point: float) -> tuple[np.ndarray, np.ndarray]:
    """(parents (N,), log weights (N,), all equal to the old mean). point: in [0, 1)."""
    weights = np.exp(logw - logw.max())
    share = weights * (len(logw) / weights.sum())
    return _spread(share, point), np.full(len(logw), log_mean(logw))


def chopthin(logw: np.ndarray, point: float) -> tuple[np.ndarray, np.ndarray]:
    """(parents (N,), log weights (N,)). Weights differ by a factor of at most ETA afterwards.

    Below a threshold a, a particle of weight w survives with probability w / a and then weighs a;
    heavy ones are chopped into equal pieces. a is such that N are expected.
    """
    highest = float(logw.max())
    weights = np.exp(logw - highest)

    def offspring(a: float) -> np.ndarray:
        heavy = np.maximum(1.0, 2 * weights / (ETA * a))
        return np.where(weights < a, weights / a, heavy)

    low, high = 0.0, float(weights.sum())  # at `high` at most one is expected
    for _ in range(100):
        middle = (low + high) / 2
        if offspring(middle).sum() > len(weights):
            low = middle
        else:
            high = middle
    share = offspring(high)
    parents = _spread(share * (len(weights) / share.sum()), point)
    children = np.bincount(parents, minlength=len(weights))
    kept = np.where(weights < high, high, weights / np.maximum(children, 1))
    return parents, np.log(kept[parents]) + highest


def _spread(share: np.ndarray, point: float) -> np.ndarray:
    """Parents, each as often as its share rounded down or up; the shares' sum is N."""
    count = len(share)
    below = share.cumsum()
    below[-1] = count
    parents: np.ndarray = np.searchsorted(below, np.arange(count) + point, side="right")
    return parents
