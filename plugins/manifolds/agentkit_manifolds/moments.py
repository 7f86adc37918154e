"""Sums over tokens, by fold: all that probes, means, spectra and nulls are made of.

Memory does not grow with the number of tokens: one pass of the model fills all of this for all
sites, and any ridge penalty, split or subspace can be asked for afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agentkit.errors import DataError

Floats = NDArray[np.float64]


@dataclass(slots=True)
class Moments:
    """Second moments of a = (1, hidden state, extras), a fold each.

    width: d, numbers of a hidden state. extras: names of the nuisances and targets behind it.
    gram: (folds, D, D) float64 with D = 1 + d + len(extras); gram[f, 0, 0] is the token count.
    """

    width: int
    extras: tuple[str, ...]
    folds: int
    gram: Floats = field(init=False)

    def __post_init__(self) -> None:
        size = 1 + self.width + len(self.extras)
        self.gram = np.zeros((self.folds, size, size))

    def add(self, fold: int, states: Floats, extras: Floats) -> None:
        """Counts tokens in.

        Args:
            states: (n, d). extras: (n, e).

        Raises:
            DataError: a number is not finite.
        """
        rows = np.concatenate([np.ones((len(states), 1)), states, extras], axis=1)
        _finite(rows)
        self.gram[fold] += rows.T @ rows

    @property
    def states(self) -> NDArray[np.int64]:
        """Columns of the hidden state."""
        return np.arange(1, 1 + self.width)

    def columns(self, names: Sequence[str]) -> NDArray[np.int64]:
        """Columns of extras."""
        return np.array([1 + self.width + self.extras.index(n) for n in names], dtype=np.int64)

    def tokens(self) -> int:
        return int(self.gram[:, 0, 0].sum())

    def covariance(self) -> Floats:
        """(d, d) covariance of the hidden states over all folds."""
        whole = self.gram.sum(0)
        n, mean = whole[0, 0], whole[0, self.states] / whole[0, 0]
        found: Floats = whole[np.ix_(self.states, self.states)] / n - np.outer(mean, mean)
        return found

    def mean(self) -> Floats:
        """(d,) mean hidden state."""
        whole = self.gram.sum(0)
        found: Floats = whole[0, self.states] / whole[0, 0]
        return found


@dataclass(slots=True)
class Curves:
    """Sums of (hidden state, nuisances) by bin of a label and by bucket of documents, from which
    mean curves of any set of documents follow.

    bins: labels of the bins, in order. sums: (buckets, bins, d + z). counts: (buckets, bins).
    """

    width: int
    bins: tuple[int, ...]
    buckets: int
    nuisances: int = 0
    sums: Floats = field(init=False)
    counts: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.sums = np.zeros((self.buckets, len(self.bins), self.width + self.nuisances))
        self.counts = np.zeros((self.buckets, len(self.bins)))

    def add(
        self, bucket: int, which: NDArray[np.int64], states: Floats, nuisances: Floats | None = None
    ) -> None:
        """Counts tokens in.

        Args:
            which: (n,) place of each token's bin in `bins`; -1 leaves it out.
            states: (n, d). nuisances: (n, z).

        Raises:
            DataError: a number is not finite.
        """
        keep = which >= 0
        rows = states if nuisances is None else np.concatenate([states, nuisances], axis=1)
        _finite(rows)
        np.add.at(self.sums[bucket], which[keep], rows[keep])
        np.add.at(self.counts[bucket], which[keep], 1)

    def curve(self, buckets: Sequence[int] | None = None) -> tuple[Floats, Floats]:
        """(means (bins, d) of the hidden states, counts (bins,)) of some buckets, all if none are
        named. Empty bins are zero."""
        chosen = slice(None) if buckets is None else list(buckets)
        counts = self.counts[chosen].sum(0)
        states = self.sums[chosen].sum(0)[:, : self.width]
        return states / np.maximum(counts, 1)[:, None], counts

    def only(self, keep: Sequence[int]) -> Curves:
        """The same with some of the bins, by place."""
        made = Curves(self.width, tuple(self.bins[k] for k in keep), self.buckets, self.nuisances)
        made.sums, made.counts = self.sums[:, list(keep)], self.counts[:, list(keep)]
        return made

    def enough(self, least: int = 20, bins: int = 6) -> Curves:
        """The bins that have tokens enough for a mean.

        Raises:
            DataError: fewer than `bins` have `least` tokens.
        """
        totals = self.counts.sum(0)
        keep = [n for n, total in enumerate(totals) if total >= least]
        if len(keep) < bins:
            raise DataError(
                f"{len(keep)} of {len(self.bins)} bins have {least} tokens or more; "
                f"the fullest has {int(totals.max(initial=0))}",
                f"at least {bins} are needed: give more text, or wider bins",
            )
        return self.only(keep)

    def beyond(self, moments: Moments, nuisances: Sequence[str]) -> Curves:
        """The same of what is left of the hidden states when their linear part in the nuisances
        is taken away. The nuisances must have been added in the same order."""
        whole, columns = moments.gram.sum(0), moments.columns(nuisances)
        centred = whole - np.outer(whole[0], whole[0]) / whole[0, 0]
        inner = centred[np.ix_(columns, columns)]
        slope = np.linalg.lstsq(inner, centred[np.ix_(columns, moments.states)], rcond=None)[0]
        made = Curves(self.width, self.bins, self.buckets)
        made.counts = self.counts
        made.sums = self.sums[..., : self.width] - self.sums[..., self.width :] @ slope
        return made


def within(parts: Sequence[Curves]) -> Curves:
    """Curves of several line widths as one, each less its own mean in each bucket: far counts
    stand in wide texts only, so that plain means would show the width as well."""
    first = parts[0]
    made = Curves(first.width, first.bins, first.buckets, first.nuisances)
    for part in parts:
        means = part.sums.sum(1) / np.maximum(part.counts.sum(1), 1)[:, None]
        made.sums += part.sums - part.counts[..., None] * means[:, None]
        made.counts += part.counts
    return made


def _finite(rows: Floats) -> None:
    if not np.isfinite(rows).all():
        raise DataError(
            "hidden states hold numbers that are not finite",
            "load the model in fp32, or look at fewer layers",
        )
