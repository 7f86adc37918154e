"""From scores to labels (section 3.1 of the paper, with the official code's threshold).

    s~_i = (s_i - min_j s_j) / (max_j s_j - min_j s_j),   y_i = 1[s~_i >= theta max_j s~_j]

Where all candidates score the same there is nothing to choose, and the formula calls all of them
good, failures included. That is most of what a pool is asked (half to two thirds of maths and code
in the released table), so what becomes of such queries is a setting.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from agentkit.errors import DataError

Equal = Literal["drop", "absolute", "positive"]
"""drop: weight 0. absolute: good where the score itself is. positive: as the official code."""


def scaled(scores: np.ndarray, low: float, high: float) -> np.ndarray:
    """(n, K) scores over a whole file brought to 0..1. NaN, a score that is not known, stays."""
    return (scores - low) / (high - low) if high > low else np.zeros_like(scores)


def within_query(scores: np.ndarray) -> np.ndarray:
    """(n, K) scores min-max scaled row by row; rows whose scores are all equal become 0."""
    low = np.nanmin(scores, axis=1, keepdims=True)
    spread = np.nanmax(scores, axis=1, keepdims=True) - low
    return np.where(spread > 0, (scores - low) / np.where(spread > 0, spread, 1), scores * 0.0)


def targets(
    scores: np.ndarray,
    threshold: float = 0.8,
    equal: Equal = "drop",
    bounds: tuple[float, float] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """(targets, weights), each (n, K) float32.

    Args:
        scores: (n, K), higher is better.
        threshold: theta; 0 or less gives the scaled scores themselves as soft targets.
        equal: what becomes of queries on which all candidates score the same.
        bounds: lowest and highest score of the whole file; taken from `scores` by default.

    Raises:
        DataError: a score is missing or not finite.
    """
    scores = np.asarray(scores, dtype=float)
    if scores.ndim != 2 or not np.isfinite(scores).all():
        raise DataError(
            "a score is missing or is no finite number",
            "score every candidate, or train with feedback = 'ips' or 'dr'",
        )
    low, high = bounds or (float(scores.min()), float(scores.max()))
    fair = within_query(scores)
    best = fair.max(axis=1, keepdims=True)
    made = (fair >= threshold * best).astype(np.float32) if threshold > 0 else fair
    tied = best[:, 0] == 0
    weights = np.ones_like(made, dtype=np.float32)
    if equal == "drop":
        weights[tied] = 0
    elif equal == "absolute":
        made[tied] = good(scores[tied], threshold, (low, high))
    return made.astype(np.float32), weights


def good(scores: np.ndarray, threshold: float, bounds: tuple[float, float]) -> np.ndarray:
    """Whether answers are good in themselves, whatever others say: what probabilities are
    calibrated to. NaN stays."""
    share = scaled(np.asarray(scores, dtype=float), *bounds)
    made = (share >= threshold).astype(float) if threshold > 0 else share
    return np.where(np.isfinite(share), made, np.nan)
