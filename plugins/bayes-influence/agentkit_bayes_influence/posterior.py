"""The local posterior around trained weights, for any differentiable loss (paper, section 2).

p(w) is proportional to exp(-nbeta * mean_i l_i(w) - gamma / 2 * |w - w*|^2). A chain sees its
weights as one vector in fp32, whatever the model's own type is: steps are too small for bf16.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import grad, vmap

from agentkit.errors import DataError, UsageError

Loss = Callable[..., Tensor]
"""loss(parameters by name, *inputs of some items) -> (items, tokens), in nats."""

ROUNDS, SOME = 20, 32  # of power iteration, and items of a large model that it looks at


@dataclass(frozen=True)
class Items:
    """Examples. inputs: tensors with one row an item. mask: (n, S), which losses count."""

    inputs: tuple[Tensor, ...]
    mask: Tensor
    ids: tuple[str, ...]

    def __post_init__(self) -> None:
        sizes = {len(one) for one in (*self.inputs, self.mask, self.ids)}
        if self.mask.dim() != 2 or len(sizes) != 1:
            raise UsageError(
                f"items: inputs, mask, ids have {sorted(sizes)} rows; mask is {self.mask.dim()}D",
                "every item has one row in each; the mask is (items, tokens)",
            )
        if not len(self):
            raise UsageError("items: there are none", "give one example or query at least")

    def __len__(self) -> int:
        return len(self.mask)

    @property
    def width(self) -> int:
        return int(self.mask.shape[1])


class Posterior:
    """Losses and gradients at weights given as vectors.

    Args:
        loss: see `Loss`. Dropout must be off in it; inputs are cut along dimension 0.
        centre: w*, the sampled weights by name; all others stay as they are.
        items: the training examples, whose loss the posterior is made of.
        chunk: items of one forward pass.
        side_by_side: all chains in one call (torch.func.vmap), for small models.
    """

    def __init__(
        self,
        loss: Loss,
        centre: Mapping[str, Tensor],
        items: Items,
        *,
        chunk: int = 256,
        side_by_side: bool = True,
    ) -> None:
        if not centre:
            raise UsageError("parameters: none is sampled", "name some that the model has")
        self._loss, self.items, self.chunk = loss, items, chunk
        self.side_by_side = side_by_side
        self.names = tuple(centre)
        self._shapes = [tuple(centre[name].shape) for name in self.names]
        self.centre = torch.cat([centre[n].detach().float().reshape(-1) for n in self.names])
        self._sizes = [centre[name].numel() for name in self.names]

    @property
    def dimension(self) -> int:
        return len(self.centre)

    def unflatten(self, weights: Tensor) -> dict[str, Tensor]:
        """(d,) to tensors by name."""
        parts = weights.split(self._sizes)
        return {n: p.view(s) for n, p, s in zip(self.names, parts, self._shapes)}

    def losses(self, weights: Tensor, items: Items) -> Tensor:
        """(C, d) weights to (C, n, S) losses, 0 where masked.

        Raises:
            DataError: a loss that counts is not a number.
        """
        made = []
        with torch.no_grad():
            for start in range(0, len(items), self.chunk):
                inputs = [one[start : start + self.chunk] for one in items.inputs]
                mask = items.mask[start : start + self.chunk]

                def one(w: Tensor, inputs: list[Tensor] = inputs, mask: Tensor = mask) -> Tensor:
                    found = self._loss(self.unflatten(w), *inputs)
                    return found.float().masked_fill(~mask, 0.0)

                made.append(self._each(one, weights))
        found = torch.cat(made, dim=1)
        if not found.isfinite().all():
            chain, item = (~found.isfinite()).nonzero()[0, :2].tolist()
            raise DataError(
                f"the loss of {items.ids[item]!r} is not finite in chain {chain}",
                "take a smaller epsilon or a larger gamma; or the item itself is broken",
            )
        return found

    def gradient(self, weights: Tensor, chosen: Tensor) -> Tensor:
        """Of the mean loss of the chosen items: (C, d) weights, (C, B) rows, to (C, d)."""
        count = chosen.shape[1]
        total = torch.zeros_like(weights)
        for start in range(0, count, self.chunk):
            rows = chosen[:, start : start + self.chunk]
            with torch.no_grad():
                total += self._each(grad(self._sum), weights, rows)
        return total / count

    def energy(self, weights: Tensor, nbeta: float, gamma: float) -> Tensor:
        """(C,): what the chain's law is exp(-energy) of, over all items."""
        mean = self.losses(weights, self.items).sum((1, 2)) / len(self.items)
        return nbeta * mean + gamma / 2 * (weights - self.centre).square().sum(1)

    def curvature(self, nbeta: float, gamma: float, seed: int = 0) -> float:
        """The largest eigenvalue of nbeta * Hessian + gamma at w*, by power iteration; products
        with the Hessian are differences of gradients, which every kernel has. Of a large model a
        few rounds on some of the items have to do: an estimate from below."""
        rows, rounds = torch.arange(len(self.items))[None], ROUNDS
        if not self.side_by_side:
            few = torch.randperm(len(self.items), generator=torch.Generator().manual_seed(seed))
            rows, rounds = few[None, :SOME], ROUNDS // 3
        noise = torch.Generator().manual_seed(seed)
        way = torch.randn(self.dimension, generator=noise)
        scale = max(float(self.centre.norm()), 1.0) * 1e-3
        found = 0.0
        for _ in range(rounds):
            way /= way.norm()
            ends = [self.gradient((self.centre + s * way)[None], rows)[0] for s in (scale, -scale)]
            way = nbeta * (ends[0] - ends[1]) / (2 * scale) + gamma * way
            found = float(way.norm())
            if not found or not torch.isfinite(way).all():
                raise DataError("the gradient at w* is not finite", "is an example broken?")
        return found

    def gradients(self, items: Items) -> Tensor:
        """Of every item's own loss at w*: (n, d)."""

        def one(mask: Tensor, *inputs: Tensor) -> Tensor:
            def of(w: Tensor) -> Tensor:
                found = self._loss(self.unflatten(w), *(i[None] for i in inputs))[0]
                return (found.float() * mask).sum()

            return grad(of)(self.centre)

        with torch.no_grad():
            if self.side_by_side:
                return vmap(one, chunk_size=self.chunk)(items.mask, *items.inputs)
            rows = zip(items.mask, *items.inputs)
            return torch.stack([one(*row) for row in rows])

    def total(self, weights: Tensor) -> Tensor:
        """The sum of all items' losses, differentiable."""
        return self._sum(weights, torch.arange(len(self.items)))

    def _sum(self, weights: Tensor, rows: Tensor) -> Tensor:
        found = self._loss(self.unflatten(weights), *(i[rows] for i in self.items.inputs))
        return found.float().masked_fill(~self.items.mask[rows], 0.0).sum()

    def _each(self, function: Callable[..., Tensor], *stacked: Tensor) -> Tensor:
        if self.side_by_side:
            return vmap(function)(*stacked)
        return torch.stack([function(*row) for row in zip(*stacked)])
