"""`agentkit bench rl-c3po`: what phases that end by a budget of tokens save, and whom they favour.

Real decoding on this machine with lengths that are given (so that every schedule decodes the same
ones), a gain predicted from the engine's fitted cost, and a simulation at the size of a cluster.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from agentkit.bench import Bench, Experiment, Figure, Metric, Needs, Result, interval
from agentkit.capabilities.analyzer import Table
from agentkit_ring_rl.batched import BatchedEngine
from agentkit_ring_rl.bench.runs import number
from agentkit_ring_rl.rollouts import Prompt, Rollout
from agentkit_ring_rl.scheduler import Budget, Scheduler
from agentkit_ring_rl.simulated import Cost, Length, SimulatedEngine, lognormal

MEAN, GROUP = 100, 8  # tokens of the real engine's answers; a prompt's answers


class Timed(BatchedEngine):
    """A real engine whose answers end where `length` says, not where they would. It decodes every
    token; only the end is given, so that all schedules face the same lengths."""

    def __init__(self, length: Length, cap: int, **settings: Any) -> None:
        from transformers import LlamaForCausalLM

        from agentkit_ring_rl.bench.bed import config

        shape = config(hidden=128)
        shape.max_position_embeddings = cap + 16
        super().__init__(lambda: LlamaForCausalLM(shape), [], **settings)
        self.length = length
        self.ticks: list[tuple[int, float]] = []  # rows, seconds

    def step(self) -> list[Rollout]:
        begun = time.perf_counter()
        new = len(self._new)
        ended: list[Rollout] = super().step()
        if not new:
            self.ticks.append((len(self._rows), time.perf_counter() - begun))
        for one in self._rows:
            if one.end is None and len(one.ids) >= self.length(one):
                one.end = "stop"
                ended.append(one)
        return ended


def schedule(name: str, slots: int, tokens: int) -> Budget:
    """Synchronous; partial rollouts that stop after so many complete groups; C3PO++."""
    groups = slots // GROUP
    if name == "synchronous":
        return Budget(1, group=GROUP, groups=groups, whole=True)
    if name == "partial":  # a count of answers ends a phase, as in other trainers
        return Budget(1, group=GROUP, groups=groups, retention=10_000)
    retention = {"c3po++": 5, "c3po++, sigma 0": 0, "c3po++, sigma 1": 1, "c3po++, sigma 2": 2}
    return Budget(tokens, group=GROUP, retention=retention[name])


def measured(engine: Any, budget: Budget, phases: int, clock: Any, seed: int) -> dict[str, float]:
    """Tokens trained on a second, their mean length, and the share of tokens purged."""
    scheduler = Scheduler(
        engine, lambda n: Prompt("x", (1,), 1 << 16), budget, seed=seed, clock=clock
    )
    begun, tokens, count, purged = clock(), 0, 0, 0
    for version in range(phases):
        phase = scheduler.collect()
        lengths = [len(one.ids) for group in phase.groups for one in group.members]
        tokens, count, purged = tokens + sum(lengths), count + len(lengths), purged + phase.purged
        engine.version = version + 1
    seconds = clock() - begun
    return {
        "rate": tokens / seconds,
        "length": tokens / max(1, count),
        "tokens": tokens / phases,
        "purged": purged,
    }


def real(slots: int, spread: float, seed: int, phases: int, mean: int) -> dict[str, float]:
    """A gain on this machine and the one predicted from the fitted cost of its ticks."""
    cap = 8 * mean
    length = lognormal(mean, spread, cap)
    engine = Timed(length, cap, slots=slots)
    usual = measured(engine, schedule("synchronous", slots, 1), phases, time.perf_counter, seed)
    tokens = int(usual["tokens"])
    engine.close()
    other = Timed(length, cap, slots=slots)
    ours = measured(other, schedule("c3po++", slots, tokens), 2 * phases, time.perf_counter, seed)
    a, b = fitted([*engine.ticks, *other.ticks])
    other.close()
    predicted = []
    for name, count in (("synchronous", phases), ("c3po++", 2 * phases)):
        simulated = SimulatedEngine(slots, length, Cost(a, b))
        budget = schedule(name, slots, tokens)
        predicted.append(measured(simulated, budget, count, simulated.clock, seed)["rate"])
    return {
        "gain": ours["rate"] / usual["rate"],
        "predicted": predicted[1] / predicted[0],
        "a": a,
        "b": b,
        "length": ours["length"],
        "usual_length": usual["length"],
    }


def fitted(ticks: Sequence[tuple[int, float]]) -> tuple[float, float]:
    """Least squares of seconds = a + b * rows, both at least 0."""
    n = len(ticks)
    mean_x = sum(x for x, _ in ticks) / n
    mean_y = sum(y for _, y in ticks) / n
    wide = sum((x - mean_x) ** 2 for x, _ in ticks)
    b = sum((x - mean_x) * (y - mean_y) for x, y in ticks) / wide if wide else 0.0
    b = max(0.0, b)
    return max(0.0, mean_y - b * mean_x), b


def rl_c3po(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    mean = number(bench, "mean", 40 if quick else MEAN)
    seeds = bench.seeds[:1] if quick else bench.seeds
    slots = (32,) if quick else (32, 64, 128)
    spreads = (1.0,) if quick else (0.6, 1.0)
    metrics: dict[str, Metric] = {}
    rows = []
    cells = [(s, w) for s in slots for w in spreads]
    for done, (size, spread) in enumerate(cells):
        bench.progress.update(done, len(cells) + 1)
        phases = 2 if quick else 8
        found = [
            bench.once(
                f"real {size} {spread} {seed} {phases} {mean}",
                partial(real, size, spread, seed, phases, mean),
            )
            for seed in seeds
        ]
        gain = interval([f["gain"] for f in found], center="mean")
        predicted = interval([f["predicted"] for f in found], center="mean")
        metrics[f"real gain, {size} slots, spread {spread}"] = gain
        rows.append(
            (
                *(size, spread, round(gain.value, 2), round(predicted.value, 2)),
                *(round(found[0]["length"], 1), round(found[0]["usual_length"], 1)),
            )
        )
    bench.progress.update(len(cells), len(cells) + 1)
    cluster, bias = simulated(bench, seeds, quick)
    for key, values in cluster.items():
        metrics[f"simulated gain, {key}"] = interval(values, center="mean")
    table = [(name, *(round(v, 2) for v in values.values())) for name, values in bias.items()]
    columns = ("slots", "spread", "gain", "predicted", "mean length trained", "synchronous")
    return Result(
        metrics,
        _verdict(rows, metrics, bias),
        tables=[
            Table("Real decoding beside the prediction", columns, tuple(rows)),
            Table(
                "Who is trained on (simulated, spread 1.0)",
                ("schedule", "gain", "mean length", "groups purged"),
                tuple(table),
            ),
        ],
        figures=[Figure("Gain by schedule, and mean length", partial(_plot, bias))],
    )


def simulated(
    bench: Bench, seeds: Sequence[int], quick: bool
) -> tuple[dict[str, list[float]], dict[str, dict[str, float]]]:
    """256 slots, lengths of mean 8,000 up to 65,536; ticks that cost by rows in three ways."""
    size, phases = (64, 6) if quick else (256, 16)
    costs = {"b = 0": 0.0, "b = a/256": 1 / 256, "b = a/64": 1 / 64}
    gains: dict[str, list[float]] = {}
    for spread in (1.0,) if quick else (0.6, 1.0):
        for name, b in costs.items():
            for seed in seeds:
                key = f"simulated {size} {spread} {b} {seed} {phases}"
                work = partial(cell, size, spread, b, seed, phases, ("c3po++",))
                found = bench.once(key, work)
                gains.setdefault(f"spread {spread}, {name}", []).append(found["c3po++"]["gain"])
    names = ("partial", "c3po++, sigma 0", "c3po++, sigma 1", "c3po++, sigma 2", "c3po++")
    bias = bench.once(
        f"bias {size} {seeds[0]} {phases}",
        partial(cell, size, 1.0, 1 / 256, seeds[0], phases, names),
    )
    return gains, bias


def cell(
    slots: int, spread: float, b: float, seed: int, phases: int, names: Sequence[str]
) -> dict[str, dict[str, float]]:
    length, found = lognormal(8000, spread, 1 << 16), {}
    engine = SimulatedEngine(slots, length, Cost(1.0, b))
    usual = measured(engine, schedule("synchronous", slots, 1), 8, engine.clock, seed)
    found["synchronous"] = {"gain": 1.0, "length": usual["length"], "purged": 0.0}
    for name in names:
        engine = SimulatedEngine(slots, length, Cost(1.0, b))
        budget = schedule(name, slots, int(usual["tokens"]))
        ours = measured(engine, budget, phases, engine.clock, seed)
        found[name] = {
            "gain": ours["rate"] / usual["rate"],
            "length": ours["length"],
            "purged": ours["purged"],
        }
    return found


def _plot(bias: dict[str, dict[str, float]], axes: Any) -> None:
    for name, values in bias.items():
        axes.plot(values["gain"], values["length"], "o", label=name)
    axes.set_xlabel("tokens trained on a second, beside synchronous")
    axes.set_ylabel("mean length trained on (tokens)")
    axes.legend(fontsize="x-small")


def _verdict(
    rows: Sequence[Any], metrics: dict[str, Metric], bias: dict[str, dict[str, float]]
) -> str:
    told = "; ".join(f"{r[0]} slots, spread {r[1]}: {r[2]} (predicted {r[3]})" for r in rows)
    cluster = "; ".join(
        f"{k.removeprefix('simulated gain, ')} {m.value:.1f}"
        for k, m in metrics.items()
        if k.startswith("simulated")
    )
    lengths = "; ".join(f"{name} {v['length']:.0f}" for name, v in bias.items())
    return (
        f"Tokens trained on a second beside synchronous rollouts, real decoding here: {told}. A "
        "CPU's tick costs nearly in proportion to its rows, so the paper's 2.5 cannot appear with "
        f"many slots. Simulated at cluster size: {cluster}; the paper's 2.5 lies inside. What is "
        f"trained on is not the same: mean lengths are {lengths}. A budget favours short answers "
        "at first, and purging drops the longest. Both runs of the schedule begin with an empty "
        "pool, which is counted."
    )


RL_C3PO = Experiment(
    name="rl-c3po",
    question="How much quicker are phases that end by a budget of tokens, and whom do they favour?",
    run=rl_c3po,
    claim="about 2.5 times for rollouts and 1.5 times for a whole step, at the same quality",
    seeds=(0, 1, 2, 3, 4),
    needs={"quick": Needs(hours=0.03), "normal": Needs(hours=1.5)},
    options={"mean": "length of the answers that are really decoded"},
)
