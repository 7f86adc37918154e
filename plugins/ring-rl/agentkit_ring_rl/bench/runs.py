"""A training on the small policy, as experiments run it: what it saw, in numbers."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from agentkit.bench import Bench
from agentkit.testing.progress import Recorder
from agentkit_ring_rl.bench.bed import config, examples, greedy, right, warm
from agentkit_ring_rl.record import read

Run = dict[str, Any]  # series by name, and before/after on held-out prompts
SERIES = (
    "reward",
    "norm",
    "gap_mean",
    "gap_max",
    "gap_probability",
    "masked_share",
    "entropy",
    "length",
)
# What all trainings of these experiments share. The rate is far above the paper's, as the policy is
# far smaller; at 1e-3 the reward falls at first.
SHARED: Mapping[str, Any] = {
    "engine": "batched",
    "slots": 128,
    "prompts": 16,
    "group": 8,
    "limit": 8,
    "schedule": "synchronous",
    "rate": 3e-4,
    "keep": 10_000,
    "shown": False,
}


def policy(
    bench: Bench,
    tasks: Sequence[str],
    seed: int,
    until: float = 0.4,
    made: Callable[[], Any] = config,
) -> Path:
    """The warm start of a seed, made once for an experiment."""
    name = "policy" if made is config else made.__name__
    return warm(
        bench.out / f"{name}-{'-'.join(tasks)}-{seed}-{until}", tasks, seed, until, made=made
    )


def trained(
    bench: Bench,
    tasks: Sequence[str],
    seed: int,
    name: str,
    *,
    until: float = 0.4,
    **settings: Any,
) -> Run:
    """One training, measured now or in a call that was interrupted."""
    folder = policy(bench, tasks, seed, until)
    made = {k: v for k, v in {**SHARED, "seed": seed, **settings}.items() if v is not None}
    key = f"{name} {seed} {tasks} {until} {sorted(made.items())}"
    return bench.once(key, partial(_train, bench, tasks, seed, folder, made))


def _train(
    bench: Bench,
    tasks: Sequence[str],
    seed: int,
    folder: Path,
    settings: Mapping[str, Any],
) -> Run:
    number = len(bench.kit.names("trainer"))
    base, name = f"bench-policy-{number}", f"bench-ring-{number}"
    bench.kit.define("model", base, use="transformers", model=str(folder), dtype="fp32", threads=1)
    bench.kit.define("trainer", name, use="ring", model=base, **settings)
    out = bench.out / name
    shutil.rmtree(out, ignore_errors=True)
    progress = Recorder()
    progress.cancel = bench.progress.cancel
    data = [one for task in tasks for one in examples(task, 400, seed)]
    bench.kit.part("trainer", name).train(data, out, progress)
    lines = list(read(out / "steps.jsonl"))
    found: Run = {series: [line[series] for line in lines] for series in SERIES}
    found["would_mask"] = [line["gaps"]["would_mask"] for line in lines]
    found["tokens_per_second"] = [line["tokens_per_second"] for line in lines]
    found |= held(folder, out / "checkpoint" / "model.safetensors", tasks, seed)
    shutil.rmtree(out)
    return found


def held(folder: Path, weights: Path, tasks: Sequence[str], seed: int) -> dict[str, Any]:
    """Expected reward and greedy accuracy on prompts that nobody trained on, before and after."""
    from safetensors.torch import load_file

    from agentkit_ring_rl.cluster import load_module

    module = load_module(folder)
    made: dict[str, Any] = {}
    for when in ("before", "after"):
        if when == "after":
            module.load_state_dict(load_file(str(weights)), strict=False)
        for task in tasks:
            known = examples(task, 200, seed, "held")
            made[f"{task} {when}"] = right(module, known)
            made[f"{task} greedy {when}"] = greedy(module, known)
    return made


def tail(series: Sequence[float], share: float = 0.1) -> float:
    """Mean of the last tenth."""
    last = series[-max(1, int(len(series) * share)) :]
    return sum(last) / len(last)


def head(series: Sequence[float], share: float = 0.1) -> float:
    first = series[: max(1, int(len(series) * share))]
    return sum(first) / len(first)


def smooth(series: Sequence[float], width: int = 5) -> list[float]:
    """A running mean, for plots."""
    return [
        sum(series[max(0, n - width + 1) : n + 1]) / min(width, n + 1) for n in range(len(series))
    ]


def number(bench: Bench, name: str, otherwise: int) -> int:
    """An option that is a number."""
    from agentkit.errors import UsageError

    text = bench.options.get(name, str(otherwise))
    if not text.isdigit() or not int(text):
        raise UsageError(f"--{name} {text}: give a number above 0", "")
    return int(text)
