"""From traces to influence (paper, section 3): who moved together with what.

BIF(z, phi) = -Cov(loss of z, phi): negative where more training on z lowers phi. The correlation is
Cov / (sigma sigma), positive for helpful examples, and what is looked at where examples differ in
size. Chains are centred one by one ("pooled"); centred together ("stack", devinterp's default) the
offsets of chains that have not mixed look like a correlation of everything with everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Kind = Literal["cov", "bif", "correlation"]
Pooling = Literal["pooled", "stack"]
BATCHES = 8  # of draws, for errors where there are few chains


@dataclass(frozen=True)
class Block:
    """Rows `start`… of the matrix. value, error: (rows, M); error is one Monte-Carlo standard error
    by batch means: of whole chains where there are four or more, else of pieces of chains."""

    start: int
    value: Array
    error: Array


class Attribution:
    """The matrix of train series against query series, in blocks of rows.

    Args:
        train, query: traces (C, T, N) and (C, T, M).
    """

    def __init__(
        self, train: Array, query: Array, *, kind: Kind = "bif", pooling: Pooling = "pooled"
    ) -> None:
        self.chains, self.count = train.shape[:2]
        self.rows, self.columns = train.shape[2], query.shape[2]
        self._axis = 1 if pooling == "pooled" else (0, 1)
        self._kind = kind
        self._lost = self.chains if pooling == "pooled" else 1
        self._train = train
        self._query = self._centred(query)
        self._query_scale = self._scale(self._query)

    @property
    def draws(self) -> int:
        return int(self.chains * self.count)

    def blocks(self, rows: int = 1024) -> Iterator[Block]:
        """All rows, some at a time."""
        sign = -1.0 if self._kind == "bif" else 1.0
        for start in range(0, self.rows, rows):
            part = self._centred(self._train[:, :, start : start + rows])
            value, error = self._products(part)
            if self._kind == "correlation":
                scale = self._scale(part)[:, None] * self._query_scale[None]
                value = np.divide(value, scale, out=np.zeros_like(value), where=scale > 0)
                error = np.divide(error, scale, out=np.zeros_like(error), where=scale > 0)
                value = value.clip(-1.0, 1.0)
            yield Block(start, sign * value, error)

    def matrix(self) -> tuple[Array, Array]:
        """(value, error), whole."""
        blocks = list(self.blocks())
        values, errors = [b.value for b in blocks], [b.error for b in blocks]
        return np.concatenate(values), np.concatenate(errors)

    def top(self, k: int, *, helpful: bool = True, rows: int = 1024) -> list[list[int]]:
        """For each query the k rows that helped most (or hurt most), best first; never holds more
        than a block of the matrix."""
        sign = -1.0 if (self._kind == "bif") == helpful else 1.0
        best = np.empty((0, self.columns))
        which = np.empty((0, self.columns), dtype=np.int64)
        for block in self.blocks(rows):
            number = np.arange(block.start, block.start + len(block.value))[:, None]
            best = np.concatenate([best, sign * block.value])
            which = np.concatenate([which, np.broadcast_to(number, block.value.shape)])
            order = np.argsort(-best, axis=0, kind="stable")[:k]
            best = np.take_along_axis(best, order, 0)
            which = np.take_along_axis(which, order, 0)
        return [column.tolist() for column in which.T]

    def _centred(self, traces: Array) -> Array:
        traces = np.asarray(traces, dtype=np.float64)
        found: Array = traces - traces.mean(axis=self._axis, keepdims=True)
        return found

    def _scale(self, centred: Array) -> Array:
        found: Array = np.sqrt((centred**2).sum((0, 1)) / (self.draws - self._lost))
        return found

    def _products(self, part: Array) -> tuple[Array, Array]:
        pieces = 1 if self.chains >= 4 else min(-(-BATCHES // self.chains), self.count)
        cuts = np.array_split(np.arange(self.count), pieces)
        means = []
        total = np.zeros((part.shape[2], self.columns))
        for chain in range(self.chains):
            for cut in cuts:
                product = part[chain, cut].T @ self._query[chain, cut]
                total += product
                means.append(product / len(cut))
        spread = np.std(means, axis=0, ddof=1) if len(means) > 1 else np.full_like(total, np.inf)
        return total / (self.draws - self._lost), spread / np.sqrt(len(means))


def between_share(traces: Array) -> Array:
    """(N,): the variance of chain means over the whole variance; near 0 where chains have mixed."""
    traces = np.asarray(traces, dtype=np.float64)
    whole = traces.var(axis=(0, 1))
    between = traces.mean(1).var(axis=0)
    found: Array = np.zeros_like(whole)
    np.divide(between, whole, out=found, where=whole > 0)
    return found
