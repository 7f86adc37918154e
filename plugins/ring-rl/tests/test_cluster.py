"""Ray and FSDP2 over gloo: two ranks of a trainer and a rollout worker, for real."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import agentkit
from agentkit.errors import BackendUnavailable
from agentkit.testing.progress import Recorder
from agentkit_ring_rl.batched import BatchedEngine
from agentkit_ring_rl.bench.bed import examples
from agentkit_ring_rl.cluster import ClusterSpec, RayCluster, load_module
from agentkit_ring_rl.learner import Learner, Loss, Policy, Sample
from agentkit_ring_rl.masks import IcePop
from agentkit_ring_rl.record import read
from agentkit_ring_rl.rollouts import Prompt, Rollout

os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # else ray writes a token into the home folder
# Four processes each load torch: seconds on a quiet machine, minutes on a busy one.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


def test_the_trainer_runs_on_ray_and_goes_on(folder: Path, tmp_path: Path) -> None:
    settings = {
        "chat": False,
        "prompts": 2,
        "group": 4,
        "limit": 3,
        "budget": 20,
        "rate": 1e-3,
        "on": "ray",
        "engine": "batched",
        "ranks": 2,
        "keep": 1,
    }
    for steps, resume in ((2, False), (3, True)):
        with agentkit.load(environ={}) as kit:
            kit.define("model", "policy", use="transformers", model=str(folder), dtype="fp32")
            kit.define("trainer", "ring", use="ring", model="policy", steps=steps, **settings)
            seen = Recorder()
            kit.part("trainer", "ring").train(
                examples("digit", 20, 0), tmp_path / "out", seen, resume=resume
            )
    assert list(seen.used) == [3]
    assert [line["step"] for line in read(tmp_path / "out" / "steps.jsonl")] == [1, 2, 3]


@pytest.fixture(scope="module")
def cluster(folder: Path) -> Iterator[RayCluster]:
    spec = ClusterSpec(folder, Loss(IcePop()), 1e-2, (258,), width=16, rows=2, ranks=2)
    made = RayCluster(spec)
    yield made
    made.close()


def rollouts(count: int = 5) -> list[Rollout]:
    return [
        Rollout(n, 0, Prompt("p", tuple(b"3+4=1"[: 3 + n % 3]), 9 + n), n) for n in range(count)
    ]


def samples() -> list[Sample]:
    made = []
    for n in range(7):
        answer = tuple(b"12345"[: 1 + n % 4])
        made.append(
            Sample(tuple(b"3+4="), answer, (-1.0,) * len(answer), (0,) * len(answer), 1.0 - n % 3)
        )
    return made


def test_sharded_steps_are_those_of_one_process(cluster: RayCluster, folder: Path) -> None:
    module = load_module(folder)
    optimizer = torch.optim.AdamW(
        module.parameters(), lr=1e-2, betas=(0.9, 0.999), weight_decay=0.01
    )
    alone = Learner(Policy(module.train()), cluster.spec.loss, optimizer, width=16, rows=2)
    for step in (1, 2):
        there, here = cluster.learner.update(samples(), step), alone.update(samples(), step)
        assert there.metrics["norm"] == pytest.approx(here.metrics["norm"], rel=1e-3)
        assert there.metrics["loss"] == pytest.approx(here.metrics["loss"], abs=1e-5)
        assert int(there.seen.valid.sum()) == int(here.seen.valid.sum())
    gathered = cluster.learner.tensors()
    for name, tensor in alone.tensors().items():
        assert torch.allclose(gathered[name], tensor, atol=2e-4), name


def test_a_worker_draws_what_an_engine_here_draws(cluster: RayCluster, folder: Path) -> None:
    here, there = rollouts(), rollouts()
    engine = BatchedEngine(lambda: load_module(folder), [258])
    cluster.engine.load(dict(load_module(folder).named_parameters()), 0)
    for one, some in ((engine, here), (cluster.engine, there)):
        one.start(some)
        while any(o.end is None for o in some):
            one.step()
    assert [o.ids for o in here] == [o.ids for o in there]
    # weights go from the first rank to the worker, and both name one version
    cluster.exchange(1)
    assert cluster.engine.version == 1
    again = rollouts()
    cluster.engine.start(again)
    cluster.engine.step()
    cluster.engine.pause()
    assert all(set(o.versions) == {1} for o in again)


def test_a_worker_that_dies_ends_its_rollouts_with_the_reason(cluster: RayCluster) -> None:
    import ray

    some = rollouts(2)
    cluster.engine.start(some)
    ray.kill(cluster.engine.workers[0])
    with pytest.raises(BackendUnavailable, match="all rollout workers died"):
        cluster.engine.step()
    assert all(o.end == "error" and "worker died" in o.why for o in some)
