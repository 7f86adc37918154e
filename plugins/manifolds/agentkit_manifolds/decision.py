"""The break decision's geometry: characters left against the length of the next word.

Mean vectors by characters left and by the true length of the next word are added in pairs; a plane
that parts pairs which fit from pairs which do not is tried on real tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agentkit.errors import DataError
from agentkit_manifolds.behaviour import auc
from agentkit_manifolds.task import check_split

Floats = NDArray[np.float64]
LEFT, NEXT, LEAST = range(1, 24), range(1, 13), 5


@dataclass(frozen=True, slots=True)
class Decision:
    """left, next: share of variance of the two mean curves in two components. overlap: squared
    cosines between the two planes, mean; chance: of two random planes. pairs: accuracy of the plane
    on pairs. auc: on real tokens of other documents; shuffled: with fit and misfit dealt out at
    random; alone: of the one direction of characters left."""

    left: float
    next: float
    overlap: float
    chance: float
    pairs: float
    auc: float
    shuffled: float
    alone: float
    tokens: int


def decide(
    states: NDArray[np.float32],
    left: Floats,
    following: Floats,
    ends: Floats,
    groups: NDArray[np.str_],
    seed: int = 0,
) -> Decision:
    """
    Args:
        states: (n, d). left: (n,) characters left. following: (n,) of the next word. ends: (n,) 1
            where a word ends. groups: (n,) documents; half of them are for the test.

    Raises:
        DataError: too few ends of words.
    """
    keep = (ends > 0) & (following > 0) & (left >= 0)
    x, left, following, groups = states[keep], left[keep], following[keep], groups[keep]
    names = sorted(set(groups.tolist()))
    rng = np.random.default_rng(seed)
    train_names = set(rng.permutation(names)[: len(names) // 2].tolist())
    check_split(train_names, set(names) - train_names)
    train = np.array([g in train_names for g in groups])
    fit, test = x[train].astype(np.float64), x[~train].astype(np.float64)
    middle = fit.mean(0)
    means = []
    for values, known in ((left, LEFT), (following, NEXT)):
        rows = [(v, fit[values[train] == v]) for v in known]
        found = [(v, r.mean(0) - middle) for v, r in rows if len(r) >= LEAST]
        if len(found) < 5:
            raise DataError(
                f"{len(fit)} ends of words are too few for mean vectors", "give more text"
            )
        means.append(found)
    (a, left_share), (b, next_share) = (_plane(np.stack([m for _, m in one])) for one in means)
    overlap = float(((a @ b.T) ** 2).mean())
    basis = np.concatenate([a, b])
    points = np.array([(basis @ (u + v)) for _, u in means[0] for _, v in means[1]])
    misfit = np.array([i < j + 1 for i, _ in means[0] for j, _ in means[1]])
    normal, level = _hyperplane(points, misfit)
    drawn, _ = _hyperplane(points, rng.permutation(misfit))
    real = left[~train] < following[~train] + 1
    seen = (test - middle) @ basis.T
    slope = np.polyfit([i for i, _ in means[0]], [a @ u for _, u in means[0]], 1)[0]
    return Decision(
        left_share,
        next_share,
        overlap,
        2 / len(middle),
        float(((points @ normal > level) == misfit).mean()),
        _auc(seen @ normal, real),
        _auc(seen @ drawn, real),
        _auc(-(test - middle) @ a.T @ slope, real),
        len(test),
    )


def _auc(score: Floats, real: NDArray[np.bool_]) -> float:
    return auc(score[real], score[~real])


def _plane(points: Floats) -> tuple[Floats, float]:
    centred = points - points.mean(0)
    _, values, vectors = np.linalg.svd(centred, full_matrices=False)
    return vectors[:2], float((values[:2] ** 2).sum() / (values**2).sum())


def _hyperplane(points: Floats, positive: NDArray[np.bool_]) -> tuple[Floats, float]:
    """Fisher's: (normal, level)."""
    one, other = points[positive], points[~positive]
    inner = np.cov(one.T) * len(one) + np.cov(other.T) * len(other)
    inner += np.eye(len(inner)) * np.trace(inner) * 1e-6
    normal = np.linalg.solve(inner, one.mean(0) - other.mean(0))
    return normal, float((one.mean(0) + other.mean(0)) @ normal / 2)
