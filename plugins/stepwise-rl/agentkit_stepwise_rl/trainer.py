"""`use = "stepwise"`: step-wise GRPO (arXiv 2510.19386, section 3.1.2).

A group is N replies to one sample: they share the prompt, and their rewards are compared with each
other alone. No return, no credit to share out: each step is judged where it stands.

report.json     what each treatment of the data kept and left out, and why
steps.jsonl     a line a step: metrics, and the ids of its samples
traces.jsonl    a line a reply: why it has its reward
checkpoint/     weights, optimizer, and where the training stands
best.safetensors, card.md
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from agentkit.capabilities import (
    Checkpoint,
    Environment,
    Example,
    LanguageModel,
    Message,
    Plan,
    Progress,
    Request,
)
from agentkit.errors import DataError, Paused, UsageError
from agentkit.files import write_atomic
from agentkit.seeds import derive
from agentkit_stepwise_rl.engine import Ask, Copy, Steps, opened
from agentkit_stepwise_rl.episodes import play
from agentkit_stepwise_rl.filtering import PassRates, Report, difficulty_filter
from agentkit_stepwise_rl.record import Lines, card
from agentkit_stepwise_rl.retrained import write_weights
from agentkit_stepwise_rl.rewards import Trace, counted, score
from agentkit_stepwise_rl.runs import samples_of_runs
from agentkit_stepwise_rl.samples import Sample, of_example
from agentkit_stepwise_rl.settings import StepwiseSettings

if TYPE_CHECKING:
    from agentkit.kit import Parts
    from agentkit.runs import RunStore

__all__ = ["Stepwise", "StepwiseSettings"]
AT_ONCE = 512  # replies that are drawn in one go before the training


class Stepwise:
    """Single steps of stored runs, groups of replies, the Ring engine's loss."""

    def __init__(self, settings: StepwiseSettings, parts: Parts) -> None:
        self.settings, self._parts = settings, parts
        self._start = parts.resolve(settings.start, "start") if settings.start else None
        self._traces: dict[tuple[str, str, bool], Trace] = {}

    @property
    def _environment(self) -> Environment:
        made: Environment = self._parts["environment"]
        return made

    def plan(self) -> Plan:
        s, model = self.settings, self._parts["model"]
        size = max(1, model.info.parameters or 1)
        replies = s.steps * s.samples * s.group
        # A reply is drawn once and trained on once, over some 150 tokens of prompt.
        seconds = 1 + 8 * size * replies * 150 / 2e10
        notes = (
            f"{replies:,} replies to {s.samples} samples a step, {s.group} each",
            f"{s.tasks} held-out tasks of {s.split} every {s.every} steps" if s.tasks else "",
        )
        return Plan(s.steps, size, 16 * size, seconds, tuple(n for n in notes if n))

    def from_runs(self, store: RunStore, names: Sequence[str]) -> list[Example]:
        """Examples of stored runs; see `LearnsFromRuns`."""
        samples, reports = samples_of_runs(
            store,
            names,
            self._environment.info.actions,
            learn=self.settings.learn,
            unchecked=self.settings.unchecked,
        )
        if not samples:
            told = "; ".join(one.told() for one in reports)
            raise DataError(f"no step of these runs can be learned from: {told}", "name others")
        return [one.example() for one in samples]

    def train(
        self, data: Iterable[Example], out: Path, progress: Progress, resume: bool = False
    ) -> Checkpoint:
        """See `Trainer.train`. An example is a sample, or a demonstration {prompt, answer}."""
        samples = [of_example(one) for one in data]
        if not samples:
            raise UsageError("there are no samples to train on", "name a file, or --runs")
        examples = [one.example() for one in samples]
        s = self.settings
        model, kit = s.model, self._parts.kit
        with opened(kit, model, s.ring(), examples, out, start=self._start, resume=resume) as steps:
            copy = Copy(kit, model, self._start)
            try:
                work = _Training(self, steps, copy, samples, out, progress, resume)
                return work.run()
            finally:
                copy.close()

    # -- for a training ---------------------------------------------------------------------------

    def scored(self, sample: Sample, text: str, whole: bool = True) -> Trace:
        """Replies to a sample are few, so each is scored once."""
        key = sample.id, text, whole
        if key not in self._traces:
            self._traces[key] = score(
                sample, text, self.settings.rules(), self._environment.info.actions, whole=whole
            )
        return self._traces[key]

    def success(self, model: LanguageModel) -> tuple[int, int]:
        """(done, played) of the held-out tasks, greedily."""
        s = self.settings
        tasks = list(self._environment.tasks(s.split))
        Random(derive(0, f"held out {s.split}")).shuffle(tasks)
        done = [play(model, self._environment, task, s.seed).success for task in tasks[: s.tasks]]
        return sum(map(bool, done)), len(done)

    def right(self, model: LanguageModel, samples: Sequence[Sample]) -> float:
        """Share of samples whose likeliest reply is right."""
        requests = [
            Request((Message.user(one.prompt),), max_tokens=200, temperature=0.0) for one in samples
        ]
        made = model.generate(requests)
        right = [self.scored(one, reply.text).right for one, reply in zip(samples, made)]
        return sum(right) / max(1, len(right))


class _Training:
    """One call of `train`."""

    def __init__(
        self,
        trainer: Stepwise,
        steps: Steps,
        copy: Copy,
        samples: Sequence[Sample],
        out: Path,
        progress: Progress,
        resume: bool,
    ) -> None:
        self._of, self._steps, self._copy = trainer, steps, copy
        self._s, self._out, self._progress = trainer.settings, out, progress
        self._state: dict[str, Any] = {
            "counts": {}, "rates": {}, "best": None, "looks": [], "waited": 0, **steps.extra,
        }  # fmt: skip
        held = {one.id for one in samples if self._apart(one)}
        self._held = [one for one in samples if one.id in held]
        self._known = {one.id: one for one in samples if one.id not in held}
        if not self._known:  # one episode alone
            self._known, self._held = {one.id: one for one in samples}, []
        self._rates = PassRates.from_json(self._state["rates"])
        self._lines = Lines(out / "steps.jsonl", steps.number)
        self._traces = Lines(out / "traces.jsonl", steps.number)
        self._kept_at = steps.number if resume and steps.extra else -1

    def _apart(self, one: Sample) -> bool:
        """Held out: by the episode, so that more data moves none from one side to the other."""
        return derive(0, f"held out {one.source}") % 10_000 < self._s.held_out * 10_000

    def run(self) -> Checkpoint:
        s, steps, metrics = self._s, self._steps, dict(self._state.get("metrics", {}))
        try:
            chosen = self._filtered()
            if not self._state["looks"]:
                metrics |= self._look()
            while steps.number < s.steps and not self._over():
                if self._progress.cancel:
                    self._keep(metrics)
                    raise Paused
                metrics |= self._step(chosen)
                if steps.number % s.every == 0 or steps.number == s.steps:
                    metrics |= self._look()
                if steps.number % s.keep == 0:
                    self._keep(metrics)
                self._progress.update(steps.number, s.steps, metrics)
        finally:
            self._lines.close()
            self._traces.close()
        self._keep(metrics)
        self._best()
        card(self._out, self._of.settings, self._state, metrics)
        return Checkpoint(self._out, steps.number, metrics)

    # -- before ----------------------------------------------------------------------------------

    def _filtered(self) -> list[str]:
        """Ids of the samples that are trained on. What is drawn for that is kept, so that a
        training which was stopped there does not draw it again."""
        s, known, counts = self._s, list(self._known.values()), self._state["counts"]
        report = Report("difficulty")
        if not s.filter:
            return [one.id for one in known]
        left = [one for one in known if one.id not in counts]
        size = max(1, AT_ONCE // s.filter)
        for start in range(0, len(left), size):
            if self._progress.cancel:
                self._keep({})
                raise Paused
            some = left[start : start + size]
            asks = [
                Ask(one.id, one.prompt, derive(s.seed, f"difficulty {one.id}", n))
                for one in some
                for n in range(s.filter)
            ]
            for one in some:
                counts[one.id] = 0
            for made in self._steps.draw(asks):
                counts[made.id] += self._of.scored(
                    self._known[made.id], made.text, made.whole
                ).right
            self._progress.update(0, s.steps, {"difficulty": float(start + len(some))})
        kept = difficulty_filter(
            known, counts, runs=s.filter, keep_zero=s.keep_zero, seed=s.seed, report=report
        )
        write_atomic(
            self._out / "report.json", json.dumps({"reports": [report.to_json()]}, indent=2)
        )
        if not kept:
            raise DataError(
                f"nothing is left to train on: {report.told()}",
                "the policy solves all of it, or none: give other runs, or filter = 0",
            )
        for one in kept:
            if one.id not in self._rates.counts:
                self._rates.told(one.id, counts[one.id], s.filter)
        return [one.id for one in kept]

    # -- a step ----------------------------------------------------------------------------------

    def _step(self, chosen: Sequence[str]) -> dict[str, float]:
        s, number = self._s, self._steps.number + 1
        seed = derive(s.seed, "samples of step", number)
        ids = (
            self._rates.draw(chosen, s.samples, s.group, seed)
            if s.online
            else Random(seed).sample(list(chosen), min(s.samples, len(chosen)))
        )
        asks = [
            Ask(i, self._known[i].prompt, derive(s.seed, f"reply {i} {number}", n))
            for i in ids
            for n in range(s.group)
        ]
        drawn = self._steps.draw(asks)
        traces = [self._of.scored(self._known[one.id], one.text, one.whole) for one in drawn]
        groups = [n for n in range(len(ids)) for _ in range(s.group)]
        advantages, flat = self._steps.advantages([t.reward for t in traces], groups)
        learned = self._steps.learn(drawn, advantages)
        only_format = 0
        for place, id in enumerate(ids):
            own = traces[place * s.group : (place + 1) * s.group]
            self._rates.told(id, sum(t.right for t in own), s.group)
            only_format += not any(t.right for t in own) and len({t.reward for t in own}) > 1
        found = {
            "reward": (reward := sum(t.reward for t in traces) / len(traces)),
            "shortfall": 1 + s.alpha - reward,
            "right": sum(t.right for t in traces) / len(traces),
            "format": sum(t.format for t in traces) / len(traces),
            "frac_zero_std": flat / len(ids),
            "frac_format_only": only_format / len(ids),
            **{k: v for k, v in learned.items() if v == v},
        }
        for trace, value, group in zip(traces, advantages, groups):
            line = {"step": number, "group": group, **trace.to_json(), "advantage": value}
            self._traces.add(line)
        self._traces.flush()
        self._lines.add({"step": number, **found, "rules": counted(traces), "examples": list(ids)})
        self._lines.flush()
        self._progress.examples(number, ids)
        return found

    # -- held-out --------------------------------------------------------------------------------

    def _look(self) -> dict[str, float]:
        """Held-out success and steps, of the weights as they are; the best are kept."""
        s, number = self._s, self._steps.number
        model = self._copy.load(self._steps.tensors())
        found: dict[str, float] = {}
        if self._held:
            found["held_out_right"] = self._of.right(model, self._held[:256])
        if s.tasks:
            done, played = self._of.success(model)
            found["held_out_success"] = done / max(1, played)
        if not found:
            return {}
        value = found.get("held_out_success", found.get("held_out_right", 0.0))
        best = self._state["best"]
        if best is None or value > best["value"]:
            self._state |= {"best": {"step": number, "value": value}, "waited": 0}
            self._write_best()
        else:
            self._state["waited"] += 1
        self._state["looks"].append({"step": number, **found})
        return found

    def _over(self) -> bool:
        return bool(self._state["waited"] >= self._s.patience)

    def _write_best(self) -> None:
        write_weights(self._out / "best.safetensors", self._steps.tensors())

    def _best(self) -> None:
        """Without any measurement the last weights are the best."""
        if self._state["best"] is None:
            self._write_best()

    def _keep(self, metrics: Mapping[str, float]) -> None:
        if self._kept_at == self._steps.number and self._steps.number:
            return
        rates = self._rates.to_json()
        self._state |= {"rates": rates, "metrics": dict(metrics)}
        self._steps.keep(self._state, metrics)
        self._kept_at = self._steps.number
