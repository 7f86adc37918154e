"""`agentkit bench maths` and `agentkit bench code`: a file of tasks, and any model.

agentkit bench maths --file aime.jsonl --model sharp --avg 8
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from agentkit.bench import Bench, Experiment, Metric, Needs, Result
from agentkit.capabilities.analyzer import Table
from agentkit.errors import UsageError
from agentkit_power_sampling.bench.solve import (
    Ask,
    Try,
    average,
    groups,
    mean,
    model_for,
    passed,
    solve,
)
from agentkit_power_sampling.tasks import files, gym
from agentkit_power_sampling.tasks.task import Task

CARRIED = Path(__file__).parent.parent / "data"
OPTIONS = {
    "file": "JSON lines, one task a line",
    "model": "a configured model, a bundled one or a folder",
    "avg": "tries a task",
    "tokens": "the most of an answer",
    "temperature": "of a plain model's tries",
    "limit": "the first so many tasks",
}


def maths(bench: Bench) -> Result:
    """Questions with an answer that can be compared."""
    kinds = bench.options.get("gym")
    if kinds:
        size = number(bench, "limit", 8)
        return _measured(bench, gym.tasks(kinds.split(","), size, bench.seeds[0]))
    return _measured(bench, files.maths(_file(bench, "maths.jsonl")))


def code(bench: Bench) -> Result:
    """Programs that are run against their tests, in the sandbox."""
    box = bench.kit.part("sandbox", bench.options.get("sandbox", "sandbox"))
    return _measured(bench, files.code(_file(bench, "code.jsonl"), box))


def _file(bench: Bench, carried: str) -> Path:
    given = bench.options.get("file")
    return Path(given).expanduser() if given else CARRIED / carried


def _measured(bench: Bench, tasks: Sequence[Task]) -> Result:
    tries, tokens = number(bench, "avg", 4), number(bench, "tokens", 256)
    tasks = tasks[: number(bench, "limit", 2 if bench.scale == "quick" else len(tasks))]
    temperature = float(bench.options.get("temperature", 0.6))
    name = model_for(bench, "qwen2.5-coder-0.5b")
    done, total = 0, groups(tasks, tries)

    def step() -> None:
        nonlocal done
        done += 1
        bench.progress.update(done, total)

    model = bench.kit.model(name)
    ask = Ask(tokens, tries, temperature=temperature)
    found = solve(bench, name, model, tasks, ask, step)
    metrics = {f"avg@{tries}": average(found)}
    for k in powers(tries):
        metrics[f"pass@{k}"] = passed(found, k)
    metrics["tokens spent a try"] = Metric(mean(found, lambda one: one.spent), unit="tokens")
    metrics["tokens an answer"] = Metric(mean(found, lambda one: one.length), unit="tokens")
    return Result(metrics, _verdict(name, found, metrics), tables=[_table(found)])


def powers(tries: int) -> list[int]:
    """1, 2, 4, … and the number of tries itself."""
    made = {1 << n for n in range(tries.bit_length()) if 1 << n <= tries}
    return sorted(made | {tries})


def number(bench: Bench, option: str, default: int) -> int:
    """An option that is a number from 1 on.

    Raises:
        UsageError: it is not.
    """
    given = bench.options.get(option, str(default))
    if not given.isdigit() or int(given) < 1:
        raise UsageError(f"{option} is {given!r}", "a whole number, 1 or more")
    return int(given)


def _table(found: Mapping[str, Sequence[Try]]) -> Table:
    rows = [
        (task, sum(one.score >= 1 for one in tries), len(tries), round(_length(tries)))
        for task, tries in found.items()
    ]
    return Table("By task", ("task", "right", "tries", "tokens an answer"), tuple(rows))


def _length(tries: Sequence[Try]) -> float:
    return sum(one.length for one in tries) / len(tries)


def _verdict(name: str, found: Mapping[str, Sequence[Try]], metrics: Mapping[str, Metric]) -> str:
    first = next(iter(metrics))
    cut = mean(found, lambda one: float(one.finish == "length"))
    return (
        f"{name} on {len(found)} tasks: {first} is {metrics[first].value:.1%}. {cut:.0%} of the "
        "answers were cut by their length and count as they are. Intervals are over tasks; two "
        "models are told apart by running both on the same file with the same seed."
    )


def _experiment(
    name: str, question: str, run: Callable[[Bench], Result], more: Mapping[str, str]
) -> Experiment:
    return Experiment(
        name=name,
        question=question,
        run=run,
        needs={"normal": Needs(hours=0.2), "quick": Needs(hours=0.02)},
        options={**OPTIONS, **more},
    )


MATHS = _experiment(
    "maths",
    "How often does a model get the questions of a file right?",
    maths,
    {"gym": "kinds of reasoning-gym's tasks in place of a file, e.g. chain_sum,gcd"},
)
CODE = _experiment(
    "code",
    "How often does a model's program pass the tests of a file?",
    code,
    {"sandbox": "a configured sandbox"},
)
