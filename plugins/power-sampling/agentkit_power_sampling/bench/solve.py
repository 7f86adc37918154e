"""Tasks put to a model under some settings: what every real-task experiment is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from agentkit.bench import Bench, Metric, interval
from agentkit.capabilities import CallContext, LanguageModel
from agentkit.kit import Kit
from agentkit.seeds import derive
from agentkit_power_sampling.measures import pass_at_k
from agentkit_power_sampling.model import NAME, PowerSampled
from agentkit_power_sampling.tasks.task import Task

ROWS = 16  # requests put to a model at once, and kept together when a run is interrupted


@dataclass(frozen=True, slots=True)
class Try:
    """One answer. score: 0 to 1. spent: tokens generated for it. length: its own. logp: under the
    base, in nats; None where the model does not say."""

    score: float
    spent: int
    length: int
    logp: float | None = None
    finish: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """How tasks are put. own: settings for `power-sampling`; temperature: for a plain model."""

    max_tokens: int
    tries: int = 1
    own: Mapping[str, Any] | None = None
    temperature: float = 0.0


def solve(
    bench: Bench,
    label: str,
    model: LanguageModel,
    tasks: Sequence[Task],
    ask: Ask,
    step: Callable[[], None] = lambda: None,
    rows: int = ROWS,
) -> dict[str, list[Try]]:
    """By task, its tries. Each group of tasks is one unit of work, measured once.

    Args:
        label: stands for model and settings in what is kept.
        step: called after each group.
        rows: requests put to the model at once.
    """
    size = max(1, rows // ask.tries)
    found: dict[str, list[Try]] = {}
    for start in range(0, len(tasks), size):
        group = tasks[start : start + size]
        key = f"{label} {ask} {bench.seeds[0]} {' '.join(task.id for task in group)}"
        kept = bench.once(key, partial(_answers, bench, model, group, ask))
        for task, tries in zip(group, kept):
            found[task.id] = [Try(**one) for one in tries]
        step()
    return found


def _answers(
    bench: Bench, model: LanguageModel, group: Sequence[Task], ask: Ask
) -> list[list[dict[str, Any]]]:
    requests = [
        replace(
            task.request,
            max_tokens=ask.max_tokens,
            temperature=ask.temperature,
            context=CallContext(seed=derive(bench.seeds[0], task.id, number)),
            extra={NAME: dict(ask.own or {})},
        )
        for task in group
        for number in range(ask.tries)
    ]
    logp: list[float | None]
    if isinstance(model, PowerSampled):
        solved = model.solve(requests, cancel=bench.progress.cancel)
        made = [completion for completion, _ in solved]
        logp = [drawn.sample.total for _, drawn in solved]
    else:
        made = model.generate(requests, cancel=bench.progress.cancel)
        logp = [None] * len(made)
    tries = [
        {
            "score": group[n // ask.tries].score(one) if one.finish != "error" else 0.0,
            "spent": one.usage.spent,
            "length": one.usage.completion,
            "logp": logp[n],
            "finish": one.finish,
        }
        for n, one in enumerate(made)
    ]
    return [tries[n : n + ask.tries] for n in range(0, len(tries), ask.tries)]


def groups(tasks: Sequence[Task], tries: int, rows: int = ROWS) -> int:
    """How many units of work that is."""
    size = max(1, rows // tries)
    return -(-len(tasks) // size)


def average(found: Mapping[str, Sequence[Try]]) -> Metric:
    """avg@k: the mean score, with a bootstrap interval over tasks."""
    return interval([sum(t.score for t in tries) / len(tries) for tries in found.values()],
                    center="mean")  # fmt: skip


def passed(found: Mapping[str, Sequence[Try]], k: int) -> Metric:
    """pass@k, unbiased a task, with a bootstrap interval over tasks."""
    each = [pass_at_k(len(tries), sum(t.score >= 1 for t in tries), k) for tries in found.values()]
    return interval(each, center="mean")


def mean(found: Mapping[str, Sequence[Try]], value: Callable[[Try], float]) -> float:
    """Of a number over all tries."""
    values = [value(one) for tries in found.values() for one in tries]
    return sum(values) / len(values)


def model_for(bench: Bench, default: str) -> str:
    """The name of the model that an experiment is run on: `--model`, a configured one, a bundled
    one or a folder."""
    name = bench.options.get("model", default)
    return name if name in bench.kit.names("model") else plain(bench.kit, name)


def plain(kit: Kit, model: str, **settings: Any) -> str:
    """Declares a model of this process under a name of its own."""
    name = "bench-" + "".join(c if c.isalnum() else "-" for c in model.lower()).strip("-")
    if name not in kit.names("model"):
        kit.define("model", name, use="transformers", model=model, **settings)
    return name


def sharpened(kit: Kit, base: str) -> PowerSampled:
    """Power sampling over a model; requests bring their settings."""
    name = f"{base}-sharpened"
    if name not in kit.names("model"):
        kit.define("model", name, use="power-sampling", base=base)
    made = kit.model(name)
    assert isinstance(made, PowerSampled)
    return made
