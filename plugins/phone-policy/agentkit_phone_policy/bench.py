"""`agentkit bench phone-policy`: how many tasks the policy does alone, and which steps are right.

Success is judged by the phone's state. A step is right where the policy does what the expert would
do in the state that the policy itself got into.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from random import Random
from typing import Any

from agentkit.bench import Bench, Experiment, Metric, Needs, Result, proportion
from agentkit.capabilities import Environment, Task
from agentkit.capabilities.analyzer import Table
from agentkit.seeds import derive
from agentkit_phone_policy.playing import play

SPLITS = ("unseen-params", "reworded", "unseen-templates", "unseen-apps")
TASKS = {"quick": 4, "normal": 1000}
"""Tasks of a split and seed, at most."""


def phone_policy(bench: Bench) -> Result:
    phone = _phone(bench)
    model = bench.kit.model(bench.options.get("model", "phone-policy"))
    most = int(bench.options.get("tasks", TASKS[bench.scale]))
    won: Counter[str] = Counter()
    played: Counter[str] = Counter()
    steps: Counter[str] = Counter()
    right: Counter[str] = Counter()
    ended: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    units = [(split, seed) for seed in bench.seeds for split in SPLITS]
    for number, (split, seed) in enumerate(units, 1):
        key = f"{model.info.fingerprint} {split} {seed} {most}"
        found = bench.once(key, partial(_split, phone, model, split, seed, most))
        won[split] += found["won"]
        played[split] += found["played"]
        ended[split].update(found["ended"])
        steps.update(found["steps"])
        right.update(found["right"])
        bench.progress.update(number, len(units))
    metrics: dict[str, Metric] = {
        f"success, {split}": proportion(won[split], played[split]) for split in SPLITS
    }
    metrics |= {f"right steps, {k}": proportion(right[k], n) for k, n in steps.most_common() if n}
    rows = tuple(
        (split, f"{won[split]} of {played[split]}", *(str(ended[split][e]) for e in ENDS))
        for split in SPLITS
    )
    kinds = tuple((k, f"{right[k]} of {n}") for k, n in steps.most_common())
    return Result(
        metrics,
        _verdict(won, played),
        tables=[
            Table("Tasks done, and how the episodes ended", ("split", "done", *ENDS), rows),
            Table("Steps as the expert would", ("the expert's action", "same"), kinds),
        ],
    )


ENDS = ("finish", "answer", "stuck", "steps", "bad")


def _phone(bench: Bench) -> Environment:
    if "bench-policy" not in bench.kit.names("environment"):
        bench.kit.define(
            "environment", "bench-policy", use="android", where="inside", picture=False
        )
    return bench.kit.environment("bench-policy")


def _split(phone: Environment, model: Any, split: str, seed: int, most: int) -> dict[str, Any]:
    found: dict[str, Any] = {"won": 0, "played": 0}
    ended: Counter[str] = Counter()
    steps: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for task in _tasks(phone, split, most):
        one = play(model, phone, task, seed, judged=True)
        found["won"] += one.success
        found["played"] += 1
        ended[one.ended] += 1
        steps.update(kind for kind, _ in one.judged)
        right.update(kind for kind, same in one.judged if same)
    return {**found, "ended": ended, "steps": steps, "right": right}


def _tasks(phone: Environment, split: str, most: int) -> Sequence[Task]:
    every = list(phone.tasks(split))
    Random(derive(0, split)).shuffle(every)
    return every[:most]


def _verdict(won: Counter[str], played: Counter[str]) -> str:
    shares = ", ".join(f"{won[s]} of {played[s]} ({s})" for s in SPLITS)
    return (
        f"Alone, with one look and one try a step, the policy does {shares}. Parameters, wordings, "
        "templates and apps of these splits are in no demonstration. ColorAgent (arXiv 2510.19386) "
        "reports 77.2 % on AndroidWorld with a model of 32 billion parameters on other tasks: the "
        "numbers cannot be compared."
    )


EXPERIMENT = Experiment(
    "phone-policy",
    "How many of the phone's tasks does the small policy do alone, and which steps are right?",
    phone_policy,
    seeds=(0, 1, 2),
    needs={"quick": Needs(hours=0.02), "normal": Needs(hours=0.6)},
    options={
        "model": "another model that reads step prompts",
        "tasks": "of a split, at most",
    },
)
