"""Why a curve in few dimensions rings: theory without any model (Gurnee et al. 2025, "Ringing").

Points that want to be like their neighbours only, put into k dimensions, cannot but be unlike at
some distance and like again farther off. Two accounts of it: the best rank-k approximation of a
circulant similarity, and particles on a sphere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agentkit.errors import DataError

Floats = NDArray[np.float64]


def triangle(count: int, half: float) -> Floats:
    """(count,) similarity to point 0 on a circle: 1 there, falling to 0 at `half` places."""
    distance = np.minimum(np.arange(count), count - np.arange(count))
    found: Floats = np.maximum(0.0, 1 - distance / half)
    return found


def circulant(first: Floats) -> Floats:
    """The matrix whose rows are the first one, turned."""
    places = np.arange(len(first))
    found: Floats = first[(places[:, None] - places[None, :]) % len(first)]
    return found


def truncated(first: Floats, k: int) -> Floats:
    """Cosine to point 0 in the best k dimensions, by the Fourier sum: the k largest eigenvalues of
    the circulant are Fourier coefficients of its first row.

    Raises:
        DataError: k would part a sine from its cosine, so that the answer is not defined.
    """
    coefficients = np.fft.fft(first).real
    order = np.argsort(-coefficients, kind="stable")
    if k < len(order) and np.isclose(coefficients[order[k - 1]], coefficients[order[k]]):
        raise DataError(f"{k} dimensions part a sine from its cosine", f"use {k - 1} or {k + 1}")
    kept = np.zeros_like(coefficients)
    kept[order[:k]] = coefficients[order[:k]]
    profile = np.fft.ifft(kept).real
    found: Floats = profile / profile[0]
    return found


def by_eigenvectors(matrix: Floats, k: int) -> Floats:
    """Cosines between points of a similarity matrix in its k largest eigenvectors."""
    values, vectors = np.linalg.eigh(matrix)
    return cosines(vectors[:, -k:] * np.sqrt(np.maximum(values[-k:], 0)))


def cosines(points: Floats) -> Floats:
    """(n, n) cosines between the rows."""
    units = points / np.maximum(np.linalg.norm(points, axis=1), 1e-300)[:, None]
    found: Floats = units @ units.T
    return found


@dataclass(frozen=True, slots=True)
class Rings:
    """profile: mean cosine at each distance from 0. crossings: where its sign changes, in places,
    interpolated. lowest: its first minimum below zero, 0 where there is none. at: where. rebound:
    how far it rises again behind it."""

    profile: Floats
    crossings: tuple[float, ...]
    lowest: float
    at: int
    rebound: float

    @property
    def rings(self) -> bool:
        """The rule: like, unlike, and clearly less unlike again."""
        return self.rebound > 0.05


def rings(profile: Floats) -> Rings:
    """Reads a profile."""
    found = []
    for n in range(len(profile) - 1):
        a, b = profile[n], profile[n + 1]
        if a * b < 0:
            found.append(float(n + a / (a - b)))
    lowest, at = 0.0, 0
    for n in range(1, len(profile) - 1):
        if profile[n] < 0 and profile[n] <= profile[n - 1] and profile[n] <= profile[n + 1]:
            lowest, at = float(profile[n]), n
            break
    rebound = float(profile[at:].max() - lowest) if lowest < 0 else 0.0
    return Rings(profile, tuple(found), lowest, at, rebound)


def by_distance(matrix: Floats, circle: bool = False) -> Floats:
    """Mean of a matrix at each distance of its indices."""
    count = len(matrix)
    if circle:
        places = np.arange(count)
        return np.array(
            [matrix[places, (places + d) % count].mean() for d in range(count // 2 + 1)]
        )
    return np.array([np.diagonal(matrix, d).mean() for d in range(count - 1)])


def even(points: Floats) -> Floats:
    """A curve drawn anew with equal steps along it, which takes out that far counts are nearer to
    each other (dilation)."""
    sizes = np.linalg.norm(np.diff(points, axis=0), axis=1)
    at = np.concatenate([[0.0], np.cumsum(sizes)])
    wanted = np.linspace(0, at[-1], len(points))
    return np.stack([np.interp(wanted, at, column) for column in points.T], axis=1)


def of_curve(points: Floats, k: int) -> Rings:
    """Ringing of a mean curve (n, d) in its first k components, with dilation taken out."""
    centred = points - points.mean(0)
    vectors = np.linalg.svd(centred, full_matrices=False)[2][:k]
    drawn = even(centred @ vectors.T)
    return rings(by_distance(cosines(drawn - drawn.mean(0))))


def fourier_gap(points: Floats, k: int) -> float:
    """By how much less variance k Fourier components of a curve's index explain than its k
    principal ones, as a share; the paper finds at most 0.1."""
    centred = points - points.mean(0)
    count = len(points)
    place = np.pi * (np.arange(count) + 0.5) / count
    cosine = np.stack([np.cos(j * place) for j in range(1, k + 1)])  # a curve with two ends
    cosine /= np.linalg.norm(cosine, axis=1)[:, None]
    total = float((centred**2).sum())
    principal = float((np.linalg.svd(centred, compute_uv=False)[:k] ** 2).sum())
    return (principal - float(((cosine @ centred) ** 2).sum())) / max(total, 1e-300)


def particles(
    count: int = 100,
    dimensions: int = 4,
    *,
    topology: Literal["circle", "interval"] = "circle",
    reach: int = 6,
    steps: int = 3000,
    step: float = 0.01,
    damping: float = 0.9,
    seed: int = 0,
) -> Floats:
    """(count, dimensions) points on the unit sphere after they came to rest: each is drawn to its
    index-neighbours within `reach`, by a force of 1/r times a share that falls evenly from 1 at the
    next one, and pushed off by all others, by min(5, 1/r).

    The fall of the attraction with distance is our reading; the paper's text leaves it open.
    """
    rng = np.random.default_rng(seed)
    at = rng.normal(size=(count, dimensions))
    at /= np.linalg.norm(at, axis=1)[:, None]
    apart = np.abs(np.arange(count)[:, None] - np.arange(count)[None, :])
    if topology == "circle":
        apart = np.minimum(apart, count - apart)
    near = (apart <= reach) & (apart > 0)
    pull = np.where(near, 1 - (apart - 1) / reach, 0.0)
    push = (~near) & (apart > 0)
    speed = np.zeros_like(at)
    for _ in range(steps):
        distance = np.sqrt(np.maximum(2 - 2 * (at @ at.T), 1e-6))  # on the unit sphere
        strength = (pull - push) * np.minimum(5, 1 / distance) / distance
        force = strength @ at - strength.sum(1)[:, None] * at
        speed = damping * (speed + step * force)
        at = at + step * speed
        at /= np.linalg.norm(at, axis=1)[:, None]
    return at
