"""The analyzer: which training examples taught a model what it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, field_validator

from agentkit.capabilities import LanguageModel, Progress, Report, Table, Tokens
from agentkit.errors import Cancelled, UsageError
from agentkit.files import write_atomic
from agentkit.kit import Parts
from agentkit.settings import PartSettings
from agentkit_bayes_influence.diagnostics import Gate
from agentkit_bayes_influence.findings import Finding, findings
from agentkit_bayes_influence.language import (
    Example,
    asked,
    borrowed,
    chosen,
    encode,
    load_trained,
    read_examples,
    said_in,
    used_in,
)
from agentkit_bayes_influence.page import note, page
from agentkit_bayes_influence.posterior import Items, Posterior
from agentkit_bayes_influence.sampling import Resolved, Sampling
from agentkit_bayes_influence.tail import shortened
from agentkit_bayes_influence.traces import Prediction, Traces, TraceStore

DEFAULT = Sampling(step=1.0, chains=2, draws=100, batch=8)


class Settings(PartSettings):
    """model: whose answers. examples: a file of JSON lines {text} or {prompt, answer}; subjects
    that end in .jsonl are such files, too. checkpoint: a trainer's folder; its weights stand in for
    the model's, and its steps.jsonl tells which step used an example. parameters: a regular
    expression for the sampled weights; influence is that of these weights alone; "": the last
    layer's MLP. sampling: see `Sampling`. chat: prompts go through the chat template. tokens: keep
    losses of single tokens. longest: tokens of a text. top: examples told of a query. ess, rhat:
    what must be reached before a number is told. memory: MiB of traces. chunk: texts of one pass.
    """

    model: str = "small"
    examples: Path | None = None
    checkpoint: Path | None = None
    parameters: str = ""
    sampling: Sampling = DEFAULT
    chat: bool = False
    tokens: bool = True
    longest: int = Field(default=64, ge=2)
    top: int = Field(default=10, ge=1)
    ess: float = Field(default=50.0, ge=0)
    rhat: float = Field(default=1.1, ge=1)
    memory: int = Field(default=2048, ge=1)
    chunk: int = Field(default=8, ge=1)

    @field_validator("sampling", mode="before")
    @classmethod
    def _others_stay(cls, given: Any) -> Any:
        """One setting of the sampling leaves the others at this part's defaults."""
        return DEFAULT.model_dump() | given if isinstance(given, dict) else given


@dataclass
class Study:
    """A question that is ready to be sampled. subset: names and number of the sampled weights."""

    examples: list[Example]
    queries: list[Example]
    pieces: list[list[str]]
    said: list[list[str]]
    posterior: Posterior
    items: Items
    store: TraceStore
    subset: str


class InfluenceAnalyzer:
    """Subjects: queries, and files of examples (.jsonl) beside those of the settings. A query is
    "prompt => answer", a prompt that the model answers now, or "run:ID" or "run:ID:N", the last or
    N-th model call of a run."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._settings, self._parts = settings, parts
        self._model: LanguageModel = parts["model"]
        self._gate = Gate(settings.ess, settings.rhat)

    def plan(self, subjects: Sequence[str], out: Path) -> str:
        """What a run would take: sampled weights, settings used, memory and time."""
        with ExitStack() as stack:
            study = self._study(subjects, out, stack)
            return _planned(
                study,
                *study.store.prepare(study.posterior, study.items, self._settings.sampling),
            )

    def analyze(
        self,
        subjects: Sequence[str],
        out: Path,
        progress: Progress,
        on_plan: Callable[[str], None] = lambda text: None,
    ) -> Report:
        """Samples what is not in `out` yet, and writes influence.html there. on_plan: is told what
        it takes before it begins.

        Raises:
            UsageError: no examples or no query; settings that cannot be.
            DataError: a file is none, or a chain ran away.
        """
        if progress.cancel:
            raise Cancelled
        with ExitStack() as stack:
            study = self._study(subjects, out, stack)
            wanted = self._settings.sampling
            use, told = study.store.prepare(study.posterior, study.items, wanted)
            on_plan(_planned(study, use, told))
            about = {"parameters": study.subset}
            traces = study.store.sample(study.posterior, study.items, wanted, progress, about, use)
        return self._report(study, traces, out)

    def _study(self, subjects: Sequence[str], out: Path, stack: ExitStack) -> Study:
        s = self._settings
        files = [Path(one) for one in subjects if one.endswith(".jsonl")]
        files = ([self._parts.resolve(s.examples)] if s.examples else []) + files
        wanted = [one for one in subjects if not one.endswith(".jsonl")]
        if not files or not wanted:
            raise UsageError(
                "there is nothing to explain" if files else "there are no examples",
                'give a file of examples, notes.jsonl, and a query, "prompt => answer"',
            )
        examples = [one for path in files for one in read_examples(path)]
        if len({one.id for one in examples}) < len(examples):
            raise UsageError("two files have an example of one id", "give every id once")
        if s.checkpoint:
            steps = used_in(self._parts.resolve(s.checkpoint))
            examples = [replace(one, steps=steps.get(one.id, ())) for one in examples]
        queries = [self._query(one) for one in wanted]
        tokens = self._model.ability(Tokens)
        items, pieces = encode(examples, tokens, chat=s.chat, longest=s.longest)
        aims, said = encode(queries, tokens, chat=s.chat, longest=s.longest)

        def change(module: Any) -> None:
            if s.checkpoint:
                load_trained(module, self._parts.resolve(s.checkpoint))

        module = stack.enter_context(borrowed(self._model, change))
        weights = chosen(module, s.parameters)
        loss, items, aims = shortened(module, weights, items, aims, s.chunk)
        posterior = Posterior(loss, weights, items, chunk=s.chunk, side_by_side=False)
        store = TraceStore(out / "traces", by_token=s.tokens, limit=s.memory << 20, together=1)
        names = [*list(weights)[:3], *([f"{len(weights) - 3} more"] if len(weights) > 3 else [])]
        subset = f"{posterior.dimension:,} weights ({', '.join(names)})"
        return Study(examples, queries, pieces, said, posterior, aims, store, subset)

    def _query(self, text: str) -> Example:
        if not text.startswith("run:"):
            return asked(self._model, text, chat=self._settings.chat)
        from agentkit.testing.replay import from_run

        _, run, *rest = text.split(":")
        if len(rest) > 1 or not all(one.isdigit() for one in rest):
            raise UsageError(f"the query {text!r} is none", "write run:ID or run:ID:3")
        return said_in(from_run(self._parts.kit.runs, run), run, int(rest[0]) if rest else None)

    def _report(self, study: Study, traces: Traces, out: Path) -> Report:
        s = self._settings
        found, whole = findings(
            traces,
            study.examples,
            study.queries,
            study.pieces,
            study.said,
            gate=self._gate,
            top=s.top,
        )
        use = Resolved(**traces.used)
        health = (
            f"{s.sampling.chains} chains of {s.sampling.draws} draws over {study.subset}. "
            f"{use.told()}. Median R-hat {np.median(whole.rhat):.2f}, draws that count "
            f"{np.median(whole.ess):.0f}; |w - w*| {traces.distance.mean():.3g}."
        )
        path = write_atomic(out / "influence.html", page("Why did it say that?", found, health))
        return Report(
            "\n\n".join([*(_told(one) for one in found), health]),
            tuple(_table(one) for one in found),
            {"distance": traces.distance, "rhat": np.minimum(whole.rhat, 1e9), "ess": whole.ess},
            (path,),
        )


def _planned(study: Study, use: Resolved, told: Prediction) -> str:
    return f"sampling {study.subset}: {use.told()}\n{told.told()}"


def _told(one: Finding) -> str:
    best = f"first {one.rows[0].example.id!r}; " if one.rows else ""
    return f"**{one.query.text}**: {best}{note(one)}"


def _table(one: Finding) -> Table:
    columns = ("example", "correlation", "± 1 SE", "text", "steps")
    rows = tuple(
        (
            row.example.id,
            round(row.value, 3),
            round(row.error, 3),
            row.example.text,
            ", ".join(map(str, row.example.steps[:8])),
        )
        for row in one.rows
    )
    return Table(one.query.text, columns, rows)
