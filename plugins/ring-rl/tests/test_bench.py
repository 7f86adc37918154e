"""Experiments at a tiny size: they run, and their parts count right."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import agentkit
from agentkit.bench import Bench, Experiment
from agentkit.testing.progress import Recorder
from agentkit_ring_rl.bench.bed import TASKS, examples
from agentkit_ring_rl.bench.c3po import RL_C3PO, fitted
from agentkit_ring_rl.bench.demo import RL
from agentkit_ring_rl.bench.mismatch import RL_MISMATCH
from agentkit_ring_rl.bench.power import RL_POWER, pass_at
from agentkit_ring_rl.bench.runs import head, smooth, tail
from agentkit_ring_rl.bench.sandboxed import RL_SANDBOX
from agentkit_ring_rl.bench.stages import RL_STAGES
from agentkit_ring_rl.bench.weights import RL_WEIGHTS


@pytest.mark.slow
@pytest.mark.parametrize(
    "experiment, options",
    [
        (RL, {"steps": "2"}),
        (RL_MISMATCH, {"steps": "2"}),
        (RL_C3PO, {"mean": "6"}),
        (RL_WEIGHTS, {}),
        (RL_SANDBOX, {}),
        (RL_POWER, {"steps": "2"}),
        (RL_STAGES, {"steps": "2", "lessons": "3"}),
    ],
    ids=lambda value: value.name if isinstance(value, Experiment) else "",
)
def test_an_experiment_runs(
    experiment: Experiment, options: dict[str, str], tmp_path: Path, monkeypatch: Any
) -> None:
    from agentkit_ring_rl.bench import power, runs

    small = {**runs.SHARED, "slots": 16, "prompts": 2, "group": 4}
    monkeypatch.setattr(runs, "SHARED", small)
    monkeypatch.setattr(power, "SHARED", small)
    # a policy that knows nothing is enough to run on, and takes no time to make
    plain = runs.warm
    monkeypatch.setattr(
        runs, "warm", lambda folder, tasks, seed, until: plain(folder, tasks, seed, until, most=1)
    )
    with agentkit.load(environ={}) as kit:
        bench = Bench(kit, "quick", experiment.seeds, tmp_path, Recorder(), options)
        result = experiment.run(bench)
    assert result.metrics and result.verdict
    assert all(metric.value == metric.value for metric in result.metrics.values())
    from matplotlib.figure import Figure

    for figure in result.figures:
        figure.draw(Figure().add_subplot())


def test_splits_share_no_prompt_and_answers_are_right() -> None:
    for task, make in TASKS.items():
        train = {e.data["prompt"] for e in examples(task, 50, 0)}
        held = {e.data["prompt"] for e in examples(task, 15, 1, "held")}
        assert train and held and not train & held
        asked, answer = make(random.Random(0))
        if task == "sums":
            assert eval_sum(asked) == int(answer)


def eval_sum(text: str) -> int:
    return sum(map(int, text.rstrip("=").split("+")))


def test_costs_are_fitted() -> None:
    a, b = fitted([(n, 0.5 + 0.25 * n) for n in (1, 5, 9)])
    assert a == pytest.approx(0.5) and b == pytest.approx(0.25)
    assert fitted([(4, 1.0), (4, 3.0)]) == (2.0, 0.0)


def test_pass_at_k() -> None:
    right = [True, False, False, False]
    assert pass_at(right, 1) == 0.25 and pass_at(right, 4) == 1.0
    assert pass_at(right, 2) == pytest.approx(0.5)
    assert pass_at(right, 8) != pass_at(right, 8)


def test_ends_of_series() -> None:
    series = [float(n) for n in range(20)]
    assert head(series) == 0.5 and tail(series) == 18.5
    assert smooth([1.0, 3.0, 5.0], 2) == [1.0, 2.0, 4.0]
