"""What the engines disagree on, measured on every batch: enough to choose a mask with data.

The ratio k mixes two causes. Tokens that the engine drew with the present weights show the engine's
own gap; tokens that older weights drew show staleness on top. They are told apart by version.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from agentkit_ring_rl.masks import MASKS, Gap, GapMask, Weights

EDGES = (0.1, 0.2, 0.4, 0.5, 0.8, 1 / 1.01, 1.01, 1.25, 2.0, 2.5, 5.0, 10.0)  # of k
FAILING = 0.05  # a mean gap of probabilities above this: training is said to fail from here


@dataclass(frozen=True, slots=True)
class GapReport:
    """values: one number a name, for logs. engine, stale: counts of k between EDGES, of tokens that
    the present weights drew and of those that older ones drew. positions: mean |log k| by place in
    the answer. would_mask: share of tokens that each strategy would drop, whichever is in use."""

    values: Mapping[str, float]
    engine: tuple[int, ...]
    stale: tuple[int, ...]
    positions: tuple[float, ...]
    would_mask: Mapping[str, float]


def gap_report(
    gap: Gap,
    weights: Weights,
    versions: Tensor,
    version: int,
    entropy: Tensor | None = None,
    masks: Mapping[str, GapMask] = MASKS,
) -> GapReport:
    """Of one batch, all tensors (N, T).

    Args:
        weights: what the strategy in use gave.
        versions: of the weights that drew each token.
        version: of the weights that the trainer started this update with.
        entropy: of the trainer's distribution at each token, in nats.
    """
    logk, valid = gap.logk, gap.valid
    known = valid & ~gap.missing
    away = logk.abs()
    p, q = gap.train.detach().float().exp(), gap.engine.detach().float().exp()
    fresh, old = known & (versions == version), known & (versions < version)
    dropped = valid & ~weights.kept
    values = {
        "gap_mean": _mean(away, known),
        "gap_max": float(away[known].max()) if bool(known.any()) else 0.0,
        "gap_engine": _mean(away, fresh),
        "gap_stale": _mean(away, old),
        "gap_probability": _mean((p - q).abs(), known),
        # KL(engine || train), by the estimate that is never negative: k - 1 - ln k.
        "kl_engine_train": _mean(logk.exp() - 1 - logk, known),
        "logp_train": _mean(gap.train.detach().float(), known),
        "stale_share": _share(old, valid),
        "masked_share": _share(dropped, valid),
        "missing": float(gap.missing.sum()),
    }
    if entropy is not None:
        values["entropy"] = _mean(entropy.float(), valid)
        values["entropy_masked"] = _mean(entropy.float(), dropped)
    count = known.sum(0)
    sums = torch.where(known, away, 0.0).sum(0)
    places = [float(s / n) if n else 0.0 for s, n in zip(sums, count)]
    return GapReport(
        values,
        _histogram(logk[fresh]),
        _histogram(logk[old]),
        tuple(places),
        {name: _share(valid & ~mask(gap).kept, valid) for name, mask in masks.items()},
    )


def _histogram(logk: Tensor) -> tuple[int, ...]:
    edges = torch.tensor([math.log(edge) for edge in EDGES])
    places = torch.bucketize(logk.float().cpu(), edges)
    return tuple(torch.bincount(places, minlength=len(EDGES) + 1).tolist())


def _mean(values: Tensor, where: Tensor) -> float:
    return float(values[where].mean()) if bool(where.any()) else 0.0


def _share(some: Tensor, of: Tensor) -> float:
    return float(some.sum() / of.sum().clamp(min=1))
