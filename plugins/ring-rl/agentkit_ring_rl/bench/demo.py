"""`agentkit bench rl`: does the reward rise, on prompts that were trained on and on others?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from agentkit.bench import Bench, Experiment, Figure, Metric, Needs, Result, interval
from agentkit.capabilities.analyzer import Table
from agentkit_ring_rl.bench.runs import Run, head, number, smooth, tail, trained

TASKS = ("running", "ordered")
LOSSES: Mapping[str, Mapping[str, Any]] = {
    "icepop": {"mask": "icepop"},
    "grpo": {"mask": "none"},
    "tis": {"mask": "tis"},
    "kpop": {"mask": "kpop"},
    "one-ratio": {"mask": "one-ratio"},
}


def rl(bench: Bench) -> Result:
    """Every task and loss from the same warm start; the engine holds 8-bit weights."""
    quick = bench.scale == "quick"
    steps = number(bench, "steps", 60 if quick else 100)
    seeds = bench.seeds[:1] if quick else bench.seeds
    losses = ["icepop"] if quick else list(LOSSES)
    runs: dict[tuple[str, str], list[Run]] = {}
    total, done = len(TASKS) * len(seeds) * len(losses), 0
    for task in TASKS:
        for seed in seeds:
            for loss in losses:
                bench.progress.update(done, total)
                made = trained(
                    bench, [task], seed, "rl", steps=steps, precision="int8", **LOSSES[loss]
                )
                runs.setdefault((task, loss), []).append(made)
                done += 1
    metrics = {
        f"{task}: {name}": metric
        for task in TASKS
        for name, metric in figures(runs[task, "icepop"], task).items()
    }
    others = {
        loss: {
            f"{task}: {name}": metric
            for task in TASKS
            for name, metric in figures(runs[task, loss], task).items()
        }
        for loss in losses
        if loss != "icepop"
    }
    rows = [
        (task, loss, *(round(m.value, 3) for m in figures(made, task).values()))
        for (task, loss), made in runs.items()
    ]
    columns = ("task", "loss", *figures(runs[TASKS[0], "icepop"], TASKS[0]))
    return Result(
        metrics,
        _verdict(metrics, runs),
        baselines=others,
        tables=[Table("By task and loss", columns, tuple(rows))],
        figures=[Figure(f"Reward on {task}", partial(_plot, runs, task)) for task in TASKS],
    )


def figures(runs: list[Run], task: str) -> dict[str, Metric]:
    return {
        "reward at the start": interval([head(r["reward"]) for r in runs], center="mean"),
        "reward at the end": interval([tail(r["reward"]) for r in runs], center="mean"),
        "gain": interval([tail(r["reward"]) - head(r["reward"]) for r in runs], center="mean"),
        "held out before": interval([r[f"{task} before"] for r in runs], center="mean"),
        "held out after": interval([r[f"{task} after"] for r in runs], center="mean"),
        "masked share": interval([tail(r["masked_share"], 1.0) for r in runs], center="mean"),
    }


def _plot(runs: Mapping[tuple[str, str], list[Run]], task: str, axes: Any) -> None:
    for (one, loss), made in runs.items():
        if one == task:
            mean = [sum(v) / len(v) for v in zip(*(r["reward"] for r in made))]
            axes.plot(range(1, len(mean) + 1), smooth(mean), label=loss, lw=1.0)
    axes.set_xlabel("step")
    axes.set_ylabel("reward (mean of 5 steps)")
    axes.legend(fontsize="x-small")


def _verdict(metrics: Mapping[str, Metric], runs: Mapping[tuple[str, str], list[Run]]) -> str:
    told = "; ".join(
        f"{task} {metrics[f'{task}: reward at the start'].value:.2f} to "
        f"{metrics[f'{task}: reward at the end'].value:.2f}, held out "
        f"{metrics[f'{task}: held out before'].value:.2f} to "
        f"{metrics[f'{task}: held out after'].value:.2f}"
        for task in TASKS
    )
    best = {
        task: max(
            (figures(r, task)["gain"].value, loss) for (t, loss), r in runs.items() if t == task
        )
        for task in TASKS
    }
    names = ", ".join(f"{loss} on {task} ({gain:+.2f})" for task, (gain, loss) in best.items())
    return (
        f"With IcePop the reward goes: {told}. The largest gain of all losses that ran: {names}. "
        "The policy is a Llama of two layers, warmed up until it is right in four cases of ten; "
        "this shows that the engine trains, not what any method gains on a large model."
    )


RL = Experiment(
    name="rl",
    question="Does the reward rise, on two tasks, on prompts that were not trained on too?",
    run=rl,
    claim="IcePop with C3PO++ trains a 1T model; nothing is said of small ones",
    seeds=(0, 1, 2, 3, 4),
    needs={"quick": Needs(hours=0.05), "normal": Needs(hours=0.5)},
    options={"steps": "of each training"},
)
