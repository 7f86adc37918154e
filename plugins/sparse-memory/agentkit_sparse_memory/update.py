"""Moves the chosen rows and no other, to the bit.

The gradient of the table is sparse: rows for what was read. It is cut down to the chosen rows, so a
step costs what those cost, however large the table is. Plain SGD with the paper's rate does nothing
to values that start at zero (the gradient of a row is about the loss's by tokens and by k), and a
rate that fits one model fits no other. So steps are measured in lengths that the model knows:

    unit = the median length of what the feed-forward layer beside the memory writes
    row -= rate * unit * g / (root mean square length of the chosen rows' gradients)      "scaled"
    row -= rate * unit * g / |g|                                                         "rows"
    row -= rate * g                                                                      "plain"

which of them: `normalise`. A rate of 0.1 moves a row by a tenth of what the layer itself writes.
The rate falls to nothing over the steps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from agentkit_sparse_memory.settings import Normalise

TINY = 1e-20


class RowOptimizer(Protocol):
    def step(self, values: Tensor, rows: Tensor, gradient: Tensor, rate: float) -> None:
        """Changes values[rows] in place. rows: (n,), each once; gradient: (n, d_v)."""
        ...


@dataclass(slots=True)
class Sgd:
    """momentum: remembered for each row, and used only where that row is chosen again: rows of
    earlier steps do not go on moving."""

    unit: float = 1.0
    normalise: Normalise = "rows"
    momentum: float = 0.0
    _velocity: dict[int, Tensor] = field(default_factory=dict)

    def step(self, values: Tensor, rows: Tensor, gradient: Tensor, rate: float) -> None:
        if self.normalise == "rows":
            gradient = gradient / gradient.norm(dim=1, keepdim=True).clamp_min(TINY)
        elif self.normalise == "scaled":
            gradient = gradient / gradient.pow(2).sum(1).mean().sqrt().clamp_min(TINY)
        scale = rate if self.normalise == "plain" else rate * self.unit
        if self.momentum:
            gradient = gradient.clone()
            for place, row in enumerate(rows.tolist()):
                if (old := self._velocity.get(row)) is not None:
                    gradient[place] += self.momentum * old
                self._velocity[row] = gradient[place]
        values.index_add_(0, rows, gradient.to(values.dtype), alpha=-scale)


@dataclass(slots=True)
class SparseAdam:
    """Adam whose moments live, like the steps, in the chosen rows alone (torch.optim.SparseAdam's
    rule, with moments for the touched rows only instead of two tables)."""

    unit: float = 1.0
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    _state: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    _steps: int = 0

    def step(self, values: Tensor, rows: Tensor, gradient: Tensor, rate: float) -> None:
        self._steps += 1
        one, two = self.betas
        zero = torch.zeros_like(gradient[0])
        old = [self._state.get(row, (zero, zero)) for row in rows.tolist()]
        mean = torch.stack([m for m, _ in old]).lerp(gradient, 1 - one)
        square = torch.stack([s for _, s in old]).lerp(gradient.pow(2), 1 - two)
        for row, m, s in zip(rows.tolist(), mean, square):
            self._state[row] = (m, s)
        step = mean / (1 - one**self._steps)
        step /= (square / (1 - two**self._steps)).sqrt() + self.eps
        # A row moves by about sqrt(d) times the rate of one number.
        scale = rate * self.unit / gradient.shape[1] ** 0.5
        values.index_add_(0, rows, step.to(values.dtype), alpha=-scale)


def gradient_rows(values: Tensor) -> tuple[Tensor, Tensor]:
    """(rows, gradient) of a table after backward, and the gradient is gone from it."""
    sparse = values.grad
    values.grad = None
    if sparse is None:
        empty = torch.zeros(0, dtype=torch.long, device=values.device)
        return empty, values.new_zeros(0, values.shape[1])
    sparse = sparse.coalesce()
    return sparse.indices()[0], sparse.values()


def pick(rows: Tensor, gradient: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Those of the rows that were chosen."""
    kept = torch.isin(rows, chosen)
    return rows[kept], gradient[kept]
