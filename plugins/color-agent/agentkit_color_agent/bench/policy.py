"""`agentkit bench color-policy`: what the framework makes of a policy.

Success by split: alone, with all modules, and with one switched off at a time, on the same tasks.
`agentkit bench android` has the other agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from random import Random
from typing import Any

from agentkit.bench import Bench, Experiment, Metric, Needs, Result, interval, proportion
from agentkit.capabilities import Task
from agentkit.capabilities.analyzer import Table
from agentkit.seeds import derive
from agentkit_color_agent.bench.ablation import VARIANTS
from agentkit_color_agent.bench.episodes import PHONE, agent_of, finished, phone_of

SPLITS = ("unseen-params", "reworded", "unseen-templates", "unseen-apps")
SHARE = {"quick": 1, "normal": 40}
"""Tasks of a split and seed, at most."""
ALONE, ALL = "alone", "all"
MAPS = {"without maps": {"maps": False}}
Row = dict[str, Any]


def run(bench: Bench) -> Result:
    model = bench.options.get("model", "phone-policy")
    phone_of(bench.kit)
    agents = _agents(bench, model)
    seeds = bench.seeds if bench.scale != "quick" else bench.seeds[:1]
    tasks = {split: _tasks(bench, split) for split in SPLITS}
    print_ = bench.kit.model(model).info.fingerprint
    total = len(agents) * len(seeds) * sum(map(len, tasks.values()))
    rows: dict[str, dict[str, list[Row]]] = {name: {s: [] for s in SPLITS} for name in agents}
    done = 0
    for seed in seeds:
        for split, some in tasks.items():
            for name, agent in agents.items():
                for task in some:
                    key = f"{print_} {name}, {task.id}, {split}, {seed}"
                    row = bench.once(key, partial(_played, bench, agent, task, seed))
                    rows[name][split].append(row)
                    done += 1
                    bench.progress.update(done, total)
    return result(rows, model, len(seeds))


def _agents(bench: Bench, model: str) -> dict[str, str]:
    """What is compared, with the agent that it is."""
    made = {ALONE: "bench-policy-alone"}
    if made[ALONE] not in bench.kit.names("agent"):
        bench.kit.define("agent", made[ALONE], use="phone-step", model=model, environment=PHONE)
    for name, switches in {**VARIANTS, **MAPS}.items():
        agent = f"bench-policy-{name.replace(' ', '-').replace('_', '-')}"
        made[name] = agent_of(bench.kit, agent, {"model": model, **switches})
    return made


def _tasks(bench: Bench, split: str) -> Sequence[Task]:
    some = list(phone_of(bench.kit).tasks(split))
    Random(derive(0, split)).shuffle(some)
    return some[: SHARE[bench.scale]]


def _played(bench: Bench, agent: str, task: Task, seed: int) -> Row:
    run = finished(bench, agent, task, seed)
    result = run.result
    plain = result.model_dump()
    made = {
        "success": bool(result.success),
        "claim": result.claim,
        "steps": result.steps,
        "calls": sum(plain.get("calls", {}).values()),
        "asked": plain.get("questions", 0),
    }
    bench.kit.runs.delete(run.id)
    return made


def result(rows: Mapping[str, Mapping[str, Sequence[Row]]], model: str, seeds: int) -> Result:
    """The tables from episodes, seed after seed, without any model."""
    shares = {
        name: {split: proportion(_won(some), len(some)) for split, some in of.items()}
        for name, of in rows.items()
    }
    gains = {split: _gain(rows, split, seeds) for split in SPLITS}
    lines = tuple((name, *(_said(of[split]) for split in SPLITS)) for name, of in shares.items())
    costs = []
    for name, of in rows.items():
        every = [row for some in of.values() for row in some]
        mean = [sum(r[k] for r in every) / len(every) for k in ("steps", "calls", "asked")]
        wrong = sum(r["claim"] in ("success", "answered") and not r["success"] for r in every)
        costs.append((name, *(f"{m:.2f}" for m in mean), f"{wrong} of {len(every)}"))
    tables = [
        Table("Tasks done, by the phone's state, Wilson 95 %", ("agent", *SPLITS), lines),
        Table(
            "With all modules less alone, the same episodes, bootstrap over tasks 95 %",
            ("split", "difference", "done only with", "done only alone"),
            tuple((s, _said(gains[s]), *map(str, _pairs(rows, s))) for s in SPLITS),
        ),
        Table(
            "An episode's cost",
            ("agent", "steps", "model calls", "questions", "says done, is not"),
            tuple(costs),
        ),
    ]
    mine = {f"success, {split}": shares[ALL][split] for split in SPLITS}
    mine |= {f"gain, {split}": gains[split] for split in SPLITS}
    others = {
        name: {f"success, {split}": of[split] for split in SPLITS}
        for name, of in shares.items()
        if name != ALL
    }
    return Result(mine, _verdict(shares, gains, model), others, tables)


def _won(some: Sequence[Row]) -> int:
    return sum(row["success"] for row in some)


def _differences(rows: Mapping[str, Mapping[str, Sequence[Row]]], split: str) -> list[int]:
    both = zip(rows[ALL][split], rows[ALONE][split], strict=True)
    return [int(a["success"]) - int(b["success"]) for a, b in both]


def _gain(rows: Mapping[str, Mapping[str, Sequence[Row]]], split: str, seeds: int) -> Metric:
    """Over tasks: what a policy does in one state of the phone it mostly does in the others."""
    found = _differences(rows, split)
    tasks = len(found) // seeds
    return interval([sum(found[n::tasks]) / seeds for n in range(tasks)], center="mean")


def _pairs(rows: Mapping[str, Mapping[str, Sequence[Row]]], split: str) -> tuple[int, int]:
    found = _differences(rows, split)
    return found.count(1), found.count(-1)


def _said(metric: Metric) -> str:
    return f"{metric.value:.2f} ({metric.low:.2f} to {metric.high:.2f}, n {metric.n})"


def _verdict(
    shares: Mapping[str, Mapping[str, Metric]], gains: Mapping[str, Metric], model: str
) -> str:
    told = ", ".join(
        f"{shares[ALL][s].value:.0%} of {s} (alone {shares[ALONE][s].value:.0%})" for s in SPLITS
    )
    better = [s for s in SPLITS if (gains[s].low or 0.0) > 0]
    worse = [s for s in SPLITS if (gains[s].high or 0.0) < 0]
    where = f"beyond its interval on {', '.join(better)}" if better else "on no split for certain"
    less = f"; it loses on {', '.join(worse)}" if worse else ""
    return (
        f"Under ColorAgent {model} does {told}. The framework gains {where}{less}. Rules alone: no "
        "model stands in the modules. ColorAgent's published ablation (AndroidWorld, 32B: 65.1 "
        "alone, 77.2 with the framework) is of other tasks and models and cannot be compared."
    )


EXPERIMENT = Experiment(
    "color-policy",
    "What does the framework make of the small policy that ships, by split and by module?",
    run,
    claim="65.1 % of AndroidWorld without the framework, 77.2 % with it (arXiv 2510.19386).",
    seeds=(0, 1, 2),
    needs={"quick": Needs(hours=0.03), "normal": Needs(hours=1.5)},
    options={"model": "another model that says each action"},
)
