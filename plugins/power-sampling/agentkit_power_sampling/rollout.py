"""Power sampling without a chain: blocks chosen by what may follow them (Scalable Power Sampling,
arXiv 2601.21590, in its form for blocks). An approximation: candidates and rollouts are few.

The power distribution of a block b after x is proportional to p(b)^alpha zeta(b), where zeta(b) is
the sum of p(future)^alpha over all futures. With futures drawn from q = p^alpha / Z, token by
token, zeta is the mean of prod Z. Candidates are drawn from q too, so each has the weight prod Z
of its own tokens, times its zeta.
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
    pick,
    total,
    uniform,
    untold,
)
from agentkit_power_sampling.settings import Sampling


@dataclass(frozen=True, slots=True)
class Path:
    """An answer. ess: of the candidates' weights, by block."""

    sample: Sample
    ess: tuple[float, ...]


def blocks(
    root: Sample,
    settings: Sampling,
    horizon: int,
    seed: int,
    meter: Meter,
    told: Told = untold,
) -> Steps[Path]:
    """Block after block, until the answer ends or has `horizon` tokens. Where the meter allows no
    candidates, the answer is only finished."""
    x, ess = root, []
    horizon = meter.within(horizon)
    while not x.ended and len(x) < horizon:
        start, end = len(x), min(len(x) + settings.block, horizon)
        ahead = min(end + settings.lookahead, horizon)
        block = derive(seed, "block", start)
        cost = settings.candidates * ((end - start) + settings.rollouts * (ahead - end))
        if not meter.allows(cost + horizon - end):
            (x,) = yield [Ask(x, start, horizon, block, settings.tau, meter)]
            break
        candidates = yield [
            Ask(x, start, end, derive(block, "candidate", n), settings.tau, meter)
            for n in range(settings.candidates)
        ]
        open_ = [n for n, one in enumerate(candidates) if not one.ended and ahead > end]
        futures = yield [
            Ask(candidates[n], end, ahead, derive(block, "future", n, m), settings.tau, meter)
            for n in open_
            for m in range(settings.rollouts)
        ]
        logw = np.array([weight(one, start, settings) for one in candidates])
        log_zeta = np.zeros((len(candidates), settings.rollouts))
        for row, n in enumerate(open_):
            mine = futures[row * settings.rollouts : (row + 1) * settings.rollouts]
            log_zeta[n] = [weight(future, end, settings) for future in mine]
        chances = jackknifed(logw, log_zeta)
        ess.append(float(1 / (chances**2).sum()))
        x = candidates[pick(chances, uniform(block, "choose"))]
        told(x, len(x))
    return Path(x, tuple(ess))


def weight(sample: Sample, start: int, settings: Sampling) -> float:
    """log p^alpha / q of the tokens from `start`: the sum of log Z where q is at 1/alpha."""
    return settings.alpha * total(sample.logp[start:]) - total(sample.logq[start:])


def jackknifed(logw: np.ndarray, log_zeta: np.ndarray) -> np.ndarray:
    """Chances of the candidates, with the bias of the ratio of means taken out to first order.

    logw: (K,). log_zeta: (K, M), one estimate a rollout. Gives (K,), clipped at 0, with sum 1.
    """
    terms = logw[:, None] + log_zeta
    mass = np.exp(terms - terms.max())
    rollouts = mass.shape[1]
    whole = mass.sum(1)
    chances = whole / whole.sum()
    if rollouts > 1:
        without = whole[:, None] - mass
        shares = without / np.maximum(without.sum(0), math.ulp(0.0))
        chances = np.maximum(rollouts * chances - (rollouts - 1) * shares.mean(1), 0.0)
    made: np.ndarray = chances / chances.sum()
    return made
