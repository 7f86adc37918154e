"""What a subspace does: taken away, or moved along, beside controls that are as large."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from agentkit.capabilities import Progress
from agentkit.errors import Cancelled, DataError
from agentkit_manifolds.behaviour import Said, listen, newline_mass
from agentkit_manifolds.running import Prefix
from agentkit_manifolds.sites import ablate, patch
from agentkit_manifolds.task import Example

Floats = NDArray[np.float64]


def removed(directions: Floats, covariance: Floats) -> float:
    """Token variance in a subspace (k, d)."""
    return float(np.einsum("kd,de,ke->", directions, covariance, directions))


def matched(covariance: Floats, variance: float, seed: int) -> Floats:
    """A random orthonormal subspace that holds a given token variance, of as many dimensions as
    that takes; the last direction is turned until it fits.

    Raises:
        DataError: there is not that much variance.
    """
    total = float(np.trace(covariance))
    if not 0 < variance < total:
        raise DataError(f"no subspace holds {variance:.3g} of {total:.3g}", "ablate less")
    size = len(covariance)
    drawn = np.random.default_rng(seed).normal(size=(size, size))
    basis = np.linalg.qr(drawn)[0].T
    held = np.einsum("kd,de,ke->k", basis, covariance, basis)
    k = int(np.searchsorted(np.cumsum(held), variance))
    before, last = basis[:k], basis[k]
    missing = variance - float(held[:k].sum())
    # Among the directions that are left, the one with least variance: turning towards it passes
    # through every value in between.
    rest = basis[k + 1 :]
    if not len(rest):
        return np.concatenate([before, last[None]])
    small = np.linalg.eigh(rest @ covariance @ rest.T)[1][:, 0] @ rest
    low, high = 0.0, np.pi / 2
    for _ in range(60):
        angle = (low + high) / 2
        turned = np.cos(angle) * last + np.sin(angle) * small
        low, high = (angle, high) if turned @ covariance @ turned > missing else (low, angle)
    found: Floats = np.concatenate([before, turned[None]])
    return found


@dataclass(frozen=True, slots=True)
class Ablation:
    """Rise of the loss, in nats a token, where a newline comes next and where none does, from line
    3 on. dimensions: of the subspace; variance: that it held."""

    name: str
    dimensions: int
    variance: float
    newline: float
    other: float


@dataclass(frozen=True, slots=True)
class Ablations:
    """count: the subspace of the curve. controls: random ones of the same variance. same: random
    ones of the same dimension. newlines, others: tokens that each figure is over."""

    count: Ablation
    controls: tuple[Ablation, ...]
    same: tuple[Ablation, ...]
    newlines: int
    others: int

    @property
    def selective(self) -> float:
        """Rise at newlines over the rise elsewhere; the rule asks for 5."""
        return self.count.newline / max(self.count.other, 1e-6)

    @property
    def beyond(self) -> float:
        """Rise at newlines over the median one of the controls; the rule asks for 3."""
        return self.count.newline / max(float(np.median([c.newline for c in self.controls])), 1e-6)

    @property
    def found(self) -> bool:
        return self.count.newline > 0 and self.selective >= 5 and self.beyond >= 3


def ablations(
    module: nn.Module,
    examples: Sequence[Example],
    newlines: Collection[int],
    site: str,
    directions: Floats,
    center: Floats,
    covariance: Floats,
    progress: Progress,
    *,
    draws: int = 20,
    seed: int = 0,
) -> Ablations:
    """Takes the count's subspace away, then random ones.

    Raises:
        DataError: the texts are too short. Cancelled: between two of them.
    """
    base = listen(module, examples, newlines)
    which = np.concatenate([_next(s) for s in base])
    settled = np.concatenate([_settled(s) for s in base])
    if not (which & settled).any():
        raise DataError("no newline comes after line 3", "give longer texts")
    variance, size = removed(directions, covariance), len(directions)
    rng = np.random.default_rng(seed)
    equal = [np.linalg.qr(rng.normal(size=(len(center), size)))[0].T for _ in range(draws // 4)]
    jobs = [("count", directions)]
    jobs += [("variance", matched(covariance, variance, seed + n)) for n in range(draws)]
    jobs += [("dimension", one) for one in equal]
    made = []
    for n, (name, basis) in enumerate(jobs):
        if progress.cancel:
            raise Cancelled
        with ablate(module, site, torch.from_numpy(basis), torch.from_numpy(center)):
            said = listen(module, examples, newlines)
        at, other = _rise(base, said)
        made.append(Ablation(name, len(basis), removed(basis, covariance), at, other))
        progress.update(n + 1, len(jobs))
    return Ablations(
        made[0],
        tuple(m for m in made if m.name == "variance"),
        tuple(m for m in made if m.name == "dimension"),
        int((which & settled).sum()),
        int((~which & settled).sum()),
    )


def _next(said: Said) -> NDArray[np.bool_]:
    assert said.example.labels is not None
    return said.example.labels.break_next[:-1]


def _settled(said: Said) -> NDArray[np.bool_]:
    assert said.example.labels is not None
    return said.example.labels.line[:-1] >= 3


def _rise(base: Sequence[Said], said: Sequence[Said]) -> tuple[float, float]:
    change = np.concatenate([b.loss - a.loss for a, b in zip(base, said)])
    which = np.concatenate([_next(s) for s in base])
    settled = np.concatenate([_settled(s) for s in base])
    return float(change[which & settled].mean()), float(change[~which & settled].mean())


# -- moving the count --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """A word's end at which a newline might come: token `at` of an example."""

    example: Example
    at: int


def places(examples: Sequence[Example], low: int, high: int, most: int) -> list[Place]:
    """Ends of words with low <= count < high from line 3 on, spread over the examples."""
    found = []
    for example in examples:
        labels = example.labels
        assert labels is not None
        good = labels.word_end & (labels.line >= 3) & (labels.index >= 2)
        good &= (labels.count >= low) & (labels.count < high) & ~labels.mixed
        found.append([Place(example, int(t)) for t in np.nonzero(good)[0]])
    rounds = [
        row[n] for n in range(max(map(len, found), default=0)) for row in found if n < len(row)
    ]
    return rounds[:most]


@dataclass(frozen=True, slots=True)
class Sweep:
    """Newline mass when the last two tokens are made to look as if the line were longer or shorter.
    shifts: characters. mass: (places, shifts). slope: of the log-odds, a character, by place."""

    name: str
    shifts: tuple[int, ...]
    mass: Floats

    @property
    def slope(self) -> Floats:
        odds = log_odds(self.mass)
        x = np.array(self.shifts) - np.mean(self.shifts)
        found: Floats = (odds - odds.mean(1, keepdims=True)) @ x / (x @ x)
        return found


def log_odds(mass: Floats) -> Floats:
    """Log-odds of probabilities."""
    kept = np.clip(mass, 1e-9, 1 - 1e-9)
    found: Floats = np.log(kept) - np.log1p(-kept)
    return found


def sweep(
    module: nn.Module,
    chosen: Sequence[Place],
    newlines: Collection[int],
    tables: dict[str, Floats],
    bins: Sequence[int],
    shifts: Sequence[int],
    progress: Progress,
    *,
    name: str = "whole mean",
) -> Sweep:
    """Patches a ← a - μ_c + μ_(c + shift) at the last two tokens of each place.

    Args:
        tables: site to (bins, d) mean vectors. Behind the first site only what its layers do not
            carry on by themselves should be added: give the differences.
        bins: lower ends of the tables' bins, evenly spaced; counts beyond them stay in the last.

    Raises:
        Cancelled: between two places.
    """
    ids_of, step = torch.tensor(sorted(newlines)), bins[1] - bins[0]
    tensors = {site: torch.from_numpy(table) for site, table in tables.items()}
    mass = np.zeros((len(chosen), len(shifts)))

    def bin_of(count: int) -> int:
        return int(np.clip((count - bins[0]) // step, 0, len(bins) - 1))

    for n, place in enumerate(chosen):
        if progress.cancel:
            raise Cancelled
        labels = place.example.labels
        assert labels is not None
        pair = [place.at - 1, place.at]
        prefix = Prefix(module, place.example.ids[: pair[0]].tolist())
        suffix = place.example.ids[pair].tolist()
        counts = [int(c) for c in labels.count[pair]]
        before = prefix.kept
        source, target = (torch.zeros(len(shifts), before + 2, dtype=torch.long) for _ in range(2))
        source[:, before:] = torch.tensor([bin_of(c) for c in counts])
        for row, shift in enumerate(shifts):
            target[row, before:] = torch.tensor([bin_of(c + shift) for c in counts])
        where = torch.zeros(len(shifts), before + 2, dtype=torch.bool)
        where[:, before:] = True
        with patch(module, tensors, source, target, where):
            found = prefix.logits([suffix] * len(shifts))[:, 1]
        mass[n] = newline_mass(found.log_softmax(-1), ids_of.to(found.device)).cpu().numpy()
        progress.update(n + 1, len(chosen))
    return Sweep(name, tuple(shifts), mass)


def projected(tables: dict[str, Floats], k: int) -> dict[str, Floats]:
    """The same tables in the first k components of each alone."""
    made = {}
    for site, table in tables.items():
        vectors = np.linalg.svd(table - table.mean(0), full_matrices=False)[2][:k]
        made[site] = (table - table.mean(0)) @ vectors.T @ vectors
    return made


def scrambled(tables: dict[str, Floats], seed: int) -> dict[str, Floats]:
    """The same tables turned at random: moves of the same lengths and shape in other directions."""
    made = {}
    for n, (site, table) in enumerate(tables.items()):
        drawn = np.random.default_rng([seed, n]).normal(size=(table.shape[1],) * 2)
        made[site] = (table - table.mean(0)) @ np.linalg.qr(drawn)[0]
    return made
