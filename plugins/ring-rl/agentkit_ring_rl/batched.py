"""Rollouts by a plain torch module, all rows in one batch, on a CPU or a GPU without a server.

Faster than exact: a row's last bits depend on its neighbours. Rows join and leave between steps;
keys and values lie right-aligned, so that every row's next token falls into the same column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from agentkit.errors import Unsupported
from agentkit.seeds import derive
from agentkit_ring_rl.engines import check, trim
from agentkit_ring_rl.mismatch import Precision, cast, rounded
from agentkit_ring_rl.rollouts import Rollout

Layer = tuple[Tensor, Tensor]  # keys and values, (rows, heads, columns, width)


class BatchedEngine:
    """A `RolloutEngine` on a causal language model of the transformers library.

    Args:
        make: gives the module, a copy that is the engine's own; called again after `release`.
        ends: token ids that end an answer; they count as its last token.
        logits: changes logits (rows, V) before tokens are drawn, for engines that are wrong on
            purpose.
    """

    def __init__(
        self,
        make: Callable[[], Any],
        ends: Sequence[int],
        *,
        slots: int = 128,
        temperature: float = 1.0,
        precision: Precision = "fp32",
        logits: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.slots, self.version = slots, 0
        self._make, self._ends, self._temperature = make, frozenset(ends), temperature
        self._precision, self._change = precision, logits
        self._module: Any = self._made()
        self._rows: list[Rollout] = []
        self._new: list[Rollout] = []
        self._layers: list[Layer] = []
        self._mask = torch.zeros(0, 0, dtype=torch.bool)  # (rows, columns): columns that are tokens

    def _made(self) -> Any:
        module = self._make().eval().requires_grad_(False)
        cast(module, self._precision)
        return module

    # -- rollouts ---------------------------------------------------------------------------------

    def start(self, rollouts: Sequence[Rollout], *, keep: bool = False) -> None:
        held = {id(one) for one in self._rows}
        if keep:
            self._new += [one for one in rollouts if id(one) not in held]
            return
        again = {id(one) for one in rollouts}
        self._leave([n for n, one in enumerate(self._rows) if id(one) not in again])
        self._new += rollouts

    def step(self) -> list[Rollout]:
        with torch.inference_mode():
            return self._step()

    def _step(self) -> list[Rollout]:
        self._leave([n for n, one in enumerate(self._rows) if one.end is None])
        new, self._new = [one for one in self._new if one.end is None], []
        if new:
            self._read(new)
        if not self._rows:
            return []
        device = self._mask.device
        last = torch.tensor(
            [[one.ids[-1] if one.ids else one.prompt.ids[-1]] for one in self._rows], device=device
        )
        self._mask = torch.nn.functional.pad(self._mask, (0, 1), value=True)
        places = self._mask.sum(1, keepdim=True) - 1
        logits = self._forward(last, places, self._mask)
        return self._draw(logits)

    def _read(self, new: list[Rollout]) -> None:
        """Keys and values of all tokens but the last of each new row."""
        device = next(self._module.parameters()).device
        before = [(*one.prompt.ids, *one.ids)[:-1] for one in new]
        wide = max(max(map(len, before)), 1)
        ids = torch.zeros(len(new), wide, dtype=torch.long)
        mask = torch.zeros(len(new), wide, dtype=torch.bool)
        for row, known in enumerate(before):
            if known:
                ids[row, -len(known) :] = torch.tensor(known)
                mask[row, -len(known) :] = True
        old, old_mask = self._layers, self._mask
        self._layers, ids, mask = [], ids.to(device), mask.to(device)
        places = (mask.cumsum(1) - 1).clamp(min=0)
        self._forward(ids, places, mask)
        if self._rows:
            self._layers = [
                (_stack(a[0], b[0]), _stack(a[1], b[1])) for a, b in zip(old, self._layers)
            ]
            mask = _stack(old_mask[:, None, :, None], mask[:, None, :, None])[:, 0, :, 0]
        self._mask = mask
        self._rows += new

    def _forward(self, ids: Tensor, places: Tensor, mask: Tensor) -> Tensor:
        from transformers import DynamicCache

        cache = DynamicCache()
        for number, (keys, values) in enumerate(self._layers):
            cache.update(keys, values, number)
        out = self._module(
            input_ids=ids,
            attention_mask=mask.long(),
            position_ids=places,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self._layers = [(layer.keys, layer.values) for layer in cache.layers]
        found: Tensor = out.logits[:, -1].float()
        return found

    def _draw(self, logits: Tensor) -> list[Rollout]:
        if self._change is not None:
            logits = self._change(logits)
        if not self._temperature:
            raise Unsupported("rollouts at temperature 0 are all the same", "draw at 1")
        logq = torch.log_softmax(logits / self._temperature, -1)
        bad = ~logq.isfinite().any(-1) | logq.isnan().any(-1)
        u = torch.tensor([_uniform(one) for one in self._rows], dtype=torch.float64)
        mass = logq.exp().double().cumsum(-1)
        aim = (u.to(mass.device) * mass[:, -1])[:, None]
        ids = torch.searchsorted(mass, aim, right=True).clamp(max=logq.shape[-1] - 1)
        picked = logq.gather(1, ids)[:, 0].tolist()
        ended = []
        for one, token, logp, wrong in zip(self._rows, ids[:, 0].tolist(), picked, bad.tolist()):
            if wrong:
                one.end, one.why = "error", "the engine's logits are not numbers"
            else:
                one.ids.append(token)
                one.logp.append(logp)
                one.versions.append(self.version)
                if token in self._ends:
                    one.end = "stop"
                elif one.remaining <= 0:
                    one.end = "length"
            if one.end is not None:
                ended.append(one)
        return ended

    def _leave(self, kept: list[int]) -> None:
        if len(kept) == len(self._rows):
            return
        self._rows = [self._rows[n] for n in kept]
        if not kept:
            self._layers, self._mask = [], self._mask[:0, :0]
            return
        mask = self._mask[kept]
        first = int(mask.any(0).int().argmax())  # columns before it belong to nobody any more
        self._mask = mask[:, first:]
        self._layers = [(k[kept][:, :, first:], v[kept][:, :, first:]) for k, v in self._layers]

    def pause(self) -> None:
        """The rows stay where they are: `start` says whether they may go on from there."""
        self._new.clear()

    # -- weights ----------------------------------------------------------------------------------

    def load(self, tensors: Mapping[str, Tensor], version: int) -> None:
        check(tensors, version, self.version)
        if self._module is None:
            self._module = self._made()
        own = dict(self._module.named_parameters())
        with torch.no_grad():
            for name, tensor in tensors.items():
                own[name].copy_(rounded(name, tensor, self._precision))
        self.version = version

    def release(self) -> int:
        """Drops weights, keys and values; the bytes."""
        if self._module is None:
            return 0
        size: int = sum(p.numel() * p.element_size() for p in self._module.parameters())
        size += sum(t.numel() * t.element_size() for pair in self._layers for t in pair)
        self.close()
        trim()
        return size

    def close(self) -> None:
        self._module = None
        self._new.clear()
        self._leave([])


def _stack(one: Tensor, other: Tensor) -> Tensor:
    """Two batches (rows, heads, columns, width) over each other, aligned on the right."""
    wide = max(one.shape[2], other.shape[2])
    both = [torch.nn.functional.pad(t, (0, 0, wide - t.shape[2], 0)) for t in (one, other)]
    return torch.cat(both)


def _uniform(one: Rollout) -> float:
    """A number in [0, 1) that depends on the rollout's seed and place alone."""
    place = len(one.prompt.ids) + len(one.ids)
    return (derive(one.seed, "token", place) >> 10) / (1 << 53)
