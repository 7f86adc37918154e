"""Linear datamodelling score (Park et al., TRAK, arXiv 2303.14186, section 2): does the sum of the
influences of a subset predict what a model trained on that subset does?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Array = NDArray[np.floating]


def subsets(n: int, count: int, share: float, seed: int) -> NDArray[np.bool_]:
    """(count, n): random subsets of share * n examples."""
    rng = np.random.default_rng(seed)
    chosen = np.zeros((count, n), dtype=bool)
    for row in chosen:
        row[rng.choice(n, round(share * n), replace=False)] = True
    return chosen


def score(influence: Array, chosen: NDArray[np.bool_], outcomes: Array) -> Array:
    """(q,): Spearman's correlation, over subsets, of predicted and seen query losses.

    influence: (n, q), negative where an example lowers the loss. chosen: (M, n). outcomes: (M, q).
    A query whose outcomes or predictions never vary scores 0.
    """
    predicted = rankdata(chosen.astype(np.float64) @ influence, axis=0)
    seen = rankdata(outcomes, axis=0)
    predicted -= predicted.mean(0)
    seen -= seen.mean(0)
    scale = np.sqrt((predicted**2).sum(0) * (seen**2).sum(0))
    found: Array = np.zeros_like(scale)
    np.divide((predicted * seen).sum(0), scale, out=found, where=scale > 0)
    return found


def mean_with_interval(
    influence: Array,
    chosen: NDArray[np.bool_],
    outcomes: Array,
    *,
    rounds: int = 500,
    seed: int = 0,
) -> tuple[float, float, float]:
    """(LDS, low, high): the mean over queries, and its 95 % bootstrap interval over subsets and
    queries drawn anew."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(rounds):
        m = rng.integers(len(chosen), size=len(chosen))
        q = rng.integers(outcomes.shape[1], size=outcomes.shape[1])
        found.append(score(influence[:, q], chosen[m], outcomes[np.ix_(m, q)]).mean())
    low, high = np.quantile(found, [0.025, 0.975])
    return float(score(influence, chosen, outcomes).mean()), float(low), float(high)
