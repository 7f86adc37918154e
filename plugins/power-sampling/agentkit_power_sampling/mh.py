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

from agentkit_power_sampling.batch import Ask, Meter, Sample, Steps, Told, total, untold
from agentkit_power_sampling.settings import Sampling

Rule = Callable[[Sample, Sample, int, Sampling, int], float]


@dataclass(frozen=True, slots=True)
class Walk:
    """Where a chain ended. proposed, accepted: by block. trace: log p after each proposal of the
    last block. doubtful: decisions that the bounds of log Z leave open."""

    sample: Sample
    proposed: tuple[int, ...]
    accepted: tuple[int, ...]
    trace: tuple[float, ...] = ()
    doubtful: int = 0


def collapsed(x: Sample, y: Sample, cut: int, settings: Sampling, first: int = 0) -> float:
    """log of the acceptance ratio from x to y, which agree before `cut`.

    Proposals at temperature 1/alpha have log q = alpha log p - log Z, so of p^alpha / q only the
    normalisers remain. first: cuts are uniform from there to the end.
    """
    return total(y.logz[cut:]) - total(x.logz[cut:]) + _cuts(x, y, first)


def four_sums(x: Sample, y: Sample, cut: int, settings: Sampling, first: int = 0) -> float:
    """The same in its general form, right for proposals at any temperature."""
    target = settings.alpha * (total(y.logp[cut:]) - total(x.logp[cut:]))
    return target + total(x.logq[cut:]) - total(y.logq[cut:]) + _cuts(x, y, first)


def _cuts(x: Sample, y: Sample, first: int) -> float:
    return math.log((len(x) - first) / (len(y) - first))


def exact(x: Sample, y: Sample, cut: int, settings: Sampling, first: int = 0) -> float:
    """Whichever of the two is right for the proposals' temperature."""
    rule = collapsed if settings.temperature is None else four_sums
    return rule(x, y, cut, settings, first)


class Vote:
    """Tells chains that advance in step when enough of them have the same whole answer.

    read: the answer in an answer's tokens.
    """

    def __init__(self, chains: int, share: float, read: Callable[[tuple[int, ...]], str]) -> None:
        self._needed, self._read = math.ceil(share * chains), read
        self._answers: dict[int, str] = {}

    def over(self, chain: int, sample: Sample) -> bool:
        self._answers[chain] = self._read(sample.ids)
        answers = list(self._answers.values())
        return max(map(answers.count, answers)) >= max(self._needed, 2)


def chain(
    root: Sample,
    settings: Sampling,
    horizon: int,
    seed: int,
    meter: Meter,
    rule: Rule = exact,
    told: Told = untold,
    over: Callable[[Sample], bool] = lambda sample: False,
) -> Steps[Walk]:
    """One chain, from an empty answer to at most `horizon` tokens; all its chance is from `seed`.

    Where the meter allows no more proposals, or `over` says so of a whole answer, the answer is
    only finished.
    """
    rng, x, proposed, accepted = random.Random(seed), root, list[int](), list[int]()
    horizon, doubtful, trace = meter.within(horizon), 0, list[float]()
    for block in range(math.ceil(horizon / settings.block)):
        limit = min((block + 1) * settings.block, horizon)
        if not x.ended:
            (x,) = yield [Ask(x, len(x), limit, rng.getrandbits(63), settings.tau, meter)]
        first = 0 if settings.window is None else max(block + 1 - settings.window, 0)
        first *= settings.block
        if first:
            told(x, min(first, len(x)))
        if first >= len(x):
            break  # it ended before the window
        proposed.append(0)
        accepted.append(0)
        trace = []
        for _ in range(settings.steps):
            if (x.ended or len(x) == horizon) and over(x):
                break
            cut = rng.randrange(first, len(x))
            if not meter.allows(horizon - cut):  # the proposal, and what it may lack then
                break
            (y,) = yield [Ask(x, cut, limit, rng.getrandbits(63), settings.tau, meter)]
            proposed[-1] += 1
            luck = math.log1p(-rng.random())
            least, most = _bounds(rule, x, y, cut, settings, first)
            if least <= luck < most:  # the bounds leave it open
                x, y = yield [_exactly(one, settings, meter) for one in (x, y)]
                least, most = _bounds(rule, x, y, cut, settings, first)
                doubtful += least <= luck < most
            if luck < (least + most) / 2:
                x = y
                accepted[-1] += 1
            trace.append(x.total)
        if settings.early_stop and x.ended:
            break
    told(x, len(x))
    return Walk(x, tuple(proposed), tuple(accepted), tuple(trace), doubtful)


def _bounds(
    rule: Rule, x: Sample, y: Sample, cut: int, settings: Sampling, first: int
) -> tuple[float, float]:
    """(least, most) that the log ratio can be: log Z of both is known up to its slack."""
    at = rule(x, y, cut, settings, first)
    return at - total(x.slack[cut:]), at + total(y.slack[cut:])


def _exactly(sample: Sample, settings: Sampling, meter: Meter) -> Ask:
    return Ask(sample, len(sample), len(sample), 0, settings.tau, meter, exact=True)
