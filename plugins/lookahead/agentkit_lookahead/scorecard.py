"""How good choices are: one scorecard for all routers.

On a set with mean candidate score S_random, best possible S_oracle and the router's S:

    mu      = 100 (S - S_random) / (S_oracle - S_random)      the paper's normalised score
    within  = 100 (S - S_best) / (S_oracle - S_best)          S_best: one model for the set
    range   = (S - S_worst) / (S_best_fixed - S_worst)        the official code's reward

`within` is the honest one: which benchmark a query is from earns mu, and nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class SetScore:
    """A router on one set. accuracy: share of queries whose best score it got, ties counting as
    right. shares: of the set's queries, by candidate."""

    rows: int
    score: float
    random: float
    oracle: float
    best: float
    mu: float
    within: float
    range: float
    accuracy: float
    shares: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Card:
    """Per set, and means over the sets with equal weight."""

    sets: Mapping[str, SetScore]

    @property
    def mu(self) -> float:
        return _mean([one.mu for one in self.sets.values()])

    @property
    def within(self) -> float:
        return _mean([one.within for one in self.sets.values()])

    @property
    def accuracy(self) -> float:
        return _mean([one.accuracy for one in self.sets.values()])


def best_fixed(scores: np.ndarray, sets: Sequence[str]) -> dict[str, int]:
    """The best candidate of each set, to be taken from training rows."""
    names = np.array(sets)
    return {name: int(scores[names == name].mean(0).argmax()) for name in sorted({*sets})}


def card(
    scores: np.ndarray,
    sets: Sequence[str],
    chosen: np.ndarray,
    best: Mapping[str, int],
    candidates: Sequence[str],
) -> Card:
    """The scorecard of choices.

    Args:
        scores: (n, K).
        chosen: (n,) indices, or (n, K) shares of each candidate, as chance has it.
        best: see `best_fixed`; sets that are not in it take their best on these rows.
    """
    weights = np.eye(scores.shape[1])[chosen] if chosen.ndim == 1 else chosen
    names, found = np.array(sets), {}
    for name in sorted({*sets}):
        rows = names == name
        of, share = scores[rows], weights[rows]
        fixed = of.mean(0)
        at = best.get(name, int(fixed.argmax()))
        got, top = (of * share).sum(1), of.max(1)
        worth = float(got.mean())
        found[name] = SetScore(
            int(rows.sum()),
            worth,
            float(fixed.mean()),
            float(top.mean()),
            float(fixed[at]),
            100 * _ratio(worth - fixed.mean(), top.mean() - fixed.mean()),
            100 * _ratio(worth - fixed[at], top.mean() - fixed[at]),
            _ratio(worth - fixed.min(), fixed.max() - fixed.min()),
            float(((of >= top[:, None]) * share).sum(1).mean()),
            {c: float(s) for c, s in zip(candidates, share.mean(0))},
        )
    return Card(found)


def bootstrap(
    scores: np.ndarray,
    sets: Sequence[str],
    chosen: np.ndarray,
    best: Mapping[str, int],
    draws: int = 1000,
    seed: int = 0,
) -> tuple[tuple[float, float], tuple[float, float]]:
    """95 % intervals of (mu, within), queries drawn again within each set."""
    rng = np.random.default_rng(seed)
    names = np.array(sets)
    mus, inside = np.zeros(draws), np.zeros(draws)
    groups = sorted({*sets})
    for name in groups:
        rows = np.flatnonzero(names == name)
        of = scores[rows]
        got = of[np.arange(len(rows)), chosen[rows]]
        at = best.get(name, int(of.mean(0).argmax()))
        columns = np.stack([got, of.mean(1), of.max(1), of[:, at]])
        for draw in range(draws):
            s, chance, top, fixed = columns[:, rng.integers(len(rows), size=len(rows))].mean(1)
            mus[draw] += 100 * _ratio(s - chance, top - chance) / len(groups)
            inside[draw] += 100 * _ratio(s - fixed, top - fixed) / len(groups)
    low, high = int(0.025 * draws), int(0.975 * draws) - 1
    mus.sort()
    inside.sort()
    return (float(mus[low]), float(mus[high])), (float(inside[low]), float(inside[high]))


def cost_at_equal_quality(
    scores: np.ndarray, costs: np.ndarray, chances: np.ndarray
) -> tuple[float, float]:
    """(share of the best single candidate's cost that is saved, weight of cost): the most that
    choosing by chances less weighted costs saves while it scores no less than that candidate.

    Args:
        scores, chances: (n, K). costs: (K,).
    """
    fixed = scores.mean(0)
    best = int(fixed.argmax())
    rows = np.arange(len(scores))
    saved, at = 0.0, 0.0
    for weight in [0.0, *np.geomspace(1e-3, 10, 60).tolist()]:
        chosen = (chances - weight * costs).argmax(1)
        if scores[rows, chosen].mean() >= fixed[best]:
            found = 1 - costs[chosen].mean() / costs[best] if costs[best] else 0.0
            if found > saved:
                saved, at = float(found), weight
    return saved, at


def sample_efficiency(sizes: Sequence[int], mine: Sequence[float], other: Sequence[float]) -> float:
    """How many times fewer training rows one way of training needs for what the other reaches with
    the most; below 1 where it is the other that needs fewer. Straight lines in the logarithm of
    rows between what was measured, up to the first crossing.

    Args:
        sizes: rows, rising. mine, other: figures with so many, higher is better.
    """
    if mine[-1] < other[-1]:
        return 1 / sample_efficiency(sizes, other, mine)
    goal, logs = other[-1], np.log(sizes)
    at = next(n for n, value in enumerate(mine) if value >= goal)
    if at == 0:
        return float(sizes[-1] / sizes[0])
    share = (goal - mine[at - 1]) / (mine[at] - mine[at - 1])
    return float(sizes[-1] / np.exp(logs[at - 1] + share * (logs[at] - logs[at - 1])))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def _ratio(above: float, below: float) -> float:
    return float(above / below) if abs(below) > 1e-12 else 0.0
