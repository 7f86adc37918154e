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
    Linear,
    Shapes,
    attend,
    causal_mask,
    noise,
)

RECIPE = 1  # raised when probes, kernels or forward pass change: older findings are not used then
_TAILS = (64, 128, 192, 256, 320, 384, 448)  # widths tried for the last block
_LENGTHS = (
    *(20, 60, 61, 120, 127, 180, 191, 250, 255, 290, 300, 319),
    *(370, 383, 440, 500, 511, 620, 700, 767, 830, 900, 1000, 1100),
)
_COUNTS = (1, 2, 3, 4, 5, 6, 7, 8, 11, 17, 64)  # queries of one head that are read at once
_ELEMENTS = 8192  # compared at each length


def remembered(kind: str, find: Callable[[], Shapes]) -> Shapes:
    """What `find` gives, or gave when it was last asked on this machine.

    Args:
        kind: what besides the machine decides: dtype and sizes of the model.
    """
    path = cache_dir() / "probes" / f"{_key(kind)}.json"
    try:
        found = json.loads(path.read_text())
        return Shapes(**{**found, "tails": tuple(found["tails"])})
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


def probe_linears(linears: Sequence[Linear], like: Tensor) -> tuple[int, int, bool]:
    """(rows, chunk, exact): the widest range of row counts in which no row's bits depend on the
    count or on its place. Fast ranges are tried first; a fixed count is the last resort."""
    for rows, chunk in ((2, 512), (4, 512), (16, 512), (32, 32), (64, 64), (128, 128)):
        if all(_steady(one, rows, chunk, like) for one in linears):
            return rows, chunk, True
    return 4, 512, False


def _steady(one: Linear, rows: int, chunk: int, like: Tensor) -> bool:
    x = noise(chunk, one.columns, like)
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
    """(group, tails, exact): how query rows must be padded, and which widths agree."""
    per, most = heads // kv_heads, max(_COUNTS)
    batch = -(-_ELEMENTS // (heads * size))
    store = noise(batch * 3 * BLOCK * 2 * kv_heads, size, like)
    store = store.view(batch, 3 * BLOCK, 2, kv_heads, size)
    keys, values = store[:, :, 0].transpose(1, 2), store[:, :, 1].transpose(1, 2)
    queries = noise(batch * kv_heads * most * per, size, like)
    queries = queries.view(batch, kv_heads, most * per, size)

    def run(length: int, width: int, count: int, group: int) -> Tensor:
        """The last query of `count`, which sees `length` keys; gives (batch, KV, per, D)."""
        ends = torch.arange(length - count + 1, length + 1, device=like.device)
        mask = causal_mask(ends, width, per, like.dtype)
        q = queries[:, :, (most - count) * per :]
        return attend(q, keys[:, :, :width], values[:, :, :width], mask, group)[:, :, -per:]

    for group in (4, 8, 16):
        aims = {n: run(n, 2 * BLOCK if n <= 2 * BLOCK else 3 * BLOCK, 1, group) for n in _LENGTHS}
        if not all(
            torch.equal(run(n, 3 * BLOCK, count, group), aim)
            for place, (n, aim) in enumerate(aims.items())
            for count in (_COUNTS if place % 3 == 0 else _COUNTS[:1])
            if count <= n
        ):
            continue
        tails = tuple(
            t
            for t in _TAILS
            if all(
                torch.equal(run(n, base + t, 1, group), aim)
                for n, aim in aims.items()
                for base in (0, BLOCK, 2 * BLOCK)
                if n <= base + t  # short rows stand beside long ones
            )
        )
        return group, tails or (BLOCK,), True
    return 4, (64, 128, 192), False
