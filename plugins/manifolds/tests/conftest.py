"""Texts and a planted model, whose right answers are known."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import torch

from agentkit.testing.progress import Recorder
from agentkit_manifolds.moments import Curves, within
from agentkit_manifolds.planted import Bytes, Planted
from agentkit_manifolds.stream import Sums, by_value, collect, shuffled
from agentkit_manifolds.task import ScalarTask, Text, line_task
from agentkit_manifolds.tokens import Placer

WIDTHS = (20, 26, 32, 38, 44, 50)
SITES = ("embed", "post.0", "post.1")

Pooled = Callable[..., Curves]


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def invented(seed: int, words: int = 90) -> str:
    """Words of one to nine letters."""
    rng = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    return " ".join("".join(rng.choices(letters, k=rng.randint(1, 9))) for _ in range(words))


@pytest.fixture(scope="session")
def texts() -> list[Text]:
    return [Text(f"document {n}", invented(n)) for n in range(48)]


@pytest.fixture(scope="session")
def placer() -> Placer:
    return Placer(Bytes())


@pytest.fixture(scope="session")
def task(texts: list[Text], placer: Placer) -> ScalarTask:
    return line_task(texts, WIDTHS, placer, limit=400)


@pytest.fixture(scope="session")
def planted() -> Planted:
    return Planted()


@pytest.fixture(scope="session")
def sums(planted: Planted, task: ScalarTask) -> Sums:
    """One pass of the planted model."""
    # From 13 on: every line begins with a word, so spaces tell the first columns apart.
    counts = [by_value(f"count {k}", "count", 13, 45, 2, width=k) for k in WIDTHS]
    widths = by_value("line", "count", 13, 45, 2, newline=True)
    wanted = (*counts, *map(shuffled, counts), widths)
    return collect(planted, task, SITES, wanted, Recorder())


@pytest.fixture(scope="session")
def pooled(sums: Sums) -> Pooled:
    """The curve of the count at a site, and the same with shuffled labels."""
    return lambda site, suffix="": within(
        [sums.curves[site][f"count {k}{suffix}"] for k in WIDTHS]
    ).enough()
