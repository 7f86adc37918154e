"""Does the model know where lines end? Newlines are all tokens whose text holds one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from agentkit.capabilities import Progress
from agentkit.errors import Cancelled, DataError
from agentkit_manifolds.sites import logits
from agentkit_manifolds.stream import batches
from agentkit_manifolds.task import Example

Floats = NDArray[np.float64]
SETTLED = 3  # lines after which a width can be known


@dataclass(frozen=True, slots=True)
class Said:
    """What a model said at each token of an example. mass: (T,) probability that a newline is next,
    over all newline tokens. loss: (T - 1,) nats of the token that came."""

    example: Example
    mass: Floats
    loss: Floats


def listen(
    module: nn.Module,
    examples: Sequence[Example],
    newlines: Collection[int],
    progress: Progress | None = None,
    batch: int = 2,
) -> list[Said]:
    """Reads the examples through the whole model.

    Raises:
        Cancelled: between two batches.
    """
    ids_of = torch.tensor(sorted(newlines))
    device, made = next(module.parameters()).device, []
    for part, ids in batches(examples, batch, device):
        if progress is not None and progress.cancel:
            raise Cancelled
        logp = logits(module, ids).log_softmax(-1)
        mass = newline_mass(logp, ids_of.to(device))
        loss = -logp[:, :-1].gather(2, ids[:, 1:, None])[..., 0]
        for n, example in enumerate(part):
            own = len(example.ids)
            made.append(Said(example, _array(mass[n, :own]), _array(loss[n, : own - 1])))
        if progress is not None:
            progress.update(len(made), len(examples))
    return made


def newline_mass(logp: Tensor, newlines: Tensor) -> Tensor:
    """Summed probability of the newline tokens, over the last dimension of log-probabilities."""
    return logp.index_select(-1, newlines).logsumexp(-1).exp()


def _array(tensor: Tensor) -> Floats:
    found: Floats = tensor.double().cpu().numpy()
    return found


def auc(positive: Floats, negative: Floats) -> float:
    """Chance that a positive is larger than a negative; ties count half."""
    if not len(positive) or not len(negative):
        raise DataError("AUC needs both breaks and other places", "give longer texts")
    values = np.concatenate([positive, negative])
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]  # mean rank of ties
    n, m = len(positive), len(negative)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


@dataclass(frozen=True, slots=True)
class Row:
    """One width. at_breaks, elsewhere: mean newline mass where a newline comes, and does not; from
    line SETTLED on. auc: of the two; at_ends: of breaks against other ends of words, which is
    harder. breaks: how many. lines: mean mass at breaks by line index from 0."""

    width: int
    at_breaks: float
    elsewhere: float
    auc: float
    at_ends: float
    breaks: int
    lines: tuple[float, ...]


def by_width(said: Sequence[Said], lines: int = 8) -> list[Row]:
    """The behaviour at each width.

    Raises:
        DataError: a width has no breaks after line SETTLED.
    """
    rows = []
    for width in sorted({s.example.width for s in said}):
        own = [s for s in said if s.example.width == width]
        mass = np.concatenate([s.mass for s in own])
        labels = [s.example.labels for s in own if s.example.labels is not None]
        line, broken, mixed, ends, newline = (
            np.concatenate([getattr(label, name) for label in labels])
            for name in ("line", "break_next", "mixed", "word_end", "newline")
        )
        settled = (line >= SETTLED) & ~mixed & ~newline
        yes, no = mass[settled & broken], mass[settled & ~broken]
        curve = [mass[broken & (line == n)] for n in range(lines)]
        rows.append(
            Row(
                width,
                float(yes.mean()) if len(yes) else 0.0,
                float(no.mean()),
                auc(yes, no),
                auc(yes, mass[settled & ~broken & ends]),
                len(yes),
                tuple(float(c.mean()) if len(c) else float("nan") for c in curve),
            )
        )
    return rows
