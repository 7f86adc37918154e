"""Attention heads that compare two counts, and heads that make them (Gurnee et al., "Boundary
heads", "Counting heads").

A boundary head turns the curve of the count onto that of the line's width, shifted: in its key
space count i meets width i + offset. All is read from the weights, with the norm's gain folded in
and query heads mapped to their shared key heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from agentkit_manifolds.ringing import cosines
from agentkit_manifolds.sites import Layer, layers

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Head:
    """query, key: (head width, d), with the norm's gain in them. group: the key head it shares.
    frequencies: (head width / 2,) of its rotary embedding, None where it has none."""

    layer: int
    number: int
    group: int
    query: Floats
    key: Floats
    frequencies: Floats | None

    def queries(self, points: Floats, distance: Floats | float = 0.0) -> Floats:
        """(n, head width) queries of points (n, d), turned as `distance` tokens after the key."""
        return self._turned(points @ self.query.T, distance)

    def keys(self, points: Floats) -> Floats:
        """(n, head width)."""
        found: Floats = points @ self.key.T
        return found

    def _turned(self, rows: Floats, distance: Floats | float) -> Floats:
        if self.frequencies is None:
            return rows
        angle = np.multiply.outer(np.broadcast_to(distance, len(rows)), self.frequencies)
        half = rows.shape[1] // 2  # the layout of Llama: first halves with second halves
        a, b, c, s = rows[:, :half], rows[:, half:], np.cos(angle), np.sin(angle)
        return np.concatenate([a * c - b * s, b * c + a * s], axis=1)


def heads(module: nn.Module, only: Sequence[int] = ()) -> list[Head]:
    """The heads of some layers, all if none are named."""
    found = layers(module)
    rotary = next((m.inv_freq for m in module.modules() if hasattr(m, "inv_freq")), None)
    frequencies = None if rotary is None else _numbers(rotary)
    return [head for n in (only or range(len(found))) for head in _heads(found[n], n, frequencies)]


def _heads(layer: Layer, number: int, frequencies: Floats | None) -> list[Head]:
    gain = getattr(layer.norm, "weight", None)
    query, key = (_numbers(getattr(layer.attention, n).weight) for n in ("q_proj", "k_proj"))
    if gain is not None:
        shift = 1.0 if "gemma" in type(layer.norm).__name__.lower() else 0.0
        scale = _numbers(gain) + shift  # Gemma keeps gain - 1
        query, key = query * scale, key * scale
    width = int(layer.attention.head_dim)
    count, shared = len(query) // width, len(key) // width
    made = []
    for head in range(count):
        group = head * shared // count
        made.append(
            Head(
                number,
                head,
                group,
                query[head * width : (head + 1) * width],
                key[group * width : (group + 1) * width],
                frequencies,
            )
        )
    return made


def _numbers(tensor: Tensor) -> Floats:
    found: Floats = tensor.detach().double().cpu().numpy()
    return found


@dataclass(frozen=True, slots=True)
class Boundary:
    """How a head compares counts with widths. offset: bins by which width exceeds count where they
    fit best. peak: mean cosine there, less the median over offsets. null: 95th percentile of the
    peak with the counts shuffled. cosine: (counts, widths) in its key space. best: the largest
    single cosine; plain: the largest before query and key (without any head)."""

    layer: int
    head: int
    offset: int
    peak: float
    null: float
    best: float
    plain: float
    cosine: Floats

    @property
    def found(self) -> bool:
        """The rule: above shuffled counts, with the width beyond the count."""
        return self.peak > self.null and self.offset > 0


def boundary(
    head: Head,
    counts: Floats,
    widths: Floats,
    distances: Floats | float = 0.0,
    *,
    offsets: range = range(-8, 16),
    shuffles: int = 100,
    seed: int = 0,
) -> Boundary:
    """s(Δ) = mean over i of cos(W_Q count_i, W_K width_{i + Δ}).

    Args:
        counts, widths: (bins, d) centred means, or probe directions, of the same bins.
        distances: tokens between key and query for each count, for rotary embeddings.
        offsets: in bins.
    """
    q, k = head.queries(counts, distances), head.keys(widths)
    cosine = _cosine(q, k)
    rng = np.random.default_rng(seed)
    sums = _offsets(cosine, offsets)
    best = max(sums, key=lambda d: sums[d])
    middle = float(np.median(list(sums.values())))
    null = []
    for _ in range(shuffles):
        drawn = _offsets(cosine[rng.permutation(len(cosine))], offsets)
        null.append(max(drawn.values()) - float(np.median(list(drawn.values()))))
    return Boundary(
        head.layer,
        head.number,
        best,
        sums[best] - middle,
        float(np.quantile(null, 0.95)),
        float(cosine.max()),
        float(_cosine(counts, widths).max()),
        cosine,
    )


def _cosine(a: Floats, b: Floats) -> Floats:
    found: Floats = cosines(np.concatenate([a, b]))[: len(a), len(a) :]
    return found


def _offsets(cosine: Floats, offsets: range) -> dict[int, float]:
    least = max(3, len(cosine) // 3)
    made = {d: np.diagonal(cosine, d) for d in offsets}
    return {d: float(row.mean()) for d, row in made.items() if len(row) >= least}


def ranked(found: Sequence[Boundary]) -> list[Boundary]:
    """Those with the clearest match first; heads that look back (offset <= 0) come last."""
    return sorted(found, key=lambda b: (b.offset > 0, b.peak - b.null), reverse=True)


@dataclass(frozen=True, slots=True)
class Sink:
    """Attention to the last newline by tokens since it: `high` for `hold` tokens, then falling
    evenly for `fall` tokens to `low`. error: root mean square of the fit."""

    high: float
    low: float
    hold: int
    fall: int
    error: float


def sink(attention: Floats) -> Sink:
    """Fits a head's attention to the last newline, by tokens since it, (n,)."""
    count = np.arange(len(attention))
    best: Sink | None = None
    for hold in range(len(attention)):
        for fall in range(1, len(attention) - hold + 1):
            share = np.clip((hold + fall - count) / fall, 0, 1)  # 1, then down to 0
            design = np.stack([share, 1 - share], axis=1)
            (high, low), *_ = np.linalg.lstsq(design, attention, rcond=None)
            error = float(np.sqrt(((design @ [high, low] - attention) ** 2).mean()))
            if best is None or error < best.error - 1e-9:
                best = Sink(float(high), float(low), hold, fall, error)
    assert best is not None
    return best


def to_newline(
    weights: Tensor, index: NDArray[np.int64], origin: NDArray[np.int64], longest: int
) -> tuple[Floats, Floats]:
    """Sums over tokens of one sequence: (heads, longest) attention to the last newline by tokens
    since it, and (longest,) how many tokens there were.

    Args:
        weights: (heads, T, T). index: (T,) tokens since the newline. origin: (T,) where it is.
    """
    total, count = np.zeros((len(weights), longest)), np.zeros(longest)
    rows = np.nonzero((origin >= 0) & (index < longest))[0]
    taken = _numbers(weights[:, torch.from_numpy(rows), torch.from_numpy(origin[rows])])
    np.add.at(total.T, index[rows], taken.T)
    np.add.at(count, index[rows], 1)
    return total, count
