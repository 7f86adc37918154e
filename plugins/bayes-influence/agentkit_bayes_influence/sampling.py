"""Langevin chains in the local posterior: plain SGLD, RMSprop-SGLD, MALA.

Plain:    w += -(e/2) (nbeta g + gamma (w - w*)) + sqrt(e) xi,  g of a batch's mean loss.
RMSprop:  the same with e G for e, G = 1 / (sqrt(V) + damp), V a mean of g^2. V moves in the burn-in
          alone: with a moving V the law is another one, since the term of dG/dw is left out.
MALA:     full batches, each step accepted or not, so that the law is exact at any e.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from agentkit.errors import DataError, UsageError
from agentkit.seeds import derive
from agentkit.settings import PartSettings
from agentkit_bayes_influence.posterior import Posterior

STABLE = 4.0  # epsilon * lambda from which full-batch Langevin grows without end


class Sampling(PartSettings):
    """How chains run.

    chains, draws, thin: what is kept: every `thin`-th step of each chain. burn_in: steps before;
    none: 2 / (epsilon * gamma), which shorter ones are refused below unless `force`. epsilon: step
    size; none: `step` / lambda_max of nbeta * Hessian + gamma. gamma: pull to w*; none: so that, by
    it alone, chains stay within `radius` * |w*| of w*. nbeta: n * beta; none: the number of
    examples (beta = 1); "batch/log": batch / ln(batch), as devinterp has it. batch: examples of a
    step; 0, or more than there are: all. preconditioner, alpha, damp: of RMSprop. mala: accept or
    reject.
    """

    chains: int = Field(default=4, ge=1)
    draws: int = Field(default=200, ge=2)
    thin: int = Field(default=1, ge=1)
    burn_in: int | None = Field(default=None, ge=0)
    epsilon: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    step: float = Field(default=0.2, gt=0, lt=STABLE)
    gamma: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    radius: float = Field(default=0.1, gt=0, allow_inf_nan=False)
    nbeta: float | Literal["batch/log"] | None = None
    batch: int = Field(default=0, ge=0)
    preconditioner: Literal["none", "rmsprop"] = "none"
    alpha: float = Field(default=0.99, gt=0, lt=1)
    damp: float = Field(default=0.1, gt=0)
    mala: bool = False
    seed: int = 0
    force: bool = False


@dataclass(frozen=True)
class Resolved:
    """What a run really uses. drift, noise: lengths of one step's two terms at w*."""

    epsilon: float
    gamma: float
    nbeta: float
    batch: int
    burn_in: int
    curvature: float
    drift: float
    noise: float

    def told(self) -> str:
        return (
            f"epsilon {self.epsilon:.3g} (epsilon * lambda_max "
            f"{self.epsilon * self.curvature:.2f}), gamma {self.gamma:.4g}, n * beta "
            f"{self.nbeta:g}, batch {self.batch}, burn-in {self.burn_in} steps; a step at w* "
            f"drifts {self.drift:.2g} and is thrown {self.noise:.2g}"
        )


@dataclass(frozen=True)
class Draw:
    """Weights (C, d) of all chains at one kept step. accepted: share of steps since the start."""

    index: int
    weights: Tensor
    accepted: float


def resolve(posterior: Posterior, wanted: Sampling) -> Resolved:
    """Puts numbers where rules stand.

    Raises:
        UsageError: the step is too long for the curvature, the burn-in too short, or settings
            exclude one another.
    """
    n = len(posterior.items)
    batch = min(wanted.batch or n, n)
    if wanted.mala and (batch < n or wanted.preconditioner != "none"):
        raise UsageError("mala: needs batch = 0 and no preconditioner", "leave one of them out")
    if wanted.nbeta == "batch/log":
        nbeta = batch / math.log(max(batch, 2))
    else:
        nbeta = float(n if wanted.nbeta is None else wanted.nbeta)
    if nbeta < 0:
        raise UsageError(f"nbeta: {nbeta} is negative", "0 or more")
    gamma = wanted.gamma
    if gamma is None:
        length = float(posterior.centre.norm()) or 1.0
        gamma = posterior.dimension / (wanted.radius * length) ** 2
    rms = wanted.preconditioner == "rmsprop"
    if rms and wanted.epsilon is None:
        raise UsageError("epsilon: is to be given with rmsprop", "the rule is for plain steps")
    curvature = 0.0 if rms else posterior.curvature(nbeta, gamma)
    epsilon = wanted.epsilon or wanted.step / curvature
    if epsilon * curvature >= STABLE:
        raise UsageError(
            f"epsilon: {epsilon:g} times lambda_max {curvature:.3g} is {STABLE:g} or more, where "
            "chains grow without end",
            f"take {0.2 / curvature:.2g} or leave it out",
        )
    least = math.ceil(2 / (epsilon * gamma))
    burn_in = least if wanted.burn_in is None else wanted.burn_in
    if burn_in < least and not (wanted.force or rms):
        raise UsageError(
            f"burn_in: {burn_in} steps; 2 / (epsilon * gamma) is {least}",
            "raise burn_in or gamma, or say force = true",
        )
    rows = torch.arange(n)[None]
    drift = epsilon / 2 * nbeta * float(posterior.gradient(posterior.centre[None], rows).norm())
    noise = math.sqrt(epsilon * posterior.dimension)
    return Resolved(epsilon, gamma, nbeta, batch, burn_in, curvature, drift, noise)


def draws(
    posterior: Posterior,
    wanted: Sampling,
    use: Resolved,
    chains: range,
    on_step: Callable[[int, int], None] = lambda step, total: None,
) -> Iterator[Draw]:
    """Chains of these numbers, side by side; each has a random stream of its own.

    Raises:
        DataError: a chain ran away.
    """
    noises = [torch.Generator().manual_seed(derive(wanted.seed, "chain", c)) for c in chains]
    count, n, d = len(chains), len(posterior.items), posterior.dimension
    weights = posterior.centre.repeat(count, 1)
    everything = torch.arange(n).repeat(count, 1)
    second: Tensor | None = None
    accepted = 0.0

    def force(at: Tensor, g: Tensor) -> Tensor:
        return use.nbeta * g + use.gamma * (at - posterior.centre)

    def thrown() -> Tensor:
        return torch.stack([torch.randn(d, generator=noise) for noise in noises])

    total = use.burn_in + wanted.draws * wanted.thin
    state = _State(posterior, use, weights, everything) if wanted.mala else None
    for step in range(1, total + 1):
        if state is not None:
            accepted += state.step(thrown(), [torch.rand((), generator=noise) for noise in noises])
            weights = state.weights
        else:
            rows = everything
            if use.batch < n:
                rows = torch.stack(
                    [torch.randperm(n, generator=noise)[: use.batch] for noise in noises]
                )
            g = posterior.gradient(weights, rows)
            rate: Tensor | float = use.epsilon
            if wanted.preconditioner == "rmsprop":
                if second is None:
                    second = g.square()
                elif step <= use.burn_in:
                    second = wanted.alpha * second + (1 - wanted.alpha) * g.square()
                rate = use.epsilon / (second.sqrt() + wanted.damp)
            root = rate.sqrt() if isinstance(rate, Tensor) else math.sqrt(rate)
            weights = weights - rate / 2 * force(weights, g) + root * thrown()
        on_step(step, total)
        kept = step - use.burn_in
        if (kept > 0 and kept % wanted.thin == 0) or step % 100 == 0:
            fine = weights.isfinite().all(1)
            if not fine.all():
                raise DataError(
                    f"chain {chains[int((~fine).nonzero()[0])]} ran away by step {step}",
                    f"epsilon {use.epsilon:g} is too long for it: halve it, or raise gamma",
                )
        if kept > 0 and kept % wanted.thin == 0:
            share = accepted / step if wanted.mala else 1.0
            yield Draw(kept // wanted.thin - 1, weights, share)


class _State:
    """Metropolis-adjusted Langevin: where the chains are, with energy and force there."""

    def __init__(self, posterior: Posterior, use: Resolved, weights: Tensor, rows: Tensor) -> None:
        self._posterior, self._use, self._rows = posterior, use, rows
        self.weights = weights
        self._energy, self._force = self._look(weights)

    def _look(self, at: Tensor) -> tuple[Tensor, Tensor]:
        use, posterior = self._use, self._posterior
        pull = use.gamma * (at - posterior.centre)
        force = use.nbeta * posterior.gradient(at, self._rows) + pull
        return posterior.energy(at, use.nbeta, use.gamma), force

    def step(self, thrown: Tensor, chances: list[Tensor]) -> float:
        """One proposal for each chain; gives the share that was accepted."""
        e = self._use.epsilon
        there = self.weights - e / 2 * self._force + math.sqrt(e) * thrown
        energy, force = self._look(there)
        forth = (there - self.weights + e / 2 * self._force).square().sum(1) / (2 * e)
        back = (self.weights - there + e / 2 * force).square().sum(1) / (2 * e)
        taken = torch.stack(chances).log() < self._energy - energy + forth - back
        self.weights = torch.where(taken[:, None], there, self.weights)
        self._energy = torch.where(taken, energy, self._energy)
        self._force = torch.where(taken[:, None], force, self._force)
        return float(taken.float().mean())
