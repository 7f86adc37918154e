"""The policy's loss (Eq. 1, arXiv 2510.18855): a clipped ratio of new to old weights, multiplied by
what the gap between the engines leaves of each token.

Three log-probabilities a token: of the engine when it drew, of the trainer before this update, and
of the trainer now. Torch alone; take it into another trainer if you like.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from agentkit_ring_rl.masks import MOST, Gap, GapMask, IcePop, OneRatio, Weights

Mean = Literal["sequence", "token"]


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """N answers of at most T tokens. current: (N, T) with gradient. old, engine: (N, T).
    advantages: (N,), or (N, T). valid: (N, T) bool, the answer's own tokens: no padding, no prompt,
    nothing that a tool wrote. reference: (N, T) of the reference policy, for the KL term.
    """

    current: Tensor
    old: Tensor
    engine: Tensor
    advantages: Tensor
    valid: Tensor
    reference: Tensor | None = None


@dataclass(frozen=True, slots=True)
class PolicyLoss:
    """loss: scalar. clipped: share of tokens whose ratio was clipped with effect. kept: share that
    the mask kept. missing: tokens without a log-probability of the engine or the trainer. kl: mean
    estimate to the reference, 0 without one. weights: what the mask gave."""

    loss: Tensor
    clipped: float
    kept: float
    missing: int
    kl: float
    weights: Weights


def policy_loss(
    batch: TokenBatch,
    mask: GapMask = IcePop(),  # noqa: B008 - frozen
    *,
    clip: tuple[float, float] = (0.2, 0.2),
    mean: Mean = "sequence",
    kl: float = 0.0,
    of: float | None = None,
) -> PolicyLoss:
    """-J of Eq. 1.

    Every token of the answer stays in the divisor, whether the mask kept it or not: |y_i| for
    mean="sequence" (the paper), the batch's tokens for mean="token".

    Args:
        clip: how far the ratio may fall below 1 and rise above it.
        kl: coefficient of KL(now || reference), by the estimate r - ln r - 1; 0 in the paper.
        of: number of answers (or of tokens) that the mean is over, where this batch is a part of
            it; by default this batch's own. A constant gives C3PO's 1 / budget.

    Raises:
        ValueError: shapes that do not fit, or a KL term without a reference.
    """
    shape = batch.current.shape
    if not shape == batch.old.shape == batch.engine.shape == batch.valid.shape:
        raise ValueError(
            f"current {tuple(shape)}, old {tuple(batch.old.shape)}, engine "
            f"{tuple(batch.engine.shape)} and valid {tuple(batch.valid.shape)} must have one shape"
        )
    if kl and batch.reference is None:
        raise ValueError("a KL term needs log-probabilities of the reference policy")
    valid, gap = batch.valid, Gap(batch.old, batch.engine, batch.valid)
    old = batch.engine if isinstance(mask, OneRatio) else batch.old
    weights = mask(gap)
    current = torch.where(valid, batch.current.float(), 0.0)
    # A number that is missing on the old side makes the ratio 1 with a gradient, as on-policy.
    before = torch.where(valid & old.isfinite(), old.float(), current).detach()
    ratio = (current - before).clamp(-MOST, MOST).exp()
    advantage = batch.advantages.float()
    advantage = advantage[:, None].expand(shape) if advantage.ndim == 1 else advantage
    within = ratio.clamp(1 - clip[0], 1 + clip[1])
    plain, clipped = ratio * advantage, within * advantage
    gain = torch.minimum(plain, clipped) * weights.factor
    divergence = torch.zeros_like(gain)
    if batch.reference is not None:
        ahead = torch.where(valid, batch.reference.float() - current, 0.0).clamp(-MOST, MOST)
        divergence = ahead.exp() - ahead - 1
        gain = gain - kl * divergence
    tokens = valid.sum()
    gain = torch.where(valid, gain, 0.0)
    if mean == "sequence":
        total = (gain.sum(-1) / valid.sum(-1).clamp(min=1)).sum()
        count: Tensor | float = float(len(gain))
    else:
        total, count = gain.sum(), tokens.clamp(min=1)
    share = tokens.clamp(min=1)
    return PolicyLoss(
        loss=-total / (count if of is None else of),
        clipped=float((valid & (clipped < plain)).sum() / share),
        kept=float((valid & weights.kept).sum() / share),
        missing=int(gap.missing.sum()),
        kl=float((divergence * valid).sum().detach() / share),
        weights=weights,
    )
