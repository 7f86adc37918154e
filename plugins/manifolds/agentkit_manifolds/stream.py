"""One pass of a model over a task: hidden states go into sums and are let go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from agentkit.capabilities import Progress
from agentkit.errors import Cancelled, DataError
from agentkit_manifolds.moments import Curves, Floats, Moments
from agentkit_manifolds.sites import read
from agentkit_manifolds.task import Example, ScalarTask, folds

FOLDS = 4
BUCKETS = 16
Binned = Callable[[Example], NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Binning:
    """A mean curve that is wanted. bins: their labels. place: an example's tokens to places in
    `bins`, -1 where a token is left out; it need not keep to the example's mask."""

    name: str
    bins: tuple[int, ...]
    place: Binned


def by_value(
    name: str, value: str, low: int, high: int, step: int, *, width: int = 0, newline: bool = False
) -> Binning:
    """Bins [low, low + step), … below `high` of a value, labelled by their lower ends.

    Args:
        width: only in texts of this width; 0: in all.
        newline: at newlines, where else they are left out.
    """
    bins = tuple(range(low, high, step))

    def place(example: Example) -> NDArray[np.int64]:
        values = example.values[value]
        which = ((values - low) // step).astype(np.int64)
        mask = example.mask
        if newline:
            assert example.labels is not None
            mask = example.labels.newline
        kept = mask & (values >= low) & (which < len(bins)) & (not width or example.width == width)
        return np.where(kept, which, -1)

    return Binning(name, bins, place)


def shuffled(binning: Binning, seed: int = 0) -> Binning:
    """The same bins, dealt out at random among the tokens of each sequence."""

    def place(example: Example) -> NDArray[np.int64]:
        which = binning.place(example)
        kept = np.nonzero(which >= 0)[0]
        rng = np.random.default_rng([seed, len(which), int(example.ids.sum())])
        dealt = which.copy()
        dealt[kept] = rng.permutation(which[kept])
        return dealt

    return Binning(f"{binning.name}, shuffled", binning.bins, place)


@dataclass(frozen=True, slots=True)
class Sums:
    """What one pass leaves. moments: by site. curves: by site and binning."""

    moments: dict[str, Moments]
    curves: dict[str, dict[str, Curves]]
    tokens: int


def batches(
    examples: Sequence[Example], size: int, device: torch.device | str = "cpu"
) -> Iterator[tuple[Sequence[Example], Tensor]]:
    """(examples, ids (batch, T)) with sequences of like length together."""
    order = sorted(examples, key=lambda e: len(e.ids))
    for at in range(0, len(order), size):
        part = order[at : at + size]
        ids = np.zeros((len(part), max(len(e.ids) for e in part)), dtype=np.int64)
        for row, example in zip(ids, part):
            row[: len(example.ids)] = example.ids
        yield part, torch.from_numpy(ids).to(device)


def collect(
    module: nn.Module,
    task: ScalarTask,
    sites: Sequence[str],
    binnings: Sequence[Binning],
    progress: Progress,
    *,
    batch: int = 4,
    seed: int = 0,
    watch: Callable[[Example, dict[str, Floats]], None] | None = None,
) -> Sums:
    """Streams a task through a model.

    Args:
        watch: is shown each example with its (T, d) hidden states by site.

    Raises:
        DataError: too few documents, or hidden states that are not finite.
        Cancelled: between two batches.
    """
    extras = (*task.nuisances, *task.targets)
    fold, bucket = folds(task.groups, FOLDS, seed), folds(task.groups, _buckets(task), seed + 1)
    moments: dict[str, Moments] = {}
    curves: dict[str, dict[str, Curves]] = {site: {} for site in sites}
    device, done = next(module.parameters()).device, 0
    for part, ids in batches(task.examples, batch, device):
        if progress.cancel:
            raise Cancelled
        blocks = {s: b.double().cpu().numpy() for s, b in read(module, ids, sites).items()}
        for site, block in blocks.items():
            width = block.shape[2]
            if site not in moments:
                moments[site] = Moments(width, extras, FOLDS)
                for b in binnings:
                    curves[site][b.name] = Curves(
                        width, b.bins, _buckets(task), len(task.nuisances)
                    )
            for row, example in zip(block, part):
                own = row[: len(example.ids)]
                try:
                    _add(moments[site], curves[site], own, example, task, binnings, fold, bucket)
                except DataError as error:
                    raise DataError(f"at {site}: {error.message}", error.hint) from error
        if watch is not None:
            for n, example in enumerate(part):
                watch(example, {s: b[n, : len(example.ids)] for s, b in blocks.items()})
        done += len(part)
        progress.update(done, len(task.examples))
    return Sums(moments, curves, task.tokens)


def _add(
    moments: Moments,
    curves: dict[str, Curves],
    states: Floats,
    example: Example,
    task: ScalarTask,
    binnings: Sequence[Binning],
    fold: dict[str, int],
    bucket: dict[str, int],
) -> None:
    mask = example.mask
    extras = np.stack([example.values[n] for n in (*task.nuisances, *task.targets)], axis=1)
    moments.add(fold[example.group], states[mask], extras[mask])
    for one in binnings:
        which = one.place(example)
        kept = which >= 0
        nuisances = extras[kept, : len(task.nuisances)]
        curves[one.name].add(bucket[example.group], which[kept], states[kept], nuisances)


def _buckets(task: ScalarTask) -> int:
    return min(BUCKETS, len(task.groups))
