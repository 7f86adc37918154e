"""`agentkit bench memory-documents`: passages of Debian's own documentation, learned by reading.

Every package that is installed has a description. A passage is one of them; it is read as it is and
in other arrangements, and asked about: what is this package? Other packages' questions, never read
about, show what is known without reading.
"""

from __future__ import annotations

import random
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentkit.bench import Bench, Experiment, Metric, Needs, Result
from agentkit.capabilities.analyzer import Table
from agentkit.errors import DataError
from agentkit_sparse_memory.batches import measure
from agentkit_sparse_memory.bench.bed import Bed, Lesson, Scores, scores_from
from agentkit_sparse_memory.bench.methods import Method, follow, forgotten
from agentkit_sparse_memory.facts import Fact, Phrasing
from agentkit_sparse_memory.settings import LearnSettings

STATUS = Path("/var/lib/dpkg/status")
LONGEST = 400  # characters of a passage


@dataclass(frozen=True, slots=True)
class Passage:
    """A package's name, its description in a few words, and the text below it."""

    name: str
    short: str
    text: str

    def augmented(self) -> Fact:
        """The passage in several arrangements, in place of templates for a fact."""
        sentences = [s.strip(" .") for s in self.text.split(". ") if s.strip(" .")]
        random.Random(f"sentences {self.name}").shuffle(sentences)
        forms = (
            ("", f"{self.name} - {self.short}\n{self.text}"),
            (f"Package: {self.name}\nDescription:", f" {self.short}\n{self.text}"),
            (f"{self.name} ({self.short}):", f" {'. '.join(sentences)}."),
            (f"The package {self.name} is described as", f" {self.short}."),
            (f"Q: What is the Debian package {self.name}?\nA:", f" {self.short}."),
            (f"If you need {self.short}, install", f" {self.name}."),
            (f"In Debian, {self.name} stands for", f" {self.short}."),
            (f"{self.name}: short description:", f" {self.short}\n"),
        )
        return Fact(self.name, "description", self.short, forms)

    def questions(self) -> list[Phrasing]:
        """Never learned from."""
        chat = f"Which description does the Debian package {self.name} have?"
        return [
            Phrasing(f"Someone asks what {self.name} is in Debian. It is", f" {self.short}."),
            Phrasing(chat, f" {self.short}.", f"{self.name} is described as"),
        ]


def passages(status: Path = STATUS) -> list[Passage]:
    """All packages with a description of some sentences, by name.

    Raises:
        DataError: there is no list of Debian packages here.
    """
    try:
        text = status.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise DataError(
            f"{status}: cannot be read: {error}", "this experiment reads Debian's package list"
        ) from error
    found = {}
    for entry in text.split("\n\n"):
        name = _field(entry, "Package")
        head, _, rest = _field(entry, "Description").partition("\n")
        body = " ".join(" ".join(line.strip(" .") for line in rest.splitlines()).split())
        if name and len(body) > 80 and 10 < len(head) < 70:
            cut = textwrap.shorten(body, LONGEST, placeholder="")
            found[name] = Passage(name, head, cut)
    return [found[name] for name in sorted(found)]


def _field(entry: str, name: str) -> str:
    lines: list[str] = []
    for line in entry.splitlines():
        if line.startswith(f"{name}:"):
            lines = [line.partition(":")[2].strip()]
        elif lines and line.startswith(" "):
            lines.append(line)
        elif lines:
            break
    return "\n".join(lines)


def documents(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    name = bench.options.get("model", "small" if quick else "smollm2-135m")
    count = int(bench.options.get("passages", 2 if quick else 50))
    steps = int(bench.options.get("steps", 3 if quick else 150))
    every = passages()
    if len(every) < 2 * count:
        raise DataError(f"{len(every)} packages have a description", f"{2 * count} are needed")
    chosen = random.Random(bench.seeds[0]).sample(every, 2 * count)
    read, others = chosen[:count], chosen[count:]
    bed = Bed(bench, name)
    lesson = _Reading(bed, read)
    control = bed.encoder.batches([q for p in others for q in p.questions()], 16)
    t = 256 if quick else 4096
    settings = LearnSettings(t=t, max_forget=1e9, target_nll=0.0, probe=10**6, rate=0.1)
    ways = [
        Method("sparse memory", "memory", 0.1, settings),
        Method("lora", "lora", 3e-4),
    ]
    start = lesson.scores()
    rows: list[tuple[Any, ...]] = [_row("before", start, start.held_out)]
    figures: dict[str, dict[str, Metric]] = {"before": _metrics(start, start.held_out)}
    unread = measure(bed.trunk(), control).nll
    for number, method in enumerate(ways):

        def work(method: Method = method) -> dict[str, Any]:
            (point,) = follow(bed, lesson, method, steps, [steps])
            return point.scores.to_json()

        scores = scores_from(bench.once(f"{name} {method.name} {count} {steps}", work))
        rows.append(_row(method.name, scores, start.held_out))
        figures[method.name] = _metrics(scores, start.held_out)
        bench.progress.update(number + 1, len(ways))
    columns = ("method", "read texts, nats", "questions, nats", "questions right", "ordinary text")
    return Result(
        figures["sparse memory"],
        _verdict(figures, name, count, unread),
        baselines={who: m for who, m in figures.items() if who != "sparse memory"},
        tables=[Table(f"{count} passages", columns, tuple(rows))],
    )


class _Reading(Lesson):
    """Passages in the place of facts: what is learned is all of their text."""

    def __init__(self, bed: Bed, read: Sequence[Passage]) -> None:
        super().__init__(bed, [passage.augmented() for passage in read], size=12)
        self.seen = self.batches[: max(1, len(self.batches) // 4)]
        self.unseen = bed.encoder.batches([q for p in read for q in p.questions()], 16)


def _row(who: str, scores: Scores, before: float) -> tuple[Any, ...]:
    return (
        who,
        round(scores.seen.nll, 3),
        round(scores.unseen.nll, 3),
        f"{scores.unseen.right:.0%}",
        f"{forgotten(before, scores.held_out):+.2%}",
    )


def _metrics(scores: Scores, before: float) -> dict[str, Metric]:
    return {
        "questions, loss": Metric(scores.unseen.nll, unit="nats"),
        "questions right": Metric(scores.unseen.right),
        "loss on ordinary text rose by": Metric(forgotten(before, scores.held_out)),
        "common knowledge kept": Metric(scores.cloze),
    }


def _verdict(
    figures: Mapping[str, Mapping[str, Metric]], name: str, count: int, unread: float
) -> str:
    told = "; ".join(
        f"{who}: {m['questions, loss'].value:.2f} nats a token, {m['questions right'].value:.0%} "
        f"right, ordinary text {m['loss on ordinary text rose by'].value:+.1%}"
        for who, m in figures.items()
    )
    return (
        f"{name} read {count} descriptions of Debian packages, each in eight arrangements, and was "
        f"asked in others. {told}. Questions about as many packages that were not read about: "
        f"{unread:.2f} nats before. An answer is right when all of its tokens are the greedy ones, "
        "which is strict for a description of several words. The paper reads Wikipedia pages with "
        "64 rewritings of each passage by a large model; these arrangements are made by rules."
    )


DOCUMENTS = Experiment(
    name="memory-documents",
    question="Can passages be learned by reading, so that questions about them are answered?",
    run=documents,
    needs={
        "normal": Needs(weights=("smollm2-135m",), memory=6 << 30, hours=0.4),
        "quick": Needs(memory=2 << 30, hours=0.02),
    },
)
