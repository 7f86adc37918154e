"""`agentkit bench rl-sandbox`: how soon programs of a model start apart, and how many a second."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from agentkit.bench import Bench, Experiment, Figure, Metric, Needs, Result, interval, proportion
from agentkit.capabilities import Outcome, Sandbox
from agentkit.capabilities.analyzer import Table

GOAL = 0.1  # seconds of a start
COMMANDS = {
    "true": ("/usr/bin/true",),
    "python -I -S": ("/usr/bin/python3", "-I", "-S", "-c", "pass"),
    "python -I": ("/usr/bin/python3", "-I", "-c", "pass"),
}


def rl_sandbox(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    count = 20 if quick else 200
    sandbox: Sandbox = bench.kit.part("sandbox", "sandbox")
    metrics: dict[str, Metric] = {}
    rows, series = [], dict[str, list[float]]()
    for done, (name, command) in enumerate(COMMANDS.items()):
        bench.progress.update(done, len(COMMANDS) + 1)
        took = series[name] = bench.once(
            f"{name} {count}", partial(starts, sandbox, command, count)
        )
        ordered = sorted(took)
        metrics[f"{name}, median"] = interval([1e3 * t for t in took], "ms")
        metrics[f"{name}, 99th percentile"] = Metric(
            1e3 * ordered[int(0.99 * (len(ordered) - 1))], n=count, unit="ms"
        )
        rows.append(
            (name, *(round(1e3 * ordered[int(q * (count - 1))], 1) for q in (0.5, 0.9, 0.99)))
        )
    bench.progress.update(len(COMMANDS), len(COMMANDS) + 1)
    for workers in (1, 4):
        rate = bench.once(f"rate {workers} {count}", partial(graded, bench, workers, count))
        metrics[f"programs a second, {workers} at once"] = Metric(rate, n=count, unit="1/s")
    within = proportion(sum(t <= GOAL for t in series["python -I -S"]), count)
    metrics["python starts within 100 ms"] = within
    return Result(
        metrics,
        f"A program that does nothing is done after "
        f"{metrics['true, median'].value:.0f} ms, a Python after "
        f"{metrics['python -I -S, median'].value:.0f} ms in the median; {within.value:.0%} of "
        "those are within 100 ms, which is what the paper says of its own sandboxes on a cluster "
        "of Kubernetes. Each program has namespaces, a folder and limits of its own and nothing is "
        "kept warm; the times are those of starting, running and cleaning up.",
        tables=[Table("Milliseconds", ("program", "p50", "p90", "p99"), tuple(rows))],
        figures=[Figure("Seconds of one program", partial(_plot, series))],
    )


def starts(sandbox: Sandbox, command: tuple[str, ...], count: int) -> list[float]:
    sandbox.run(command)
    took = []
    for _ in range(count):
        begun = time.perf_counter()
        done = sandbox.run(command)
        took.append(time.perf_counter() - begun)
        assert done.exit == 0, done
    return took


def graded(bench: Bench, workers: int, count: int) -> float:
    """Programs scored a second by the reward `programs`, one test each."""
    reward = bench.kit.part("reward", "programs")
    task = {"tests": [{"stdin": "7", "expected": "49"}]}
    outcome = Outcome(task, "```python\nn = int(input())\nprint(n * n)\n```")
    begun = time.perf_counter()
    with ThreadPoolExecutor(max_workers=workers) as pool:
        values = [score.value for score in pool.map(reward.score, [outcome] * count)]
    assert values == [1.0] * count
    return count / (time.perf_counter() - begun)


def _plot(series: dict[str, list[float]], axes: Any) -> None:
    axes.boxplot(list(series.values()), tick_labels=list(series))
    axes.set_ylabel("seconds")
    axes.axhline(GOAL, color="grey", lw=0.8)


RL_SANDBOX = Experiment(
    name="rl-sandbox",
    question="How soon does a program that a model wrote start apart, and how many run a second?",
    run=rl_sandbox,
    claim="100 ms to start, 5,000 requests a second at 200 ms on a cluster",
    seeds=(0,),
    needs={"quick": Needs(hours=0.01), "normal": Needs(hours=0.05)},
)
