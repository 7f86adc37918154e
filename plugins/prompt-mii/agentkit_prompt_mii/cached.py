"""Log-likelihoods of labels behind prompts that begin alike: the beginning is read once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

Ids = Sequence[int]
AT_ONCE = 16  # labels in one batch: each copies the prompt's keys and values


class PrefixScorer:
    """Of a causal module of the transformers library, on prompts that share `prefix`.

    Every number is that of the whole sequence read at once, to about 1e-5 in fp32.
    """

    def __init__(self, module: Any, prefix: Ids) -> None:
        from transformers import DynamicCache

        self._module, self._prefix = module, len(prefix)
        self._device = next(module.parameters()).device
        self._cache = DynamicCache()
        self.read = 0  # tokens, padding not counted
        if prefix:
            with torch.inference_mode():
                self._forward([prefix], self._cache, len(prefix), 1)
            self.read += len(prefix)

    def __call__(self, rest: Ids, targets: Sequence[Ids]) -> list[float]:
        """Sum of log p of each target (end token and all) after prefix and rest, in nats.

        Args:
            rest: at least one token.
        """
        import copy

        with torch.inference_mode():
            cache = copy.deepcopy(self._cache)
            logits = self._forward([rest], cache, len(rest), 1)[0, -1]
            self.read += len(rest)
            first = torch.log_softmax(logits.float(), -1)
            found = [float(first[target[0]]) for target in targets]
            longer = [n for n, target in enumerate(targets) if len(target) > 1]
            for start in range(0, len(longer), AT_ONCE):
                some = longer[start : start + AT_ONCE]
                wide = copy.deepcopy(cache)
                wide.batch_repeat_interleave(len(some))
                fed = [targets[n][:-1] for n in some]
                width = max(map(len, fed))
                logp = torch.log_softmax(self._forward(fed, wide, width, len(some)).float(), -1)
                for row, n in enumerate(some):
                    target = targets[n]
                    for place, token in enumerate(target[1:]):
                        found[n] += float(logp[row, place, token])
                    self.read += len(target) - 1
        return found

    def _forward(self, ids: Sequence[Ids], cache: Any, width: int, rows: int) -> torch.Tensor:
        """(rows, width, V). Rows are padded on the right, which nothing before it sees."""
        padded = torch.zeros(rows, width, dtype=torch.long, device=self._device)
        for row, own in enumerate(ids):
            padded[row, : len(own)] = torch.tensor(list(own))
        start = cache.get_seq_length()
        places = torch.arange(start, start + width, device=self._device)[None].expand(rows, -1)
        out = self._module(
            input_ids=padded, position_ids=places, past_key_values=cache, use_cache=True
        )
        logits: torch.Tensor = out.logits
        return logits
