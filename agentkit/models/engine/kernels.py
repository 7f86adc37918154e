"""Matrix products and attention whose bits do not depend on what else is in the batch.

A library picks another kernel for another number of rows, and another kernel sums in another order.
So a token's logits would depend on its neighbours, and `score` would not give the numbers of
`extend`. What holds here instead: a row's result depends on that row alone, for all shapes that a
`Shapes` admits. Which shapes those are is a property of one processor, so `probe_*` finds them when
a model is opened.

Weights are packed once for oneDNN where this torch has the (private) operators for it, which is
also the greatest gain in speed; otherwise plain `F.linear` is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 512  # the CPU attention kernel cuts keys into blocks of this many
TAILS = (64, 128, 192, 256, 320, 384, 448)  # widths tried for the last block
HEAD_ROWS = 64  # the most rows that go through the head at once


@dataclass(frozen=True, slots=True)
class Shapes:
    """The shapes that all work is cut or padded to.

    rows: the fewest rows of a matrix product. chunk: the most rows of one, also the tokens of a
    prompt that are read at once. group: the fewest query rows per key-value head. tails: widths
    that the last block of keys may have. exact: whether the probes found them to be exact.
    """

    rows: int = 4
    chunk: int = 512
    group: int = 4
    tails: tuple[int, ...] = (64, 128, 192)
    exact: bool = False

    def padded(self, n: int) -> int:
        """Rows of the matrix product that carries n rows."""
        return max(n, self.rows)

    def width(self, n: int) -> int:
        """The narrowest admitted width of a key-value store for n tokens."""
        whole, rest = divmod(n, BLOCK)
        if not rest:
            return n or self.tails[0]
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
    """Compares the fused forms with the plain ones on two rows."""
    if weight.shape[0] * weight.shape[1] > 1 << 22:
        return packed  # the same operators were checked on the smaller weights
    plain = PlainLinear(weight, bias)
    x = _noise(2, packed.columns, weight)
    other = _noise(2, int(weight.shape[0]), weight)
    tolerance = 1e-3 if weight.dtype == torch.float32 else 0.1
    for a, b in ((packed(x), plain(x)), (packed.plus(x, other), plain.plus(x, other))):
        if not torch.allclose(a.float(), b.float(), atol=tolerance, rtol=tolerance):
            raise RuntimeError("the packed product is wrong on this machine")
    return packed


def attend(q: Tensor, keys: Tensor, values: Tensor, mask: Tensor, group: int) -> Tensor:
    """Softmax attention of grouped queries, the same kernel for one query and for many.

    Queries that share a key-value head are rows of one product, so keys are never repeated.

    Args:
        q: (B, KV, R, D), R query rows for each key-value head.
        keys, values: (B, KV, W, D).
        mask: (B or 1, 1, R or 1, W), 0 where a key is seen and -inf where not.
        group: R is padded with zeros to at least this.

    Returns:
        (B, KV, R, D)
    """
    rows = q.shape[2]
    if rows < group:
        q = F.pad(q, (0, 0, 0, group - rows))
        if mask.shape[2] > 1:
            mask = F.pad(mask, (0, 0, 0, group - rows))
    if mask.shape[2] == 1:
        mask = mask.expand(-1, -1, q.shape[2], -1)
    return F.scaled_dot_product_attention(q, keys, values, attn_mask=mask)[:, :, :rows]


# -- probes: which shapes are exact on this machine -----------------------------------------------


def probe_linears(linears: Sequence[Linear], like: Tensor) -> tuple[int, int, bool]:
    """(rows, chunk, exact): the widest range of row counts in which no row's bits depend on the
    count or on its place. Fast ranges are tried first; a fixed count is the last resort."""
    for rows, chunk in ((2, 512), (4, 512), (16, 512), (32, 32), (64, 64), (128, 128)):
        if all(_steady(one, rows, chunk, like) for one in linears):
            return rows, chunk, True
    return 4, 512, False


def _steady(one: Linear, rows: int, chunk: int, like: Tensor) -> bool:
    x = _noise(chunk, one.columns, like)
    whole = one(x)
    counts = [n for n in (*range(rows, 10), 12, 15, 16, 17, 31, 33, 64, 100, 128) if n >= rows]
    for n in (c for c in counts if c <= chunk):
        if not torch.equal(one(x[:n].contiguous()), whole[:n]):
            return False
        if n < chunk and not torch.equal(one(x[chunk - n :].contiguous()), whole[chunk - n :]):
            return False
    return bool(torch.equal(one(x.flip(0).contiguous()).flip(0), whole))


def probe_attention(
    heads: int, kv_heads: int, size: int, like: Tensor
) -> tuple[int, tuple[int, ...], bool]:
    """(group, tails, exact): how far query rows must be padded, and which widths agree."""
    per = heads // kv_heads
    store = _noise(3 * BLOCK * 2 * kv_heads, size, like).view(1, 3 * BLOCK, 2, kv_heads, size)
    keys, values = store[:, :, 0].transpose(1, 2), store[:, :, 1].transpose(1, 2)
    queries = _noise(kv_heads * 72 * per, size, like).view(1, kv_heads, 72 * per, size)

    def run(length: int, width: int, count: int, group: int) -> Tensor:
        """The last query of `count`, which sees `length` keys; gives (KV, per, D)."""
        ends = torch.arange(length - count + 1, length + 1, device=like.device)
        mask = causal_mask(ends, width, per, like.dtype)
        q = queries[:, :, (72 - count) * per :]
        out = attend(q, keys[:, :, :width], values[:, :, :width], mask, group)
        return out[0, :, -per:]

    lengths = (20, 60, 120, 180, 250, 300, 370, 500, 620, 700, 900, 1100)
    for group in sorted({per, max(per, 4), max(per, 8), max(per, 16)}):
        aims = {n: run(n, 2 * BLOCK if n <= 2 * BLOCK else 3 * BLOCK, 1, group) for n in lengths}
        if not all(
            torch.equal(run(n, 3 * BLOCK, count, group), aim)
            for n, aim in aims.items()
            for count in (1, 2, 3, 8, 17, 64)
            if count <= n
        ):
            continue
        tails = tuple(
            t
            for t in TAILS
            if all(
                torch.equal(run(n, base + t, 1, group), aim)
                for n, aim in aims.items()
                for base in (0, BLOCK, 2 * BLOCK)
                if n <= base + t
            )
        )
        return group, tails or (BLOCK,), True
    return max(per, 4), (64, 128, 192), False


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


def _noise(rows: int, columns: int, like: Tensor) -> Tensor:
    made = torch.randn(rows, columns, generator=torch.Generator().manual_seed(rows * 7919))
    return made.to(like.device, like.dtype)
