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

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 512  # the CPU attention kernel cuts keys into blocks of this many
TAILS = (64, 128, 192, 256, 320, 384, 448)  # widths tried for the last block
HEAD_ROWS = 64  # the most rows that go through the head at once
# Row counts that are tried: few enough to probe each, dense where padding would cost most.
GRID = (*range(2, 17), 20, 24, 32, 40, 48, 64, 96, 128, 192, 256, 320, 384, 448, 512)


@dataclass(frozen=True, slots=True)
class Shapes:
    """The shapes that all work is cut or padded to.

    rows: row counts that a matrix product may have, ascending. group: the fewest query rows per
    key-value head. tails: widths that the last block of keys may have. exact: whether the probes
    found them to be exact.
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


def probe_linears(
    linears: Sequence[Linear], head: Linear, like: Tensor
) -> tuple[tuple[int, ...], bool]:
    """(rows, exact): the row counts in which no row's bits depend on the count or on its place.

    Every count that will be used is tried: kernels treat the last rows of a product in another way,
    and which ones those are follows no rule that holds on all processors. Where small counts
    disagree with large ones, less is read at once; one fixed count is the last resort.

    Args:
        linears: all shapes of a layer. head: is given HEAD_ROWS rows at most.
    """
    for most in (GRID[-1], HEAD_ROWS, 32):
        rows = [n for n in GRID if n <= most]
        for one in linears:
            rows = _steady(one, rows, most, like)
        small = [n for n in rows if n <= HEAD_ROWS]
        kept = _steady(head, small, min(most, HEAD_ROWS), like)
        rows = [n for n in rows if n in kept or n > HEAD_ROWS]
        if rows and rows[-1] == most and (rows[0] <= 16 or most == 32):
            return tuple(rows), True
    return GRID, False


def _steady(one: Linear, counts: Sequence[int], most: int, like: Tensor) -> list[int]:
    """Those of the counts that give a row the bits which it has among `most` rows; none where those
    depend on the place among them."""
    x = _noise(most, one.columns, like)
    whole = one(x)
    if not torch.equal(one(x.flip(0).contiguous()).flip(0), whole):
        return []
    return [
        n
        for n in counts
        if torch.equal(one(x[:n].contiguous()), whole[:n])
        and torch.equal(one(x[most - n :].contiguous()), whole[most - n :])
    ]


def probe_attention(
    heads: int, kv_heads: int, size: int, rows: Sequence[int], like: Tensor
) -> tuple[tuple[int, ...], int, tuple[int, ...], bool]:
    """(rows, group, tails, exact): the row counts that agree with single queries, how far query
    rows must be padded for that, and the widths whose masked end changes no bit.

    Short number formats hide most differences, so more queries are tried in them.

    Args:
        rows: counts that the products admit; the greatest must agree.
    """
    per = heads // kv_heads
    tokens = BLOCK if like.dtype == torch.float32 else 4 * BLOCK
    store = _noise(4 * BLOCK * kv_heads, size, like).view(1, 2 * BLOCK, 2, kv_heads, size)
    keys, values = store[:, :, 0].transpose(1, 2), store[:, :, 1].transpose(1, 2)
    queries = _noise(tokens * heads, size, like).view(tokens, kv_heads, per, size)
    lengths = torch.randint(1, BLOCK + 1, (tokens,), generator=torch.Generator().manual_seed(3))

    def run(count: int, width: int, group: int, ends: Tensor) -> Tensor:
        """All queries, `count` of them at once, each seeing its first keys: (tokens, KV, per, D),
        less what does not fill a count."""
        many = tokens // count
        q = queries[: many * count].unflatten(0, (many, count)).transpose(1, 2).flatten(2, 3)
        mask = key_mask(ends[: many * count].repeat_interleave(per), width, like.dtype)
        mask = mask.view(many, 1, count * per, width)
        k, v = (x[:, :, :width].expand(many, -1, -1, -1) for x in (keys, values))
        seen = attend(q, k, v, mask, group)
        return seen.unflatten(2, (count, per)).transpose(1, 2).flatten(0, 1)

    def steady(tail: int, group: int) -> bool:
        short = lengths.clamp(max=tail)
        return all(
            torch.equal(
                run(count, base + tail, group, base + short),
                run(count, base + BLOCK, group, base + short),
            )
            for count in (1, rows[-1])
            for base in (0, BLOCK)
        )

    lengths = lengths.to(like.device)
    for group in sorted({per, max(per, 4), max(per, 8), max(per, 16)}):
        alone = run(1, BLOCK, group, lengths)
        agree = [n for n in rows if _prefix(run(n, BLOCK, group, lengths), alone)]
        longer = torch.equal(run(1, 2 * BLOCK, group, lengths), alone)
        if longer and agree and agree[-1] == rows[-1]:
            return tuple(agree), group, tuple(t for t in TAILS if steady(t, group)), True
    return GRID, max(per, 4), (64, 128, 192), False


def _prefix(part: Tensor, whole: Tensor) -> bool:
    return bool(torch.equal(part, whole[: len(part)]))


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
