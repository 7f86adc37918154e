"""Texts and a planted model, whose right answers are known."""

from __future__ import annotations

import random

import pytest
import torch

from agentkit.testing.progress import Recorder
from agentkit_manifolds.planted import Bytes, Planted
from agentkit_manifolds.stream import Sums, by_value, collect, shuffled
from agentkit_manifolds.task import ScalarTask, Text, line_task
from agentkit_manifolds.tokens import Placer

WIDTHS = (20, 26, 32, 38, 44, 50)
SITES = ("embed", "post.0", "post.1")


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
    # From 5 on: no line begins with a space, which any model can tell.
    counts = by_value("count", "count", 5, 45, 2)
    widths = by_value("line", "count", 5, 45, 2, newline=True)
    return collect(planted, task, SITES, (counts, shuffled(counts), widths), Recorder())
