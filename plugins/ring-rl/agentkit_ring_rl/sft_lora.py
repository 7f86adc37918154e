"""Low-rank changes of linear layers (LoRA; Hu et al., arXiv 2106.09685, equation 3)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn


class Lora(nn.Module):  # type: ignore[misc]
    """W x + (alpha / r) B A x, with A (r, in) drawn and B (out, r) zero, so that it begins as W."""

    def __init__(self, base: nn.Linear, rank: int, alpha: float, seed: torch.Generator) -> None:
        super().__init__()
        self.base, self.scale = base, alpha / rank
        a = torch.empty(rank, base.in_features)
        bound = 1 / math.sqrt(base.in_features)
        self.lora_a = nn.Parameter(a.uniform_(-bound, bound, generator=seed).to(base.weight.device))
        self.lora_b = nn.Parameter(torch.zeros(base.out_features, rank, device=base.weight.device))

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.base(x) + self.scale * ((x @ self.lora_a.T) @ self.lora_b.T)
        return made

    def merged(self) -> Tensor:
        """The weight that does the same: W + (alpha / r) B A."""
        return self.base.weight + self.scale * (self.lora_b @ self.lora_a)


def attach(module: nn.Module, targets: tuple[str, ...], rank: int, alpha: float, seed: int) -> int:
    """Puts a Lora before every linear layer whose name ends in a target, and freezes all else.
    Gives how many there are."""
    drawn = torch.Generator().manual_seed(seed)
    module.requires_grad_(False)
    found = [
        (name, layer)
        for name, layer in module.named_modules()
        if isinstance(layer, nn.Linear) and name.endswith(targets)
    ]
    for name, layer in found:
        parent, _, last = name.rpartition(".")
        setattr(module.get_submodule(parent), last, Lora(layer, rank, alpha, drawn))
    return len(found)


def merged(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The tensors that a Lora changes, by their names in the module without it."""
    for name, layer in module.named_modules():
        if isinstance(layer, Lora):
            yield f"{name}.weight", layer.merged().detach()
