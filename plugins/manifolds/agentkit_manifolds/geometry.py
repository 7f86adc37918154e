"""The shape of a mean curve: how many dimensions it really has, how it bends, whether it is there.

All of it is cross-validated between halves of the documents: with few tokens the raw spectrum of a
mean curve is that of noise, and a random walk of 150 steps puts 91 % of its variance into six
components, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agentkit.errors import DataError
from agentkit_manifolds.moments import Curves

Floats = NDArray[np.float64]
LEAST = 20  # tokens of a bin, below which its mean is not worth looking at
LEVEL = 0.05  # of the test against shuffled labels
# Split-half reliability below which nothing is said of a shape: embeddings alone reach 0.1 to 0.2,
# since letters and words are not spread evenly over a line. Compare with the curve there, too.
FLOOR = 0.2


@dataclass(frozen=True, slots=True)
class Shape:
    """A mean curve as two halves of the documents agree on it, over random splits.

    shares: of the reliable variance, along the components of the other half, largest first.
    reliability: correlation of the two halves' curves. null: what it is with one half's bins
    shuffled, its 95th percentile. p: of the reliability under that null. dimension: components
    for 95 % of the reliable variance. raw: components for 95 % of the raw spectrum, for comparison.
    samples: tokens. bins: how many.
    """

    shares: tuple[float, ...]
    reliability: float
    null: float
    p: float
    dimension: int
    raw: int
    samples: int
    bins: int

    @property
    def found(self) -> bool:
        """The rule: the halves agree by more than FLOOR, and more than shuffled labels do."""
        return self.p < LEVEL and self.reliability > FLOOR

    @property
    def verdict(self) -> str:
        if not self.found:
            return (
                f"no manifold: halves of the documents agree with r = {self.reliability:.2f} "
                f"(shuffled labels: up to {self.null:.2f}, p = {self.p:.3f})"
            )
        return (
            f"a curve in about {self.dimension} dimensions: halves agree with "
            f"r = {self.reliability:.2f} (shuffled labels: up to {self.null:.2f})"
        )


def shape(curves: Curves, *, splits: int = 20, shuffles: int = 200, seed: int = 0) -> Shape:
    """Cross-validated PCA of a mean curve: share_j = Σ (M_A v_j)·(M_B v_j) / Σ M_A·M_B, with v_j
    the right singular vectors of M_A; numerators and denominators are summed over splits.

    Raises:
        DataError: a bin has fewer than LEAST tokens, or there are fewer than four buckets.
    """
    totals = curves.counts.sum(0)
    if (totals < LEAST).any():
        worst = int(np.argmin(totals))
        raise DataError(
            f"bin {curves.bins[worst]} has {int(totals[worst])} tokens",
            f"a mean needs {LEAST}: give more text, wider bins, or drop it: curves.enough()",
        )
    if curves.buckets < 4:
        raise DataError(f"{curves.buckets} buckets of documents", "at least four")
    rng = np.random.default_rng(seed)
    along = np.zeros(min(len(curves.bins), curves.width))
    agree = norm = 0.0
    shuffled = np.zeros(shuffles)
    for _ in range(splits):
        first, second = halves(curves, rng)
        vectors = np.linalg.svd(first, full_matrices=False)[2]
        along[: len(vectors)] += ((first @ vectors.T) * (second @ vectors.T)).sum(0)
        agree += float((first * second).sum())
        norm += float(np.sqrt((first**2).sum() * (second**2).sum()))
        inner = second @ first.T
        for n in range(shuffles):
            shuffled[n] += inner[rng.permutation(len(inner)), np.arange(len(inner))].sum()
    null = shuffled / max(norm, 1e-300)
    reliability = agree / max(norm, 1e-300)
    shares = along / agree if agree > 0 else np.zeros_like(along)
    means, _ = curves.curve()
    spectrum = np.linalg.svd(means - means.mean(0), compute_uv=False) ** 2
    return Shape(
        shares=tuple(float(s) for s in shares),
        reliability=float(reliability),
        null=float(np.quantile(null, 0.95)),
        p=float((1 + (null >= reliability).sum()) / (1 + shuffles)),
        dimension=reaching(shares),
        raw=reaching(spectrum / max(spectrum.sum(), 1e-300)),
        samples=int(totals.sum()),
        bins=len(curves.bins),
    )


def halves(curves: Curves, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Centred mean curves of two random halves of the buckets; bins that one half lacks are zero in
    both."""
    for _ in range(100):
        order = rng.permutation(curves.buckets)
        one, other = order[: curves.buckets // 2], order[curves.buckets // 2 :]
        (a, n), (b, m) = curves.curve(list(one)), curves.curve(list(other))
        both = (n > 0) & (m > 0)
        if both.sum() >= 2:
            first, second = np.zeros_like(a), np.zeros_like(b)
            first[both], second[both] = a[both] - a[both].mean(0), b[both] - b[both].mean(0)
            return first, second
    raise DataError("the bins are never in both halves of the documents", "give more texts")


def reaching(shares: Floats, level: float = 0.95) -> int:
    """How many of the first shares it takes to reach a level; all of them where they do not."""
    reached = np.nonzero(np.cumsum(shares) >= level)[0]
    return int(reached[0]) + 1 if len(reached) else len(shares)


def basis(curves: Curves, k: int) -> tuple[Floats, Floats]:
    """(mean (d,), orthonormal directions (k, d)) of the curve's first k components."""
    means, _ = curves.curve()
    middle = means.mean(0)
    vectors = np.linalg.svd(means - middle, full_matrices=False)[2]
    return middle, vectors[:k]


@dataclass(frozen=True, slots=True)
class Bend:
    """length: of the curve, in units of its chord, 1 for a straight line. turning: angle in radians
    that its direction turns through, all steps together. step: the mean angle between successive
    steps; 90 degrees is what a random walk does."""

    length: float
    turning: float
    step: float


def bend(points: Floats) -> Bend:
    """How a curve of (n, k) points, in order, bends."""
    steps = np.diff(points, axis=0)
    sizes = np.linalg.norm(steps, axis=1)
    chord = float(np.linalg.norm(points[-1] - points[0]))
    units = steps / np.maximum(sizes, 1e-300)[:, None]
    angles = np.arccos(np.clip((units[1:] * units[:-1]).sum(1), -1, 1))
    return Bend(
        float(sizes.sum() / max(chord, 1e-300)),
        float(angles.sum()),
        float(np.degrees(angles).mean()),
    )


def random_walk(steps: int, width: int, seed: int = 0) -> Floats:
    """(steps, width): what looks like a helix in three components and means nothing."""
    walk: Floats = np.random.default_rng(seed).normal(size=(steps, width)).cumsum(0)
    return walk


def shares_of(points: Floats) -> Floats:
    """Shares of variance of the components of points (n, d)."""
    values = np.linalg.svd(points - points.mean(0), compute_uv=False) ** 2
    found: Floats = values / values.sum()
    return found
