"""Numbers about chains and about tries: R-hat, autocorrelation, pass@k."""

from __future__ import annotations

import math

import numpy as np


def r_hat(traces: np.ndarray) -> float:
    """Split R-hat (Gelman and others, Bayesian Data Analysis, eq. 11.4): near 1 where chains that
    began apart say the same; nan where too little is known.

    Args:
        traces: (chains, steps) of some number, as log p.
    """
    half = traces.shape[1] // 2
    if half < 2:
        return math.nan
    halves = np.concatenate([traces[:, :half], traces[:, traces.shape[1] - half :]])
    within = halves.var(axis=1, ddof=1).mean()
    between = half * halves.mean(axis=1).var(ddof=1)
    if within <= 0:
        return 1.0 if between <= 0 else math.inf
    return float(np.sqrt(((half - 1) / half * within + between / half) / within))


def autocorrelation_time(traces: np.ndarray) -> float:
    """Steps that one independent draw takes: 1 + 2 sum of autocorrelations, averaged over chains,
    cut where a pair of neighbours is no longer positive (Geyer, 1992); nan where nothing moves.

    Args:
        traces: (chains, steps).
    """
    steps = traces.shape[1]
    if steps < 4:
        return math.nan
    centred = traces - traces.mean(axis=1, keepdims=True)
    variance = float((centred**2).mean())
    if variance <= 0:
        return math.nan
    lagged = [
        float((centred[:, : steps - lag] * centred[:, lag:]).sum()) / traces.size / variance
        for lag in range(steps)
    ]
    time = -1.0
    for even in range(0, steps - 1, 2):
        pair = lagged[even] + lagged[even + 1]
        if pair <= 0:
            break
        time += 2 * pair
    return max(time, 1.0)


def pass_at_k(tries: int, right: int, k: int) -> float:
    """The chance that k of the tries, drawn without putting back, hold a right one; without bias
    (Chen and others, arXiv 2107.03374, eq. 1).

    Raises:
        ValueError: k is below 1 or above the tries.
    """
    if not 1 <= k <= tries:
        raise ValueError(f"pass@{k} of {tries} tries")
    return 1.0 - math.comb(tries - right, k) / math.comb(tries, k)
