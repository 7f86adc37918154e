"""Sparse memory finetuning: facts into a few rows of the table (arXiv 2510.15103, section 3).

Per batch: forward, counting what is read; the t rows with the best score; backward; a step on these
rows alone. It ends when the facts are known, and undoes everything, to the bit, when ordinary text
suffers more than allowed, when a loss is not a number, or when it is stopped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from agentkit.capabilities.trainer import Progress, TrainingDiverged
from agentkit.errors import BudgetExceeded, Cancelled, DataError
from agentkit.seeds import derive
from agentkit_sparse_memory.background import BackgroundIndex
from agentkit_sparse_memory.batches import Batch, Trunk, measure
from agentkit_sparse_memory.choice import Evidence, choose
from agentkit_sparse_memory.memory import SparseMemory
from agentkit_sparse_memory.settings import LearnSettings
from agentkit_sparse_memory.update import (
    RowOptimizer,
    Sgd,
    SparseAdam,
    gradient_rows,
    pick,
)


@dataclass(frozen=True, slots=True)
class Step:
    """loss: of the batch, nats. changed: how many rows. held_out: loss on ordinary text, where it
    was looked at."""

    number: int
    loss: float
    changed: int
    held_out: float | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """rows: (n,) ascending, those whose bits changed. old, new: (n, d_v). reached: whether
    target_nll was."""

    rows: Tensor
    old: Tensor
    new: Tensor
    steps: tuple[Step, ...]
    held_out: tuple[float, float]
    nll: float
    reached: bool

    @property
    def forgot(self) -> float:
        """How much the loss on ordinary text rose, as a share of it."""
        before, after = self.held_out
        return after / before - 1


class Undo:
    """The bits of rows before they were first changed."""

    def __init__(self, values: Tensor) -> None:
        self._values = values
        self._seen = torch.zeros(len(values), dtype=torch.bool, device=values.device)
        self._rows: list[Tensor] = []
        self._old: list[Tensor] = []

    def before(self, rows: Tensor) -> None:
        new = rows[~self._seen[rows]]
        self._seen[new] = True
        self._rows.append(new)
        self._old.append(self._values.detach()[new].clone())

    def changed(self) -> tuple[Tensor, Tensor, Tensor]:
        """(rows ascending, old, new) of what differs by a bit."""
        if not self._rows:
            empty = self._values.detach()[:0]
            return torch.zeros(0, dtype=torch.long), empty, empty
        rows, order = torch.cat(self._rows).sort()
        old = torch.cat(self._old)[order]
        new = self._values.detach()[rows].clone()
        differ = (old.view(torch.int32) != new.view(torch.int32)).any(1)
        return rows[differ], old[differ], new[differ]

    def undo(self) -> None:
        with torch.no_grad():
            for rows, old in zip(self._rows, self._old):
                self._values[rows] = old


def learn(
    memory: SparseMemory,
    trunk: Trunk,
    batches: Sequence[Batch],
    index: BackgroundIndex,
    held_out: Sequence[Batch],
    settings: LearnSettings,
    *,
    unit: float = 1.0,
    progress: Progress | None = None,
    barred: Tensor | None = None,
    watch: Callable[[int], None] | None = None,
) -> Learned:
    """Changes the values of the memory. Whatever it raises, they are those of before.

    Args:
        batches: what is learned; gone through in a new order each time.
        held_out: ordinary text that is not learned from and was not counted.
        unit: the length that steps are measured in, see `unit_of`.
        barred: rows that must not be changed.
        watch: called after every step, e.g. to look at what is known by now.

    Raises:
        BudgetExceeded: ordinary text suffered more than max_forget.
        TrainingDiverged: a loss is not a number.
        Cancelled: progress said so.
    """
    if not batches:
        raise DataError("there is nothing to learn", "give at least one fact")
    values = memory.values
    undo, noise = Undo(values), torch.Generator().manual_seed(derive(settings.seed, "learn"))
    optimizer = _optimizer(settings, unit)
    before = measure(trunk, held_out).nll if held_out else 0.0
    steps: list[Step] = []
    reached, held, nll = False, before, math.inf
    values.requires_grad_(True)
    try:
        for number in range(settings.steps):
            if number % len(batches) == 0:
                order = torch.randperm(len(batches), generator=noise).tolist()
            batch = batches[order[number % len(batches)]]
            rate = settings.rate * (1 - number / settings.steps)
            loss, changed = _step(
                memory, trunk, batch, index, settings, optimizer, rate, undo, noise, barred, number
            )
            looked = None
            recent = [s.loss for s in steps[1 - len(batches) :]] if len(batches) > 1 else []
            nll = (sum(recent) + loss) / (len(recent) + 1)
            reached = number + 1 >= len(batches) and nll <= settings.target_nll
            last = reached or number + 1 == settings.steps
            if held_out and (last or (number + 1) % settings.probe == 0):
                held = looked = measure(trunk, held_out).nll
                _within(before, held, settings, number)
            steps.append(Step(number, loss, changed, looked))
            if progress is not None:
                progress.update(number + 1, settings.steps, {"loss": loss, "held_out": held})
                if progress.cancel:
                    raise Cancelled
            if watch is not None:
                watch(number + 1)
            if last:
                break
    except BaseException:
        undo.undo()
        raise
    finally:
        values.requires_grad_(False)
        values.grad = None
    rows, old, new = undo.changed()
    return Learned(rows, old, new, tuple(steps), (before, held), nll, reached)


def unit_of(memory: SparseMemory, trunk: Trunk, batches: Sequence[Batch]) -> float:
    """The median length of what the feed-forward layers beside the memory write on ordinary text.

    Where the memory replaced them, it is measured on those that it replaced.
    """
    lengths: list[Tensor] = []
    handles = []
    for beside in memory.besides():
        original = beside.original

        def see(_: object, args: tuple[Tensor, ...], original: torch.nn.Module = original) -> None:
            lengths.append(original(args[0]).float().norm(dim=-1).flatten())

        handles.append(beside.register_forward_pre_hook(see))
    try:
        with torch.no_grad():
            for batch in batches[:4]:
                trunk.states(batch)
    finally:
        for handle in handles:
            handle.remove()
    return float(torch.cat(lengths).median()) if lengths else 1.0


def _step(
    memory: SparseMemory,
    trunk: Trunk,
    batch: Batch,
    index: BackgroundIndex,
    settings: LearnSettings,
    optimizer: RowOptimizer,
    rate: float,
    undo: Undo,
    noise: torch.Generator,
    barred: Tensor | None,
    number: int,
) -> tuple[float, int]:
    """One step; (loss, rows changed)."""
    values = memory.values
    with memory.recording(batch.mask.bool().to(values.device)) as seen:
        loss = trunk.loss(batch)
    if not bool(torch.isfinite(loss)):
        raise TrainingDiverged(number, "loss")
    loss.backward()
    reads = seen.reads()
    rows, gradient = pick(*gradient_rows(values), reads.slots)  # padding reads slots, too
    norms = torch.zeros(len(reads.slots), device=values.device)
    norms[torch.searchsorted(reads.slots, rows)] = gradient.norm(dim=1)
    chosen = choose(settings.policy, Evidence(reads, index, norms, noise), settings.t, barred)
    rows, gradient = pick(rows, gradient, chosen)
    if not bool(torch.isfinite(gradient).all()):
        raise TrainingDiverged(number, "gradient")
    if not len(rows):
        return float(loss.detach()), 0
    undo.before(rows)
    with torch.no_grad():
        optimizer.step(values.data, rows, gradient, rate)
    return float(loss.detach()), len(rows)


def _optimizer(settings: LearnSettings, unit: float) -> RowOptimizer:
    if settings.optimizer == "adam":
        return SparseAdam(unit)
    return Sgd(unit, settings.normalise, settings.momentum)


def _within(before: float, now: float, settings: LearnSettings, number: int) -> None:
    if not math.isfinite(now):
        raise TrainingDiverged(number, "loss on ordinary text")
    if now > before * (1 + settings.max_forget):
        raise BudgetExceeded(
            f"after {number + 1} steps the loss on ordinary text rose by "
            f"{now / before - 1:.2%}, more than the {settings.max_forget:.2%} of max_forget; the "
            "weights are what they were before",
            "lower rate or t, give fewer facts at once, or allow more",
            before=before,
            now=now,
        )
