"""`agentkit bench memory-peers`: the same facts by sparse memory, by retrieval into the prompt, and
by finetuning with ordinary text replayed beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agentkit.bench import Bench, Experiment, Metric, Needs, Result, interval
from agentkit.capabilities import Embed
from agentkit.capabilities.analyzer import Table
from agentkit_sparse_memory.batches import measure
from agentkit_sparse_memory.bench.bed import Bed, Lesson, right
from agentkit_sparse_memory.bench.methods import Method, follow, forgotten
from agentkit_sparse_memory.facts import UNSEEN, Fact, Phrasing
from agentkit_sparse_memory.invented import invented
from agentkit_sparse_memory.settings import LearnSettings

NEAREST = 3  # facts that retrieval puts into a prompt
FRAME = "Facts:\n{}\nAnswer from these facts."
"""The best of five ways to put them, on seeds 11 to 13: 68 % right; as plain sentences, 15 %."""


@dataclass(frozen=True, slots=True)
class Row:
    """unseen: share right. rose: of the loss on ordinary text. tokens: of a question's prompt."""

    unseen: float
    rose: float
    cloze: float
    tokens: float


def peers(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    name = bench.options.get("model", "small" if quick else "smollm2-135m")
    count = int(bench.options.get("facts", 2 if quick else 8))
    steps = int(bench.options.get("steps", 6 if quick else 48))
    bed = Bed(bench, name)
    memory = LearnSettings(t=512, max_forget=1e9, target_nll=0.0, probe=10**6)
    trained = [
        Method("sparse memory", "memory", 0.3, memory),
        # The rates that learn the facts in `memory-tradeoff`; a third of them teaches nothing.
        Method("full finetuning, replay", "full", 3e-5, replay=True),
        Method("lora, replay", "lora", 1e-3, replay=True),
    ]
    found: dict[str, list[Row]] = {}
    seeds = bench.seeds[: 1 if quick else None]
    for number, seed in enumerate(seeds):
        facts = invented(count, seed)
        lesson = Lesson(bed, facts)
        plain = measure(bed.trunk(), bed.held_out).nll
        for method in trained:
            key = f"{name} {method.name} {method.rate} {count} {steps} {seed}"
            row = bench.once(key, _trained(bed, lesson, method, steps, plain))
            found.setdefault(method.name, []).append(Row(**row))
        row = bench.once(f"{name} retrieval, listed {count} {seed}", _retrieval(bed, bench, facts))
        found.setdefault("retrieval", []).append(Row(**row))
        bench.progress.update(number + 1, len(seeds))
    figures = {who: _metrics(rows) for who, rows in found.items()}
    own = trained[0].name
    return Result(
        figures[own],
        _verdict(figures, name, count),
        baselines={who: m for who, m in figures.items() if who != own},
        tables=[_table(figures)],
    )


def _trained(
    bed: Bed, lesson: Lesson, method: Method, steps: int, plain: float
) -> Callable[[], dict[str, float]]:
    def work() -> dict[str, float]:
        (point,) = follow(bed, lesson, method, steps, [steps])
        scores = point.scores
        rose = forgotten(plain, scores.held_out)
        return {
            "unseen": scores.unseen.right,
            "rose": rose,
            "cloze": scores.cloze,
            "tokens": _tokens(bed, [p for f in lesson.facts for p in f.phrasings(UNSEEN)]),
        }

    return work


def _retrieval(bed: Bed, bench: Bench, facts: Sequence[Fact]) -> Callable[[], dict[str, float]]:
    """The nearest facts, by embeddings, before the question; weights as they are."""

    def work() -> dict[str, float]:
        kit = bench.kit
        if "memory-bench-minilm" not in kit.names("model"):
            kit.define("model", "memory-bench-minilm", use="embedder", model="minilm")
        embed = kit.model("memory-bench-minilm").ability(Embed).embed
        kept = [_sentence(fact) for fact in facts]
        asked = [p for fact in facts for p in fact.phrasings(UNSEEN)]
        near = embed([p.prompt for p in asked]) @ embed(kept).T
        told = []
        for phrasing, row in zip(asked, near):
            best = np.argsort(row)[-NEAREST:]  # the nearest last, where a small model looks first
            told.append(_with(phrasing, FRAME.format("\n".join(f"- {kept[n]}" for n in best))))
        hits = right(bed.trunk(), bed.encoder.batches(told, 16))
        cloze = measure(bed.trunk(), bed.cloze).right if bed.cloze else 1.0
        share = sum(hits) / len(hits)
        return {"unseen": share, "rose": 0.0, "cloze": cloze, "tokens": _tokens(bed, told)}

    return work


def _sentence(fact: Fact) -> str:
    text = str(fact)
    return f"{text[:1].upper()}{text[1:]}."


def _with(phrasing: Phrasing, text: str) -> Phrasing:
    """The phrasing with a text before it: in the question of a conversation, else in front."""
    return Phrasing(f"{text}\n{phrasing.prompt}", phrasing.target, phrasing.chat)


def _tokens(bed: Bed, phrasings: Sequence[Phrasing]) -> float:
    return sum(len(bed.encoder.pair(p)[0]) for p in phrasings) / len(phrasings)


def _metrics(rows: Sequence[Row]) -> dict[str, Metric]:
    return {
        "unseen phrasings right": interval([r.unseen for r in rows], center="mean"),
        "loss on ordinary text rose by": interval([r.rose for r in rows], center="mean"),
        "common knowledge kept": interval([r.cloze for r in rows], center="mean"),
        "tokens of a question": interval([r.tokens for r in rows], center="mean"),
    }


def _table(figures: Mapping[str, Mapping[str, Metric]]) -> Table:
    rows = []
    for who, m in figures.items():
        known, rose, cloze, tokens = (metric.value for metric in m.values())
        rows.append((who, f"{known:.0%}", f"{rose:+.2%}", f"{cloze:.0%}", round(tokens, 1)))
    columns = ("method", "unseen right", "ordinary text", "common knowledge", "prompt tokens")
    return Table("The same facts", columns, tuple(rows))


def _verdict(figures: Mapping[str, Mapping[str, Metric]], name: str, count: int) -> str:
    told: list[Any] = [
        f"{who} {m['unseen phrasings right'].value:.0%} right, ordinary text "
        f"{m['loss on ordinary text rose by'].value:+.1%}"
        for who, m in figures.items()
    ]
    long = figures["retrieval"]["tokens of a question"].value
    short = figures["sparse memory"]["tokens of a question"].value
    return (
        f"{count} facts on {name}: {'; '.join(told)}. Retrieval changes no weights and takes "
        f"{long - short:.0f} more tokens in every prompt; a fact that nobody looks for is not "
        "there. Weights answer without being asked in the right words and cannot be cited. Replay "
        "keeps what is replayed, at twice the work a step, and changes all weights for good. For "
        "facts that change often, or must be quoted, retrieval is the better tool."
    )


PEERS = Experiment(
    name="memory-peers",
    question="What are sparse memory, retrieval, and finetuning with replay each good for?",
    run=peers,
    seeds=(0, 1, 2),
    needs={
        "normal": Needs(weights=("smollm2-135m", "minilm"), memory=6 << 30, hours=1.0),
        "quick": Needs(weights=("minilm",), memory=2 << 30, hours=0.02),
    },
)
