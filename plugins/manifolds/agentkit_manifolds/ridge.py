"""Linear probes from sums alone, always on documents that they were not fitted to.

With the Gram matrix of (1, x, y) a ridge fit of any penalty, and its error on any other documents,
are a few matrix products: the same numbers as sklearn.linear_model.Ridge gives on stored data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agentkit.errors import DataError
from agentkit_manifolds.moments import Moments

Floats = NDArray[np.float64]
Columns = NDArray[np.int64]
PENALTIES = tuple(10.0**p for p in range(-4, 5))  # times the median variance of a feature, times n


@dataclass(frozen=True, slots=True)
class Fit:
    """y = bias + x · weights. weights: (d,)."""

    weights: Floats
    bias: float


@dataclass(frozen=True, slots=True)
class Probe:
    """held_out: R² on each fold by a fit to the others. inside: R² on the training documents.
    penalty: the one chosen, by documents of the training folds, of the last fold."""

    held_out: tuple[float, ...]
    inside: float
    penalty: float

    @property
    def r2(self) -> float:
        return float(np.mean(self.held_out))


def ridge(gram: Floats, features: Columns, target: int, penalty: float) -> Fit:
    """Minimises |y - b - Xw|² + penalty |w|²; the bias is free. gram: (D, D), column 0 the ones."""
    return Spectrum(gram, features).fit(gram, target, penalty)


class Spectrum:
    """One training set, whose fits for all targets and penalties share one decomposition."""

    def __init__(self, gram: Floats, features: Columns) -> None:
        self._features, n = features, gram[0, 0]
        self._mean = gram[0, features] / n
        centred = gram[np.ix_(features, features)] - n * np.outer(self._mean, self._mean)
        self._values, self._vectors = np.linalg.eigh(centred)
        self._values = np.maximum(self._values, 0)
        self.scale = float(np.median(np.diag(centred))) or 1.0

    def fit(self, gram: Floats, target: int, penalty: float) -> Fit:
        """gram: of the same documents; its target may have been changed since."""
        n = gram[0, 0]
        mean = gram[0, target] / n
        cross = self._vectors.T @ (gram[self._features, target] - n * self._mean * mean)
        divisor = self._values + penalty
        real = divisor > self._values.max(initial=0) * 1e-12  # others are directions without data
        weights = self._vectors @ np.where(real, cross / np.where(real, divisor, 1), 0)
        return Fit(weights, float(mean - weights @ self._mean))


def r2(gram: Floats, features: Columns, target: int, fit: Fit) -> float:
    """Share of the target's variance in these documents that the fit explains; below 0 it is worse
    than their mean."""
    n = gram[0, 0]
    if n < 2:
        raise DataError("a fold has fewer than two tokens", "give more documents")
    direction = np.zeros(len(gram))
    direction[0], direction[features], direction[target] = -fit.bias, -fit.weights, 1.0
    total = gram[target, target] - gram[0, target] ** 2 / n
    return float(1 - direction @ gram @ direction / max(total, 1e-12))


def beyond(grams: Floats, train: Sequence[int], nuisances: Columns, target: int) -> Floats:
    """Grams in which the target is what a linear fit of the nuisances, on the training folds,
    leaves of it: r = y - ĉ."""
    fit = ridge(grams[list(train)].sum(0), nuisances, target, 0.0)
    direction = np.zeros(grams.shape[1])
    direction[0], direction[nuisances], direction[target] = -fit.bias, -fit.weights, 1.0
    changed = grams.copy()
    for gram, made in zip(grams, changed):
        made[:, target] = made[target, :] = gram @ direction
        made[target, target] = direction @ gram @ direction
    return changed


def probe(
    moments: Moments,
    target: str,
    *,
    features: Columns | None = None,
    nuisances: Sequence[str] = (),
    penalties: Sequence[float] = PENALTIES,
    spectra: dict[tuple[int, ...], Spectrum] | None = None,
) -> Probe:
    """Held-out R² of a linear probe, each fold in turn being the test.

    Args:
        features: columns of the Gram matrix; the hidden state where they are not given.
        nuisances: where given, R² is that of what they leave unexplained (fitted on the training
            folds alone).
        spectra: of the same sums and features, from earlier calls; filled here.

    Raises:
        DataError: there are fewer than three folds: the penalty is chosen on folds, too.
    """
    if moments.folds < 3:
        raise DataError(f"{moments.folds} folds", "at least three: one of them chooses the penalty")
    columns = moments.states if features is None else features
    place = int(moments.columns([target])[0])
    spectra = {} if spectra is None else spectra

    def spectrum(train: tuple[int, ...]) -> Spectrum:
        if train not in spectra:
            spectra[train] = Spectrum(moments.gram[list(train)].sum(0), columns)
        return spectra[train]

    held, chosen, inside = [], 0.0, []
    everything = range(moments.folds)
    for test in everything:
        train = tuple(f for f in everything if f != test)
        grams = moments.gram
        if nuisances:
            grams = beyond(grams, train, moments.columns(nuisances), place)
        scores = np.zeros(len(penalties))
        for left in train:
            rest = tuple(f for f in train if f != left)
            part, known = spectrum(rest), grams[list(rest)].sum(0)
            scores += [
                r2(grams[left], columns, place, part.fit(known, place, p * part.scale))
                for p in penalties
            ]
        chosen = penalties[int(np.argmax(scores))]
        whole = grams[list(train)].sum(0)
        best = spectrum(train)
        fit = best.fit(whole, place, chosen * best.scale)
        held.append(r2(grams[test], columns, place, fit))
        inside.append(r2(whole, columns, place, fit))
    return Probe(tuple(held), float(np.mean(inside)), chosen)


def weights_of(moments: Moments, target: str, penalty: float) -> Fit:
    """A fit to all folds, for its direction alone."""
    whole = moments.gram.sum(0)
    spectrum = Spectrum(whole, moments.states)
    return spectrum.fit(whole, int(moments.columns([target])[0]), penalty * spectrum.scale)
