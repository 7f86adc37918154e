"""Metropolis-Hastings on p^alpha (arXiv 2510.14901, algorithm 1), with the rule made exact.

The paper's rule compares sequences of one length. With end tokens the lengths differ: then the
whole suffix of both sequences counts, and a cut uniform over L positions forward is uniform over
L' backward, which gives a factor L / L'.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from agentkit_power_sampling.batch import Ask, Meter, Sample, Steps, total
from agentkit_power_sampling.settings import Sampling

Rule = Callable[[Sample, Sample, int, Sampling], float]


@dataclass(frozen=True, slots=True)
class Walk:
    """Where a chain ended. proposed, accepted: by block."""

    sample: Sample
    proposed: tuple[int, ...]
    accepted: tuple[int, ...]


def collapsed(x: Sample, y: Sample, cut: int, settings: Sampling) -> float:
    """log of the acceptance ratio from x to y, which agree before `cut`.

    Proposals at temperature 1/alpha have log q = alpha log p - log Z, so of p^alpha / q only the
    normalisers remain.
    """
    return total(y.logz[cut:]) - total(x.logz[cut:]) + math.log(len(x) / len(y))


def four_sums(x: Sample, y: Sample, cut: int, settings: Sampling) -> float:
    """The same in its general form, right for proposals at any temperature."""
    target = settings.alpha * (total(y.logp[cut:]) - total(x.logp[cut:]))
    return target + total(x.logq[cut:]) - total(y.logq[cut:]) + math.log(len(x) / len(y))


def exact(x: Sample, y: Sample, cut: int, settings: Sampling) -> float:
    """Whichever of the two is right for the proposals' temperature."""
    rule = collapsed if settings.temperature is None else four_sums
    return rule(x, y, cut, settings)


def chain(
    root: Sample, settings: Sampling, horizon: int, seed: int, meter: Meter, rule: Rule = exact
) -> Steps[Walk]:
    """One chain, from an empty answer to at most `horizon` tokens; all its chance is from `seed`.

    Where the meter allows no more proposals, the answer is only finished.
    """
    rng, x, proposed, accepted = random.Random(seed), root, list[int](), list[int]()
    horizon = meter.within(horizon)
    for block in range(math.ceil(horizon / settings.block)):
        limit = min((block + 1) * settings.block, horizon)
        if not x.ended:
            (x,) = yield [Ask(x, len(x), limit, rng.getrandbits(63), settings.tau, meter)]
        proposed.append(0)
        accepted.append(0)
        for _ in range(settings.steps):
            cut = rng.randrange(len(x))
            if not meter.allows(horizon - cut):  # the proposal, and what it may lack then
                break
            (y,) = yield [Ask(x, cut, limit, rng.getrandbits(63), settings.tau, meter)]
            proposed[-1] += 1
            if math.log1p(-rng.random()) < rule(x, y, cut, settings):
                x = y
                accepted[-1] += 1
        if settings.early_stop and x.ended:
            break
    return Walk(x, tuple(proposed), tuple(accepted))
