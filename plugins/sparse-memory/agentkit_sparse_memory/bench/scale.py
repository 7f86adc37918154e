"""`agentkit bench memory-scale`: what a step costs as the table grows.

One lookup with its gradient, the choice of rows and the update, on tables from 16,384 slots to more
than a million. Each in a process of its own, since the most memory that a process had never falls.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

from agentkit.bench import Bench, Experiment, Figure, Metric, Needs, Result, interval
from agentkit.capabilities.analyzer import Table
from agentkit.errors import AgentkitError

WIDTH, TOKENS, HEADS, K, T = 576, 512, 4, 16, 512  # as beside a layer of SmolLM2-135M


def measure(n_keys: int, width: int, rounds: int) -> dict[str, Any]:
    """Seconds of each step, and the most bytes that the process had beyond the table's own."""
    import psutil
    import torch

    from agentkit_sparse_memory.background import BackgroundIndex
    from agentkit_sparse_memory.choice import Evidence, choose
    from agentkit_sparse_memory.memory import ProductKeys, Reads, Table
    from agentkit_sparse_memory.settings import MemoryConfig
    from agentkit_sparse_memory.update import Sgd, gradient_rows, pick

    torch.set_num_threads(1)
    config = MemoryConfig(n_keys=n_keys, heads=HEADS, k=K, d_k=128)
    table, find = Table(config.slots, width), ProductKeys(config, width)
    torch.nn.init.normal_(find.keys)
    table.weight.data.normal_()  # touched, so that its pages are there
    index = BackgroundIndex.empty(config.slots, {})
    index.batches, noise = 1, torch.Generator().manual_seed(0)
    rule, times = Sgd(), []
    rest = psutil.Process().memory_info().rss
    most = 0
    for _ in range(rounds + 1):
        x = torch.randn(TOKENS, width, generator=noise)
        start = time.perf_counter()
        with torch.no_grad():
            slots, weights = find(x)
        table(slots, weights).square().mean().backward()
        rows, gradient = gradient_rows(table.weight)
        evidence = Evidence(Reads.of([slots]), index, gradient.norm(dim=1), noise)
        rows, gradient = pick(rows, gradient, choose("tfidf", evidence, T))
        with torch.no_grad():
            rule.step(table.weight.data, rows, gradient, 0.1)
        times.append(time.perf_counter() - start)
        most = max(most, psutil.Process().memory_info().rss)
    return {"seconds": times[1:], "beyond": most - rest, "table": table.weight.nbytes}


def scale(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    sizes = (16, 32) if quick else (128, 256, 512, 1024)
    width, rounds = (32, 3) if quick else (WIDTH, 15)
    found: dict[int, dict[str, Any]] = {}
    for number, n_keys in enumerate(sizes):

        def work(n_keys: int = n_keys) -> dict[str, Any]:
            return _apart(n_keys, width, rounds)

        found[n_keys] = bench.once(f"{n_keys} {width} {rounds}", work)
        bench.progress.update(number + 1, len(sizes))
    first, last = found[sizes[0]], found[sizes[-1]]
    per = {n: interval([1000 * s for s in one["seconds"]], "ms") for n, one in found.items()}
    metrics: dict[str, Metric] = {f"step at {n * n:,} slots": m for n, m in per.items()}
    slower = per[sizes[-1]].value / per[sizes[0]].value
    metrics["step, largest by smallest table"] = Metric(slower)
    grew = last["table"] - first["table"]
    more = (last["beyond"] - first["beyond"]) / grew
    metrics["memory of a step, more by what the table is more"] = Metric(more)
    rows = tuple(
        (n * n, round(per[n].value, 1), one["table"] >> 20, round(one["beyond"] / 2**20, 1))
        for n, one in found.items()
    )
    curve = _plot({n * n: metric.value for n, metric in per.items()})
    columns = ("slots", "ms a step", "table, MiB", "a step's own memory, MiB")
    verdict = (
        f"A step of {TOKENS} tokens reads {HEADS * K} slots a token and changes {T} rows. From "
        f"{sizes[0] ** 2:,} to {sizes[-1] ** 2:,} slots, {(sizes[-1] // sizes[0]) ** 2} times as "
        f"many, it takes {slower:.2f} times as long; what it needs beyond the table grows by "
        f"{more:.1%} of what the table grows by (goal: less than 20 %: "
        f"{'met' if more < 0.2 else 'not met'}). The search looks at twice n_keys half-keys a "
        "head, the square root of the slots, and larger tables fit no cache. A dense gradient and "
        "its mask would cost twice the table at every step."
    )
    return Result(
        metrics,
        verdict,
        tables=[Table("One step", columns, rows)],
        figures=[Figure("Time of a step by slots", curve)],
    )


def _plot(points: dict[int, float]) -> Any:
    def plot(axes: Any) -> None:
        axes.plot(list(points), list(points.values()), marker="o")
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.set_xlabel("slots")
        axes.set_ylabel("ms a step")

    return plot


def _apart(n_keys: int, width: int, rounds: int) -> dict[str, Any]:
    arguments = [str(n_keys), str(width), str(rounds)]
    done = subprocess.run(
        [sys.executable, "-m", "agentkit_sparse_memory.bench.scale", *arguments],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise AgentkitError(f"{n_keys**2} slots: {done.stderr[-300:]}", "is there memory enough?")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


SCALE = Experiment(
    name="memory-scale",
    question="What does a step cost as the table grows from 16,384 slots to a million?",
    run=scale,
    claim="the cost of a lookup grows with the square root of the slots",
    needs={"normal": Needs(memory=6 << 30, hours=0.05), "quick": Needs(hours=0.01)},
)

if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(*map(int, sys.argv[1:4]))))
