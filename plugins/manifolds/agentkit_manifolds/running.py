"""Forward passes that share what many texts begin with."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from agentkit_manifolds.sites import logits


class Prefix:
    """The beginning of many texts, read once where the model keeps keys and values.

    Models without a cache read the whole text each time; the numbers are the same.
    """

    def __init__(self, module: nn.Module, ids: Sequence[int]) -> None:
        self._module, self._ids = module, list(ids)
        self._device = next(module.parameters()).device
        self._cache: Any = None
        if hasattr(module, "generate") and len(self._ids):
            with torch.no_grad():
                head = torch.tensor([self._ids], device=self._device)
                self._cache = module(head, use_cache=True, logits_to_keep=1).past_key_values

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def kept(self) -> int:
        """Positions in front of a suffix's first one in the tensors that hooks see."""
        return 0 if self._cache is not None else len(self._ids)

    def logits(self, suffixes: Sequence[Sequence[int]]) -> Tensor:
        """(n, longest suffix, vocabulary) float32; rows are filled up on the right."""
        longest = max(len(s) for s in suffixes)
        rows = [[*s, *([0] * (longest - len(s)))] for s in suffixes]
        if self._cache is None:
            whole = torch.tensor([[*self._ids, *row] for row in rows], device=self._device)
            return logits(self._module, whole)[:, len(self._ids) :]
        cache = copy.deepcopy(self._cache)
        cache.batch_repeat_interleave(len(rows))
        ids = torch.tensor(rows, device=self._device)
        with torch.no_grad():
            output: Any = self._module(ids, past_key_values=cache, use_cache=True)
        found: Tensor = output.logits.float()
        return found
