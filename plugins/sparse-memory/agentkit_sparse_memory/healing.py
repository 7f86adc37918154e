"""Healing: trains a whole memory on ordinary text, where it replaced a feed-forward layer.

A layer that is gone takes what it knew with it. First the memory is taught to give what the layer
gave (the states below it do not change, so that is a regression), then the model to predict text.
Values have a rate of their own, ten times that of keys and gates, as when memory layers are
pretrained (arXiv 2412.09764, appendix).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from agentkit.capabilities.trainer import Progress, TrainingDiverged
from agentkit.errors import Cancelled
from agentkit_sparse_memory.batches import Batch, Trunk, measure
from agentkit_sparse_memory.memory import SparseMemory


@dataclass(frozen=True, slots=True)
class Healed:
    """Nats a token on held-out ordinary text. hurt: with the layer replaced, nothing trained yet.
    matched: after the regression. healed: at the end."""

    hurt: float
    matched: float
    healed: float


def heal(
    memory: SparseMemory,
    batches: Sequence[Batch],
    held_out: Sequence[Batch],
    *,
    match: int,
    steps: int,
    rate: float = 1e-3,
    progress: Progress | None = None,
) -> Healed:
    """Trains values, keys and gates; the rest of the model stays as it is.

    Args:
        match: steps of regression to the outputs of the layers that were replaced.
        steps: steps of prediction afterwards.
        rate: of keys and gates; values have ten times as much.

    Raises:
        TrainingDiverged: a loss is not a number; then the memory is as it was.
        Cancelled: progress said so; likewise.
    """
    trunk = Trunk(memory.module, min(memory.config.layers), keep=0)
    values = memory.values
    dense = [parameter for _, parameter in memory.parameters()]
    before = [p.detach().clone() for p in (values, *dense)]
    first = torch.optim.AdamW(dense, lr=rate, weight_decay=0.0)
    second = torch.optim.SparseAdam([values], lr=10 * rate)
    hurt = measure(trunk, held_out).nll
    matched = hurt
    for parameter in (values, *dense):
        parameter.requires_grad_(True)
    try:
        for number in range(match + steps):
            batch = batches[number % len(batches)]
            loss = _mimic(memory, batch) if number < match else trunk.loss(batch)
            if not bool(torch.isfinite(loss)):
                raise TrainingDiverged(number, "loss")
            left = 1 - number / (match + steps)
            for optimizer, most in ((first, rate), (second, 10 * rate)):
                optimizer.param_groups[0]["lr"] = most * left
                optimizer.zero_grad()
            loss.backward()
            first.step()
            second.step()
            if number + 1 == match:
                matched = measure(trunk, held_out).nll
            if progress is not None:
                progress.update(number + 1, match + steps, {"loss": float(loss.detach())})
                if progress.cancel:
                    raise Cancelled
        healed = measure(trunk, held_out).nll
        if not math.isfinite(healed):
            raise TrainingDiverged(match + steps, "loss on ordinary text")
    except BaseException:
        with torch.no_grad():
            for parameter, old in zip((values, *dense), before):
                parameter.copy_(old)
        raise
    finally:
        for parameter in (values, *dense):
            parameter.requires_grad_(False)
            parameter.grad = None
    return Healed(hurt, matched, healed)


def _mimic(memory: SparseMemory, batch: Batch) -> Tensor:
    """Squared distance between what the memories write and what the replaced layers would, as a
    share of the latter's size."""
    given: list[tuple[Tensor, Tensor]] = []
    handles = []
    for beside in memory.besides():

        def see(_: object, args: tuple[Tensor, ...], out: Tensor, beside: object = beside) -> None:
            with torch.no_grad():
                wanted = beside.original(args[0])  # type: ignore[attr-defined]
            given.append((out, wanted))

        handles.append(beside.register_forward_hook(see))
    mask = batch.mask.bool().flatten().to(memory.values.device)
    try:
        device = memory.values.device
        memory.module.get_decoder()(
            batch.ids.to(device), attention_mask=batch.mask.to(device), use_cache=False
        )
    finally:
        for handle in handles:
            handle.remove()
    shares = []
    for out, wanted in given:
        error = (out - wanted).flatten(0, -2)[mask].float().square().sum()
        shares.append(error / wanted.flatten(0, -2)[mask].float().square().sum())
    return torch.stack(shares).mean()
