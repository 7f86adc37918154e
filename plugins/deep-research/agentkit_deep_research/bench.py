"""Experiment `report`: is the answer among the quotes, are they true, and what does it take?"""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentkit.bench import Bench, Metric, interval, proportion
from agentkit.errors import DataError
from agentkit_deep_research.evidence import Span
from agentkit_deep_research.verify import check
from agentkit_deep_research.words import folded

CORPORA = Path(__file__).resolve().parents[3] / "examples" / "corpora"
KINDS = ("lexical", "paraphrase", "absent")
# Name of a variant, and the roles that models play in it. The first is the floor.
VARIANTS: Mapping[str, Mapping[str, str]] = {
    "no model": {},
    "MiniLM": {"embedder": "minilm"},
    "SmolLM2 ranks": {"ranker": "small"},
    "SmolLM2 gives keywords": {"keywords": "small"},
    "Qwen 0.5B ranks": {"ranker": "qwen"},
    "Qwen 0.5B gives keywords": {"keywords": "qwen"},
    "MiniLM, SmolLM2 ranks": {"embedder": "minilm", "ranker": "small"},
}


@dataclass(frozen=True, slots=True)
class Item:
    """A question. answer: what the answering words match, "" where there is no answer."""

    id: str
    kind: str
    split: str
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Row:
    """One question's report. quotes: in order, white space folded; wrong: quotes that do not
    stand in their source at their bytes."""

    item: Item
    quotes: tuple[str, ...]
    wrong: int
    not_found: bool
    seconds: float
    tokens: int

    def answered(self, first: int | None = None) -> bool:
        """Whether the answering words stand in one of the (first few) quotes."""
        return any(re.search(self.item.answer, q, re.I) for q in self.quotes[:first])


def items(split: str) -> list[Item]:
    """The questions of a split, in the order of the file.

    Raises:
        DataError: the repository's corpora are not there.
    """
    file = CORPORA / "sqlite.questions.jsonl"
    if not file.is_file():
        raise DataError(f"there is no {file}", "run this in a checkout of the repository")
    lines = (json.loads(line) for line in file.read_text("utf-8").splitlines())
    return [
        Item(d["id"], d["kind"], d["split"], d["question"], d["answer"] or "")
        for d in lines
        if d["split"] == split
    ]


def ask(
    questions: Iterable[Item],
    settings: Mapping[str, Any],
    *,
    source: Mapping[str, Any] | None = None,
    bench: Bench | None = None,
) -> list[Row]:
    """Runs the agent on each question in a store of its own and checks each quote anew.

    Args:
        settings: of the agent. source: of the folder source.
    """
    import agentkit

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        kit = agentkit.load(overrides=[f"host.store={json.dumps(folder)}"])
        with kit:
            path = str(CORPORA / "sqlite")
            kit.define("source", "docs", use="folder", path=path, **(source or {}))
            kit.define("agent", "bench", use="deep-research", sources=["docs"], **settings)
            kit.source("docs").search("what comes before the first question", 1)
            for item in questions:
                if bench is not None and bench.progress.cancel:
                    break
                rows.append(_one(kit, item))
    return rows


def _one(kit: Any, item: Item) -> Row:
    started = time.perf_counter()
    run = kit.agent("bench").run(item.question)
    run.wait()
    seconds = time.perf_counter() - started
    answer = run.result
    tokens = sum(
        sum(u["prompt"] + u["spent"] for u in event.data.get("usage", ()))
        + int(event.data.get("tokens", 0))
        for event in kit.runs.tail(run.id, kinds=("model.done", "score.done"))
    )
    wrong = 0
    for c in answer.citations:
        document = kit.source(c.source).open(c.document)
        span = Span("", c.source, c.document, c.title, "", c.sha256, c.start, c.end, c.text)
        wrong += bool(check(span, document))
    quotes = tuple(folded(c.text) for c in answer.citations)
    return Row(item, quotes, wrong, bool(answer.not_found) and not quotes, seconds, tokens)


def summary(rows: Sequence[Row]) -> dict[str, Metric]:
    """The figures of a variant."""
    made: dict[str, Metric] = {}
    quotes = [q for row in rows for q in row.quotes]
    if quotes:
        made["quote precision"] = proportion(len(quotes) - sum(r.wrong for r in rows), len(quotes))
    for kind in KINDS[:2]:
        own = [r for r in rows if r.item.kind == kind]
        if own:
            for first, name in ((None, "all quotes"), (1, "first quote"), (3, "first 3")):
                found = sum(r.answered(first) for r in own)
                made[f"{kind}: answer in {name}"] = proportion(found, len(own))
    absent = [r for r in rows if r.item.kind == "absent"]
    if absent:
        made["absent: said so"] = proportion(sum(r.not_found for r in absent), len(absent))
    there = [r for r in rows if r.item.kind != "absent"]
    if there:
        made["answerable: wrongly not found"] = proportion(
            sum(r.not_found for r in there), len(there)
        )
        made["quotes a report"] = interval([len(r.quotes) for r in there], "", center="mean")
        sizes = [sum(len(q.encode()) for q in r.quotes) for r in there]
        made["bytes quoted"] = interval(sizes, "B", center="mean")
    made["time"] = interval([r.seconds for r in rows], "s")
    made["tokens"] = interval([r.tokens for r in rows], "", center="mean")
    return made
