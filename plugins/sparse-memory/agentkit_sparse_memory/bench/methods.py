"""Ways to learn the same facts: sparse memory with each policy, and what it is compared with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from agentkit.errors import BudgetExceeded
from agentkit_sparse_memory.batches import Batch, Trunk
from agentkit_sparse_memory.bench.bed import Bed, Lesson, Scores
from agentkit_sparse_memory.learning import learn
from agentkit_sparse_memory.settings import LearnSettings

ALL = 1 << 30  # rows: every one that was read


@dataclass(frozen=True, slots=True)
class Point:
    """A place on the way: after so many steps, with so many numbers of the model changed."""

    step: int
    scores: Scores
    numbers: int


@dataclass(frozen=True, slots=True)
class Method:
    """name: as it stands in tables. kind: "memory", "full" or "lora". rate: of its optimizer.
    replay: ordinary text in every batch."""

    name: str
    kind: str
    rate: float
    settings: LearnSettings = field(default_factory=LearnSettings)
    replay: bool = False


def methods(quick: bool) -> list[Method]:
    """What the trade-off is measured for."""

    def memory(name: str, rate: float = 0.3, **change: Any) -> Method:
        settings = LearnSettings(t=512, max_forget=1e9, target_nll=0.0, rate=rate, probe=10**6)
        return Method(name, "memory", rate, settings.model_copy(update=change))

    found = [
        memory("memory, tfidf"),
        memory("memory, random", policy="random"),
        Method("full finetuning", "full", 1e-5),
        Method("lora", "lora", 3e-4),
    ]
    if quick:
        return found
    return [
        *found,
        memory("memory, tfidf, t = 128", t=128),
        memory("memory, kl", policy="kl"),
        memory("memory, tf", policy="tf"),
        memory("memory, oracle", policy="oracle"),
        memory("memory, all rows read", t=ALL),
        memory("memory, tfidf, Adam", optimizer="adam"),
        Method("full finetuning, 3x", "full", 3e-5),
        Method("lora, 3x", "lora", 1e-3),
    ]


def follow(
    bed: Bed, lesson: Lesson, method: Method, steps: int, looks: Sequence[int]
) -> list[Point]:
    """The way of one method, looked at after some steps; the bed is as before afterwards."""
    if method.kind == "memory":
        return _memory(bed, lesson, method, steps, looks)
    with bed.copied() as module:
        return _weights(bed, lesson, method, steps, looks, module)


def _memory(
    bed: Bed, lesson: Lesson, method: Method, steps: int, looks: Sequence[int]
) -> list[Point]:
    points: list[Point] = []
    start = bed.memory.values.detach().clone()
    settings = method.settings.model_copy(update={"steps": steps})

    def watch(step: int) -> None:
        if step in looks:
            moved = int((bed.memory.values.detach() != start).any(1).sum())
            points.append(Point(step, lesson.scores(), moved * start.shape[1]))

    try:
        learn(
            bed.memory,
            bed.trunk(),
            lesson.batches,
            bed.index,
            [],
            settings,
            unit=bed.unit,
            watch=watch,
        )
    except BudgetExceeded:
        pass
    finally:
        with torch.no_grad():
            bed.memory.values.copy_(start)
    return points


def _weights(
    bed: Bed, lesson: Lesson, method: Method, steps: int, looks: Sequence[int], module: Any
) -> list[Point]:
    if method.kind == "lora":
        from peft import LoraConfig, get_peft_model

        linears = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
        torch.manual_seed(0)  # peft draws its matrices from the global state
        peft = get_peft_model(module, LoraConfig(r=8, lora_alpha=16, target_modules=linears))
        trained = [p for p in peft.parameters() if p.requires_grad]
    else:
        module.requires_grad_(True)
        trained = list(module.parameters())
    numbers = sum(p.numel() for p in trained)
    optimizer = torch.optim.AdamW(trained, lr=method.rate, weight_decay=0.0)
    trunk, points = Trunk(module, 0), []
    noise = torch.Generator().manual_seed(method.settings.seed)
    replayed = _replayed(bed) if method.replay else []
    batches = [_plain(batch) for batch in lesson.batches]
    for number in range(steps):
        if number % len(batches) == 0:
            order = torch.randperm(len(batches), generator=noise).tolist()
        loss = trunk.loss(batches[order[number % len(batches)]])
        if replayed:
            loss = loss + trunk.loss(replayed[number % len(replayed)])
        for group in optimizer.param_groups:
            group["lr"] = method.rate * (1 - number / steps)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if number + 1 in looks:
            points.append(Point(number + 1, _scores(lesson, trunk), numbers))
    return points


def _plain(batch: Batch) -> Batch:
    """Without states that another model computed."""
    return Batch(batch.ids, batch.mask, batch.labels)


def _replayed(bed: Bed) -> list[Batch]:
    """Ordinary text to learn beside the facts; not what forgetting is measured on."""
    from agentkit_sparse_memory.texts import ordinary, split

    texts, _ = split(ordinary([]))
    return bed.encoder.texts(texts[1::29], 64, 4)[:200]


def _scores(lesson: Lesson, trunk: Trunk) -> Scores:
    """As `lesson.scores`, on a model of its own."""
    from agentkit_sparse_memory.batches import measure

    bed = lesson.bed

    def of(batches: Iterable[Batch]) -> Any:
        return measure(trunk, [_plain(batch) for batch in batches])

    cloze = of(bed.cloze).right if bed.cloze else 1.0
    return Scores(of(lesson.seen), of(lesson.unseen), of(bed.held_out).nll, cloze)


def forgotten(before: float, now: float) -> float:
    """The rise of the loss on ordinary text, as a share of it."""
    return now / before - 1 if math.isfinite(now) else math.inf
