"""What becomes of a token on which the two engines disagree: strategies over one interface.

k = p_train(y_t; old weights) / p_engine(y_t) of each token (Eq. 2, arXiv 2510.18855): two engines,
one set of weights where the rollout is fresh. It is not the ratio of new to old weights, which the
loss clips. Every strategy gives the factor that a token's loss is multiplied by, a constant for
autograd, and which tokens it keeps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

EDGE = 1e-6  # of log k: bounds are inclusive although exp and log round
MOST = 20.0  # |log k| is cut here, so that exp stays finite
Factor = Literal["ratio", "one"]  # what a kept token is multiplied by: k, or 1


@dataclass(frozen=True, slots=True)
class Gap:
    """The three tensors that a strategy sees, all (B, T).

    train: log p of the trainer with the old weights. engine: log p that the engine drew with.
    valid: which places are tokens of the answer. Computed in fp32 whatever comes in. Where a
    log-probability is absent (NaN, infinite) k is 1, and the token counts as missing.
    """

    train: Tensor
    engine: Tensor
    valid: Tensor

    def __post_init__(self) -> None:
        if not self.train.shape == self.engine.shape == self.valid.shape:
            raise ValueError(
                f"train {tuple(self.train.shape)}, engine {tuple(self.engine.shape)} and valid "
                f"{tuple(self.valid.shape)} must have one shape"
            )

    @property
    def missing(self) -> Tensor:
        """Tokens without both log-probabilities."""
        known = self.train.detach().isfinite() & self.engine.detach().isfinite()
        return self.valid & ~known

    @property
    def logk(self) -> Tensor:
        """log k, within +-MOST; 0 where a number is missing and outside of the answer."""
        made = self.train.detach().float() - self.engine.detach().float()
        return torch.where(made.isfinite() & self.valid, made, 0.0).clamp(-MOST, MOST)


@dataclass(frozen=True, slots=True)
class Weights:
    """factor: (B, T) fp32 without gradient. kept: (B, T), tokens that learn at all."""

    factor: Tensor
    kept: Tensor


class GapMask(Protocol):
    """A strategy: which tokens learn, and with which factor."""

    @property
    def name(self) -> str: ...

    def __call__(self, gap: Gap) -> Weights: ...


@dataclass(frozen=True, slots=True)
class Band:
    """alpha <= k <= beta, both inclusive.

    Raises:
        ValueError: bounds that are negative, reversed or NaN.
    """

    alpha: float = 0.5
    beta: float = 5.0

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= self.beta:
            raise ValueError(f"a band from {self.alpha} to {self.beta}: give 0 <= alpha <= beta")

    def holds(self, logk: Tensor) -> Tensor:
        low, high = (math.log(k) if k > 0 else -math.inf for k in (self.alpha, self.beta))
        return (logk >= low - EDGE) & (logk <= high + EDGE)


@dataclass(frozen=True, slots=True)
class IcePop:
    """M(k) = k inside the band, 0 outside (Eq. 3). factor="one" is the mask without the importance
    weight, which the paper does not use."""

    band: Band = Band()
    factor: Factor = "ratio"
    name: str = "icepop"

    def __call__(self, gap: Gap) -> Weights:
        logk = gap.logk
        return _kept(logk, self.band.holds(logk), self.factor)


@dataclass(frozen=True, slots=True)
class Truncated:
    """TIS: min(k, most). A huge k still learns with `most`, a tiny one with k."""

    most: float = 2.0
    name: str = "tis"

    def __post_init__(self) -> None:
        if not self.most > 0:
            raise ValueError(f"k cannot be cut at {self.most}: give a positive number")

    def __call__(self, gap: Gap) -> Weights:
        logk = gap.logk
        return Weights(logk.exp().clamp(max=self.most), torch.ones_like(logk, dtype=torch.bool))


@dataclass(frozen=True, slots=True)
class KPop:
    """Keeps a token where both binary KL divergences of its two probabilities are at most phi
    (arXiv 2606.15079, 3.2.3): an indicator there, so `factor` is "one" by default."""

    phi: float = 0.1
    factor: Factor = "one"
    name: str = "kpop"

    def __post_init__(self) -> None:
        if not self.phi >= 0:
            raise ValueError(f"phi is {self.phi}: give 0 or more")

    def __call__(self, gap: Gap) -> Weights:
        known = gap.valid & ~gap.missing
        p = torch.where(known, gap.train.detach().float(), -1.0)
        q = torch.where(known, gap.engine.detach().float(), -1.0)
        kept = (binary_kl(p, q) <= self.phi) & (binary_kl(q, p) <= self.phi)
        return _kept(gap.logk, kept, self.factor)


@dataclass(frozen=True, slots=True)
class SequenceMis:
    """Masked importance sampling of whole answers: the answer's ratio where it lies in the band,
    else 0 for all its tokens. of: the "product" of its k (exact, and wide for long answers), or
    their geometric "mean"."""

    band: Band = Band(0.5, 2.0)
    of: Literal["product", "mean"] = "mean"
    name: str = "sequence-mis"

    def __call__(self, gap: Gap) -> Weights:
        logk = gap.logk
        whole = logk.sum(-1, keepdim=True)
        if self.of == "mean":
            whole = whole / gap.valid.sum(-1, keepdim=True).clamp(min=1)
        whole = whole.clamp(-MOST, MOST).expand_as(logk)
        return _kept(whole, self.band.holds(whole), "ratio")


@dataclass(frozen=True, slots=True)
class Everything:
    """No correction of the engine's gap: GRPO with the old log-probabilities of the trainer."""

    name: str = "none"

    def __call__(self, gap: Gap) -> Weights:
        one = torch.ones_like(gap.logk)
        return Weights(one, one.bool())


@dataclass(frozen=True, slots=True)
class OneRatio:
    """A shortcut that is another algorithm: the engine's log-probabilities stand for the old ones,
    so one clipped ratio takes both parts. Here for comparison; see `losses.policy_loss`."""

    name: str = "one-ratio"

    def __call__(self, gap: Gap) -> Weights:
        return Everything()(gap)


def binary_kl(p: Tensor, q: Tensor) -> Tensor:
    """p ln(p/q) + (1-p) ln((1-p)/(1-q)) of log-probabilities p and q; 0 where they are equal."""
    p, q = p.clamp(max=-1e-7), q.clamp(max=-1e-7)
    rest_p, rest_q = torch.log(-torch.expm1(p)), torch.log(-torch.expm1(q))
    return (p.exp() * (p - q) + rest_p.exp() * (rest_p - rest_q)).clamp(min=0)


def _kept(logk: Tensor, kept: Tensor, factor: Factor) -> Weights:
    value = logk.exp() if factor == "ratio" else torch.ones_like(logk)
    return Weights(torch.where(kept, value, 0.0), kept)


MASKS: Mapping[str, GapMask] = {
    mask.name: mask
    for mask in (
        IcePop(),
        IcePop(factor="one", name="icepop-mask"),
        Truncated(),
        KPop(),
        SequenceMis(),
        Everything(),
        OneRatio(),
    )
}
