"""One step of the chain written down: a matrix over all answers of a small table.

Distances of draws from the target mix two things, a wrong rule and slow mixing. The matrix tells
them apart: p^alpha is stationary to rounding or it is not, and its second eigenvalue is the speed.
"""

from __future__ import annotations

import math

import numpy as np

from agentkit.capabilities import Draw
from agentkit_power_sampling import mh
from agentkit_power_sampling.batch import Sample, roots
from agentkit_power_sampling.settings import Sampling
from agentkit_power_sampling.table import Answer, TableTokens

PROMPT = (1, 2)


def samples(table: TableTokens, settings: Sampling, horizon: int) -> dict[Answer, Sample]:
    """Every answer with its numbers at the proposals' temperature, as `score` gives them."""
    answers = list(table.enumerate(horizon))
    draws = [Draw(temperature=settings.tau)] * len(answers)
    (root,) = roots(table, [PROMPT])
    return {
        ids: Sample(
            root.seq, 2, s.logp, s.logz, s.sampled, np.zeros(len(ids)), ids[-1] == table.end
        )
        for ids, s in zip(answers, table.score([PROMPT] * len(answers), answers, draws))
    }


def kernel(
    table: TableTokens,
    settings: Sampling,
    horizon: int,
    rule: mh.Rule = mh.exact,
    first: int = 0,
) -> tuple[list[Answer], np.ndarray]:
    """(answers, K (n, n)): K[x, y] is the chance that a step goes from x to y.

    Args:
        first: cuts are uniform from there to the end; an answer that ends before it stays.
    """
    known = samples(table, settings, horizon)
    answers = list(known)
    place = {ids: n for n, ids in enumerate(answers)}
    moves = np.zeros((len(answers), len(answers)))
    for a in answers:
        x = known[a]
        for cut in range(first, len(a)):
            for b in (b for b in answers if len(b) > cut and b[:cut] == a[:cut]):
                y = known[b]
                ratio = min(1.0, math.exp(rule(x, y, cut, settings, first)))
                chance = math.exp(float(y.logq[cut:].sum())) / (len(a) - first)
                moves[place[a], place[b]] += chance * ratio
                moves[place[a], place[a]] += chance * (1 - ratio)
    return answers, moves


def second(moves: np.ndarray) -> float:
    """The second largest eigenvalue, in size: after n steps this to the n-th is left of the worst
    beginning's distance."""
    return float(np.sort(np.abs(np.linalg.eigvals(moves)))[-2])
