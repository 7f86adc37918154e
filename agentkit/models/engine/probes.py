"""Probes: which shapes are exact to the bit on this machine, found once and remembered.

Whether a row's bits depend on its neighbours is a property of processor, library and number of
threads. bf16 hides most of a difference by rounding, about one element in ten thousand shows it, so
the probes compare many elements. What they find is kept in the cache folder.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from agentkit.files import cache_dir, write_atomic
from agentkit.models.engine.kernels import (
    BLOCK,
    GRID,
    HEAD_ROWS,
    Linear,
    Shapes,
    attend,
    key_mask,
    noise,
)

RECIPE = 2  # raised when probes, kernels or forward pass change: older findings are not used then
_TAILS = (64, 128, 192, 256, 320, 384, 448)  # widths tried for the last block


def remembered(kind: str, find: Callable[[], Shapes]) -> Shapes:
    """What `find` gives, or gave when it was last asked on this machine.

    Args:
        kind: what besides the machine decides: dtype and sizes of the model.
    """
    path = cache_dir() / "probes" / f"{_key(kind)}.json"
    try:
        found = json.loads(path.read_text())
        return Shapes(**{**found, "rows": tuple(found["rows"]), "tails": tuple(found["tails"])})
    except (OSError, ValueError, TypeError, KeyError):
        pass  # not asked yet, or damaged
    shapes = find()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, json.dumps(asdict(shapes)))
    except OSError:
        pass  # asked again next time
    return shapes


def _key(kind: str) -> str:
    machine = (
        RECIPE,
        torch.__version__,
        torch.backends.cpu.get_cpu_capability(),
        torch.get_num_threads(),
        _processor(),
        kind,
    )
    return hashlib.sha256(repr(machine).encode()).hexdigest()[:20]


def _processor() -> str:
    """Maker, family, model and abilities of the processor, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    kept = ("vendor_id", "cpu family", "model", "stepping", "flags", "features", "cpu part")
    return "\n".join(line for line in lines if line.split(":")[0].strip().lower() in kept)


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
    x = noise(most, one.columns, like)
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
    """(rows, group, tails, exact): the row counts that agree with single queries, what query
    rows must be a multiple of for that, and the widths whose masked end changes no bit.

    Short number formats hide most differences, so more queries are tried in them.

    Args:
        rows: counts that the products admit; the greatest must agree.
    """
    per = heads // kv_heads
    tokens = BLOCK if like.dtype == torch.float32 else 4 * BLOCK
    store = noise(4 * BLOCK * kv_heads, size, like).view(1, 2 * BLOCK, 2, kv_heads, size)
    keys, values = store[:, :, 0].transpose(1, 2), store[:, :, 1].transpose(1, 2)
    queries = noise(tokens * heads, size, like).view(tokens, kv_heads, per, size)
    lengths = torch.randint(1, BLOCK + 1, (tokens,), generator=torch.Generator().manual_seed(3))
    lengths = lengths.to(like.device)

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

    for group in (4, 8, 16):
        alone = run(1, BLOCK, group, lengths)
        agree = [n for n in rows if _prefix(run(n, BLOCK, group, lengths), alone)]
        longer = torch.equal(run(1, 2 * BLOCK, group, lengths), alone)
        if longer and agree and agree[-1] == rows[-1]:
            return tuple(agree), group, tuple(t for t in _TAILS if steady(t, group)), True
    return GRID, 4, (64, 128, 192), False


def _prefix(part: Tensor, whole: Tensor) -> bool:
    return bool(torch.equal(part, whole[: len(part)]))
