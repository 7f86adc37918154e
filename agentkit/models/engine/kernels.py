"""Matrix products and attention whose bits do not depend on what else is in the batch.

A library picks another kernel for another number of rows, and another kernel sums in another order.
So a token's logits would depend on its neighbours, and `score` would not give the numbers of
`extend`. What holds here instead: a row's result depends on that row alone, for all shapes that a
`Shapes` admits. Which shapes those are is a property of one processor: probes.py finds them.

Weights are packed once for oneDNN where this torch has the (private) operators for it, which is
also the greatest gain in speed; otherwise plain `F.linear` is used.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 512  # the CPU attention kernel cuts keys into blocks of this many
HEAD_ROWS = 64  # the most rows that go through the head at once
# Row counts that may be used: few enough to probe each, dense where padding would cost most.
GRID = (*range(2, 17), 20, 24, 32, 40, 48, 64, 96, 128, 192, 256, 320, 384, 448, 512)
_RIGHT: set[tuple[torch.Size, torch.dtype, bool]] = set()  # kinds of products found right here


@dataclass(frozen=True, slots=True)
class Shapes:
    """The shapes that all work is cut or padded to.

    rows: row counts that a matrix product may have, ascending. group: the query rows per key-value
    head are a multiple of it. tails: widths that the last block of keys may have. exact: whether
    the probes found them so.
    """

    rows: tuple[int, ...] = GRID
    group: int = 4
    tails: tuple[int, ...] = (64, 128, 192)
    exact: bool = False

    @property
    def chunk(self) -> int:
        """The most rows of a product, also the tokens of a prompt that are read at once."""
        return self.rows[-1]

    def padded(self, n: int) -> int:
        """Rows of the matrix product that carries n rows, n <= chunk."""
        return self.rows[bisect_left(self.rows, n)]

    def width(self, n: int) -> int:
        """The narrowest admitted width of a key-value store for n tokens."""
        whole, rest = divmod(n, BLOCK)
        if not rest and whole:
            return n
        return whole * BLOCK + next((t for t in self.tails if t >= rest), BLOCK)


class Linear(Protocol):
    """x @ weight.T + bias, or with a sum fused in. x: (rows, in); gives (rows, out)."""

    columns: int  # in

    def __call__(self, x: Tensor) -> Tensor: ...

    def plus(self, x: Tensor, other: Tensor) -> Tensor: ...


class PlainLinear:
    """On the weight as it is."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._weight, self._bias = weight, bias
        self.columns = int(weight.shape[1])

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x, self._weight, self._bias)

    def plus(self, x: Tensor, other: Tensor) -> Tensor:
        return self(x) + other


class PackedLinear:
    """On a copy of the weight in oneDNN's own order."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        ops = torch.ops.mkldnn
        self._weight, self._bias = ops._reorder_linear_weight(weight, None), bias
        self._unary, self._binary = ops._linear_pointwise, ops._linear_pointwise.binary
        self.columns = int(weight.shape[1])

    def __call__(self, x: Tensor) -> Tensor:
        return self._unary(x, self._weight, self._bias, "none", [], "")

    def plus(self, x: Tensor, other: Tensor) -> Tensor:
        return self._binary(x, other, self._weight, self._bias, "add")


def linear(weight: Tensor, bias: Tensor | None = None) -> Linear:
    """The fastest Linear that gives right numbers here."""
    weight, bias = weight.detach(), None if bias is None else bias.detach()
    if weight.device.type == "cpu" and weight.dtype in (torch.float32, torch.bfloat16):
        try:
            return _checked(PackedLinear(weight, bias), weight, bias)
        except (AttributeError, NotImplementedError, RuntimeError, TypeError):
            pass  # another torch, another build: the operators are private and may be gone
    return PlainLinear(weight, bias)


def _checked(packed: PackedLinear, weight: Tensor, bias: Tensor | None) -> PackedLinear:
    """Compares the fused forms with the plain ones on two rows, once for each shape."""
    kind = (weight.shape, weight.dtype, bias is None)
    if kind in _RIGHT or weight.shape[0] * weight.shape[1] > 1 << 22:
        return packed  # the same operators were checked on smaller weights
    plain = PlainLinear(weight, bias)
    x = noise(2, packed.columns, weight)
    other = noise(2, int(weight.shape[0]), weight)
    tolerance = 1e-3 if weight.dtype == torch.float32 else 0.1
    for a, b in ((packed(x), plain(x)), (packed.plus(x, other), plain.plus(x, other))):
        if not torch.allclose(a.float(), b.float(), atol=tolerance, rtol=tolerance):
            raise RuntimeError("the packed product is wrong on this machine")
    _RIGHT.add(kind)
    return packed


def attend(q: Tensor, keys: Tensor, values: Tensor, mask: Tensor, group: int) -> Tensor:
    """Softmax attention of grouped queries, the same kernel for one query and for many.

    Queries that share a key-value head are rows of one product, so keys are never repeated.

    Args:
        q: (B, KV, R, D), R query rows for each key-value head.
        keys, values: (B, KV, W, D).
        mask: (B or 1, 1, R or 1, W), 0 where a key is seen and -inf where not.
        group: R is padded with zeros to a multiple of this: a last block of one to three rows goes
            through another kernel.

    Returns:
        (B, KV, R, D)
    """
    rows = q.shape[2]
    if missing := -rows % group:
        q = F.pad(q, (0, 0, 0, missing))
        if mask.shape[2] > 1:
            mask = F.pad(mask, (0, 0, 0, missing))
    if mask.shape[2] == 1:
        mask = mask.expand(-1, -1, q.shape[2], -1)
    return F.scaled_dot_product_attention(q, keys, values, attn_mask=mask)[:, :, :rows]


def causal_mask(ends: Tensor, width: int, per: int, dtype: torch.dtype) -> Tensor:
    """(1, 1, len(ends) * per, width): query i sees the first ends[i] keys, for each of `per`
    heads that share them."""
    return key_mask(ends.repeat_interleave(per), width, dtype)[None, None]


def key_mask(ends: Tensor, width: int, dtype: torch.dtype) -> Tensor:
    """(len(ends), width): 0 for the first ends[i] keys and -inf for the rest."""
    hidden = torch.arange(width, device=ends.device) >= ends[:, None]
    return torch.zeros(hidden.shape, dtype=dtype, device=ends.device).masked_fill_(
        hidden, float("-inf")
    )


def noise(rows: int, columns: int, like: Tensor) -> Tensor:
    made = torch.randn(rows, columns, generator=torch.Generator().manual_seed(rows * 7919))
    return made.to(like.device, like.dtype)
