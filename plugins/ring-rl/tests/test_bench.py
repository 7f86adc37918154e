"""Experiments at a tiny size: they run, and their parts count right."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import MixtralForCausalLM

import agentkit
from agentkit.bench import Bench, Experiment
from agentkit.errors import UsageError
from agentkit.testing.progress import Recorder
from agentkit_ring_rl.bench.bed import TASKS, examples, experts
from agentkit_ring_rl.bench.c3po import RL_C3PO, fitted
from agentkit_ring_rl.bench.demo import RL
from agentkit_ring_rl.bench.mismatch import RL_MISMATCH
from agentkit_ring_rl.bench.moe import noisy
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
        (RL_MISMATCH, {"steps": "2", "policy": "moe"}),
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

    def cold(folder: Path, tasks: Any, seed: int, until: float, **more: Any) -> Path:
        return plain(folder, tasks, seed, until, most=1, **more)

    monkeypatch.setattr(runs, "warm", cold)
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


def test_an_unknown_policy_is_named(tmp_path: Path) -> None:
    with agentkit.load(environ={}) as kit:
        bench = Bench(kit, "quick", (3,), tmp_path, Recorder(), {"policy": "mole"})
        with pytest.raises(UsageError, match="policy=mole"):
            RL_MISMATCH.run(bench)


def test_noise_on_routers_moves_tokens_to_other_experts_and_the_gap_with_it() -> None:
    """Without noise the hook gives what the router itself gives."""
    ids = torch.tensor([list(b"1234:1360")])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = MixtralForCausalLM(experts()).eval()
    chosen: list[Any] = []
    found = {}
    with torch.no_grad():
        plain = module(input_ids=ids).logits.log_softmax(-1)
        for scale in (0.0, 0.1, 1.0):
            other = noisy(copy.deepcopy(module), scale, 3)
            gate = other.model.layers[0].mlp.gate
            gate.register_forward_hook(lambda _, __, out: chosen.append(out[2].sort().values))
            logq = other(input_ids=ids).logits.log_softmax(-1)
            found[scale] = float((logq - plain).abs().max())
    assert found[0.0] < 1e-5 < found[0.1] < found[1.0]
    assert not chosen[0].equal(chosen[2])
