"""`agentkit bench memory-documents`: passages of Debian's own documentation, learned by reading.

Every package that is installed has a description. A passage is one of them; it is read as it is and
in other arrangements, and asked about: what is this package? The descriptions of four packages are
offered. Other packages' questions, never read about, show what is known without reading.
"""

from __future__ import annotations

import random
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from agentkit.bench import Bench, Experiment, Figure, Metric, Needs, Result, proportion
from agentkit.capabilities.analyzer import Table
from agentkit.errors import DataError, UsageError
from agentkit_sparse_memory.batches import Score, Trunk, measure
from agentkit_sparse_memory.bench.bed import Bed, Lesson, Scores, scores_from
from agentkit_sparse_memory.bench.methods import Method, follow, forgotten
from agentkit_sparse_memory.facts import Fact, Phrasing
from agentkit_sparse_memory.settings import LearnSettings

STATUS = Path("/var/lib/dpkg/status")
LONGEST = 400  # characters of a passage
OFFERED = 4  # descriptions that a question is asked with; one is right
LOOKS = (8, 20, 50, 100, 150)  # steps
Way = list[tuple[int, Scores]]
"""Scores after so many steps."""


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
    count = int(bench.options.get("passages", OFFERED if quick else 50))
    steps = int(bench.options.get("steps", 3 if quick else 150))
    if count < OFFERED:
        raise UsageError(f"{count} passages are too few", f"at least {OFFERED} are told apart")
    every = passages()
    if len(every) < 2 * count:
        raise DataError(f"{len(every)} packages have a description", f"{2 * count} are needed")
    chosen = random.Random(bench.seeds[0]).sample(every, 2 * count)
    read, others = chosen[:count], chosen[count:]
    bed = Bed(bench, name)
    lesson = _Reading(bed, read)
    control = _Reading(bed, others)
    t = 256 if quick else 4096
    settings = LearnSettings(t=t, max_forget=1e9, target_nll=0.0, probe=10**6, rate=0.1)
    methods = [Method("sparse memory", "memory", 0.1, settings), Method("lora", "lora", 3e-4)]
    looks = [n for n in LOOKS if n < steps] + [steps]
    start, unread = lesson.scores(), control.answered(bed.trunk())
    ways: dict[str, Way] = {}
    for number, method in enumerate(methods):

        def work(method: Method = method) -> list[tuple[int, dict[str, Any]]]:
            points = follow(bed, lesson, method, steps, looks)
            return [(p.step, p.scores.to_json()) for p in points]

        kept = bench.once(f"{name} {method.name} {count} {looks} {bench.seeds[0]}", work)
        ways[method.name] = [(step, scores_from(plain)) for step, plain in kept]
        bench.progress.update(number + 1, len(methods))
    figures = {"before": _metrics(start, start, 2 * count)}
    figures |= {who: _metrics(_best(way), start, 2 * count) for who, way in ways.items()}
    return Result(
        figures["sparse memory"],
        _verdict(start, ways, name, count, unread),
        baselines={who: m for who, m in figures.items() if who != "sparse memory"},
        tables=[_table(start, ways, count)],
        figures=[Figure("Learned against forgotten", partial(_plot, start, ways))],
    )


class _Reading(Lesson):
    """Passages in the place of facts: what is learned is all of their text. An answer is right
    where it is likelier, token by token, than those about other passages."""

    def __init__(self, bed: Bed, read: Sequence[Passage]) -> None:
        super().__init__(bed, [passage.augmented() for passage in read], size=12)
        self.seen = self.batches[: max(1, len(self.batches) // 4)]
        self.unseen = bed.encoder.batches([q for p in read for q in p.questions()], 16)
        offered = [
            replace(question, target=f" {read[(n + k) % len(read)].short}.")
            for n, passage in enumerate(read)
            for question in passage.questions()
            for k in range(OFFERED)
        ]
        self._offered = bed.encoder.batches(offered, 8 * OFFERED)

    def scores(self, trunk: Trunk | None = None) -> Scores:
        trunk = trunk or self.bed.trunk()
        return replace(super().scores(trunk), unseen=self.answered(trunk))

    def answered(self, trunk: Trunk) -> Score:
        """The loss of the right answers, and how often the right one is the likeliest."""
        right, asked = 0, 0
        with torch.no_grad():
            for batch in self._offered:
                losses, _, rows = trunk.losses(batch)
                total = torch.zeros(len(batch)).index_add_(0, rows, losses)
                mean = total / torch.bincount(rows, minlength=len(batch))
                best = mean.view(-1, OFFERED).argmin(1)
                right, asked = right + int((best == 0).sum()), asked + len(best)
        return Score(measure(trunk, self.unseen).nll, right / asked)


def _best(way: Way) -> Scores:
    """Where it answers best."""
    return min((scores for _, scores in way), key=lambda s: s.unseen.nll)


def _table(start: Scores, ways: Mapping[str, Way], count: int) -> Table:
    found = [("before", 0, start)]
    found += [(who, step, scores) for who, way in ways.items() for step, scores in way]
    rows = tuple(
        (
            who,
            step,
            round(scores.seen.nll, 3),
            round(scores.unseen.nll, 3),
            f"{scores.unseen.right:.0%}",
            f"{forgotten(start.held_out, scores.held_out):+.2%}",
            f"{scores.cloze:.0%}",
        )
        for who, step, scores in found
    )
    columns = ("method", "steps", "read texts, nats", "answers, nats", f"right of {OFFERED}",
               "ordinary text", "common knowledge")  # fmt: skip
    return Table(f"{count} passages", columns, rows)


def _plot(start: Scores, ways: Mapping[str, Way], axes: Any) -> None:
    for who, way in ways.items():
        points = [(0.0, start.unseen.nll)]
        points += [(forgotten(start.held_out, s.held_out), s.unseen.nll) for _, s in way]
        axes.plot(*zip(*points), "o-", label=who)
    axes.set_xlabel("rise of the loss on ordinary text")
    axes.set_ylabel("loss of answers, nats a token")
    axes.legend()


def _metrics(scores: Scores, start: Scores, asked: int) -> dict[str, Metric]:
    return {
        "answers, loss": Metric(scores.unseen.nll, unit="nats"),
        f"right of {OFFERED}": proportion(round(scores.unseen.right * asked), asked),
        "loss on ordinary text rose by": Metric(forgotten(start.held_out, scores.held_out)),
        "common knowledge kept": Metric(scores.cloze),
    }


def _verdict(start: Scores, ways: Mapping[str, Way], name: str, count: int, unread: Score) -> str:
    told = "; ".join(
        f"{who} where it answers best: {best.unseen.nll:.2f} nats a token, {best.unseen.right:.0%} "
        f"right, ordinary text {forgotten(start.held_out, best.held_out):+.1%}"
        for who, best in ((who, _best(way)) for who, way in ways.items())
    )
    return (
        f"{name} read {count} descriptions of Debian packages, each in eight arrangements, and was "
        f"asked in others, with {OFFERED} descriptions to choose from. Before: "
        f"{start.unseen.nll:.2f} nats, {start.unseen.right:.0%} right; {told}. Asked before about "
        f"as many packages that were not read about: {unread.nll:.2f} nats, {unread.right:.0%} "
        "right. One training each, one seed. The paper reads Wikipedia pages with 64 rewritings of "
        "each passage by a large model; these arrangements are made by rules."
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
