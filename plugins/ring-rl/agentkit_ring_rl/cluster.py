"""The same controller on several processes: Ray actors for rollouts and for the trainer's ranks,
torch FSDP2 between the ranks. One process decides (`controller`); weights and samples go from
worker to worker through Ray's object store, not through it.

On one machine it runs over gloo and CPUs; with GPUs over NCCL, one rank a device.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from agentkit.errors import BackendUnavailable, ConfigError
from agentkit_ring_rl.batched import BatchedEngine
from agentkit_ring_rl.learner import Learner, Loss, Policy, Sample, Updated, joined
from agentkit_ring_rl.mismatch import Precision
from agentkit_ring_rl.rollouts import Rollout

START = 900.0  # seconds that workers have to come up


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """What a worker needs to build its part: a model folder, never a pickled module. ranks: of the
    trainer. engines: rollout workers, which share the slots."""

    folder: Path
    loss: Loss
    rate: float
    ends: tuple[int, ...]
    width: int = 512
    rows: int = 16
    updates: int = 1
    weight_decay: float = 0.01
    slots: int = 64
    temperature: float = 1.0
    precision: Precision = "fp32"
    ranks: int = 2
    engines: int = 1


def load_module(folder: Path) -> Any:
    """A model folder as an fp32 module."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(
        str(folder), local_files_only=True, use_safetensors=True, dtype=torch.float32
    )


# -- what runs in the workers ----------------------------------------------------------------------


class TrainRank:
    """One rank of the sharded trainer."""

    def __init__(self, spec: ClusterSpec, rank: int, world: int, port: int) -> None:
        torch.set_num_threads(1)
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
        backend = "nccl" if torch.cuda.is_available() else "gloo"
        torch.distributed.init_process_group(backend, rank=rank, world_size=world)
        module = load_module(spec.folder)
        if backend == "nccl":
            module = module.to(f"cuda:{rank % torch.cuda.device_count()}")
        self._learner = sharded(module, spec, rank, world)
        self._rank = rank

    def ready(self) -> bool:
        return True

    def update(self, samples: Sequence[Sample], step: int, rate: float | None) -> Updated:
        return self._learner.update(samples, step, rate)

    def tensors(self) -> dict[str, Tensor]:
        """Whole tensors, gathered by all ranks; only the first one hands them on."""
        found = {name: _whole(t).cpu() for name, t in self._learner.tensors().items()}
        return found if self._rank == 0 else {}

    def save(self, folder: str) -> None:
        """This rank's share of weights and moments."""
        import torch.distributed.checkpoint as dcp

        dcp.save(self._state(), checkpoint_id=f"{folder}/ranks")

    def restore(self, folder: str) -> None:
        import torch.distributed.checkpoint as dcp
        from torch.distributed.checkpoint.state_dict import set_state_dict

        state = self._state()
        dcp.load(state, checkpoint_id=f"{folder}/ranks")
        set_state_dict(
            self._learner.policy,
            self._learner.optimizer,
            model_state_dict=state["model"],
            optim_state_dict=state["optimizer"],
        )

    def _state(self) -> dict[str, Any]:
        from torch.distributed.checkpoint.state_dict import get_state_dict

        model, optimizer = get_state_dict(self._learner.policy, self._learner.optimizer)
        return {"model": model, "optimizer": optimizer}

    def close(self) -> None:
        torch.distributed.destroy_process_group()


def sharded(module: Any, spec: ClusterSpec, rank: int, world: int) -> Learner:
    """A learner whose weights, gradients and moments are spread over the ranks (FSDP2)."""
    from torch.distributed.fsdp import fully_shard

    policy = Policy(module.train())
    for layer in module.base_model.layers:
        fully_shard(layer)
    fully_shard(policy)
    optimizer = torch.optim.AdamW(
        policy.parameters(), lr=spec.rate, betas=(0.9, 0.999), weight_decay=spec.weight_decay
    )
    return Learner(
        policy,
        spec.loss,
        optimizer,
        width=spec.width,
        rows=spec.rows,
        updates=spec.updates,
        rank=rank,
        world=world,
    )


class RolloutWorker:
    """A batched engine in a process of its own."""

    def __init__(self, spec: ClusterSpec) -> None:
        torch.set_num_threads(1)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self._engine = BatchedEngine(
            lambda: load_module(spec.folder).to(device),
            spec.ends,
            slots=spec.slots,
            temperature=spec.temperature,
            precision=spec.precision,
        )
        self._held: dict[tuple[int, int], Rollout] = {}

    def ready(self) -> bool:
        return True

    def start(self, rollouts: Sequence[Rollout]) -> None:
        self._held |= {(one.group, one.member): one for one in rollouts}
        self._engine.start(rollouts, keep=True)

    def step(self, ticks: int, dropped: Sequence[tuple[int, int]]) -> list[Rollout]:
        """Everything that got tokens, with all it has."""
        for key in dropped:
            if key in self._held:
                self._held.pop(key).end = "error"
        moved = {key: one for key, one in self._held.items() if one.end is None}
        for _ in range(ticks):
            if any(one.end is not None for one in moved.values()):
                break
            self._engine.step()
        self._held = {key: one for key, one in self._held.items() if one.end is None}
        return list(moved.values())

    def pause(self) -> None:
        self._held.clear()
        self._engine.pause()
        self._engine.start([])

    def load(self, tensors: Mapping[str, Tensor], version: int) -> int:
        self._engine.load(tensors, version)
        return self._engine.version

    def release(self) -> int:
        return self._engine.release()


# -- the controller's view -------------------------------------------------------------------------


class RayCluster:
    """Starts the workers; `engine` and `learner` are what the controller works with.

    Raises:
        ConfigError: ray is not installed.
        BackendUnavailable: a worker did not come up.
    """

    def __init__(self, spec: ClusterSpec, address: str = "local") -> None:
        self._ray = _ray()
        self.spec, self._own = spec, not self._ray.is_initialized()
        if self._own:
            # "local" is one machine of its own: no dashboard, a small store. Who may talk to it is
            # ray's own matter (RAY_AUTH_MODE), and left as it is.
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            os.environ.setdefault("RAY_raylet_start_wait_time_s", "300")  # a busy machine
            settings: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False}
            if address == "local":
                settings |= {
                    "num_cpus": spec.ranks + spec.engines,
                    "object_store_memory": 128 << 20,
                }
            try:
                self._ray.init(address=address, **settings)
            except Exception as error:  # ray raises bare ones
                raise BackendUnavailable(
                    f"ray did not start at {address!r}: {_first(error)}",
                    "is the cluster up, or this machine overloaded? try again",
                ) from error
        gpus = 1 if torch.cuda.is_available() else 0
        remote = self._ray.remote(num_cpus=1, num_gpus=gpus)
        port = _free_port()
        rank = remote(TrainRank)
        self._ranks = [rank.remote(spec, n, spec.ranks, port) for n in range(spec.ranks)]
        share = -(-spec.slots // spec.engines)
        worker = remote(RolloutWorker)
        self._workers = [worker.remote(replace(spec, slots=share)) for _ in range(spec.engines)]
        self.engine = RayEngine(self._ray, self._workers, share * spec.engines)
        self.learner = RayLearner(self._ray, self._ranks)
        self._wait_for([*self._ranks, *self._workers])

    def _wait_for(self, actors: Sequence[Any]) -> None:
        """Until all are up: a cluster without room would keep them waiting for ever."""
        asked = [actor.ready.remote() for actor in actors]
        up, missing = self._ray.wait(asked, num_returns=len(asked), timeout=START)
        if missing:
            self.close()
            raise BackendUnavailable(
                f"{len(missing)} of {len(asked)} workers did not come up in {START:.0f} s",
                "has the cluster a free processor (and accelerator) for each?",
            )
        self._ray.get(up)  # raises what went wrong in one

    def exchange(self, version: int) -> None:
        """Weights from the first rank to every engine. The controller holds a reference only."""
        references = [rank.tensors.remote() for rank in self._ranks]
        self.engine.load_reference(references[0], version)

    def save(self, folder: Path) -> None:
        """Every rank writes its share, all at once."""
        self._ray.get([rank.save.remote(str(folder)) for rank in self._ranks])

    def restore(self, folder: Path) -> None:
        self._ray.get([rank.restore.remote(str(folder)) for rank in self._ranks])

    def close(self) -> None:
        for actor in (*self._workers, *self._ranks):
            self._ray.kill(actor)
        if self._own:
            self._ray.shutdown()


class RayLearner:
    """`Learner.update` on all ranks at once; samples are put into the store once."""

    def __init__(self, ray: Any, ranks: Sequence[Any]) -> None:
        self._ray, self._ranks = ray, ranks

    def update(self, samples: Sequence[Sample], step: int, rate: float | None = None) -> Updated:
        stored = self._ray.put(list(samples))
        done = self._ray.get([rank.update.remote(stored, step, rate) for rank in self._ranks])
        norms = {one.metrics["norm"] for one in done}
        if max(norms) - min(norms) > 1e-4 * max(1.0, max(norms)):
            raise BackendUnavailable(f"the trainer's ranks disagree: norms {sorted(norms)}", "")
        count = len(done)
        metrics = {
            name: done[0].metrics[name]
            if name == "norm"
            else sum(one.metrics[name] for one in done) / (1 if name == "loss" else count)
            for name in done[0].metrics
        }
        return Updated(metrics, joined([one.seen for one in done]))

    def tensors(self) -> dict[str, Tensor]:
        found = self._ray.get([rank.tensors.remote() for rank in self._ranks])
        first: dict[str, Tensor] = found[0]
        return first


class RayEngine:
    """A `RolloutEngine` over workers. A worker that died costs its rollouts, and is left out."""

    def __init__(self, ray: Any, workers: Sequence[Any], slots: int, ticks: int = 8) -> None:
        self._ray, self.workers, self._ticks = ray, list(workers), ticks
        self.slots, self.version = slots, 0
        self._held: list[dict[tuple[int, int], Rollout]] = [{} for _ in workers]

    def start(self, rollouts: Sequence[Rollout], *, keep: bool = False) -> None:
        if keep and any(one.ids for one in rollouts):
            raise ConfigError("workers read resumed rollouts again", "leave keep out")
        new: list[list[Rollout]] = [[] for _ in self.workers]
        for one in rollouts:
            place = min(range(len(self.workers)), key=lambda n: len(self._held[n]) + len(new[n]))
            new[place].append(one)
        waits = [w.start.remote(some) for w, some in zip(self.workers, new) if some]
        for held, some in zip(self._held, new):
            held |= {(one.group, one.member): one for one in some}
        self._ray.wait(waits, num_returns=len(waits)) if waits else None

    def step(self) -> list[Rollout]:
        asked = []
        for held, worker in zip(self._held, self.workers):
            dropped = [key for key, one in held.items() if one.end is not None]
            for key in dropped:
                del held[key]
            asked.append(worker.step.remote(self._ticks, dropped))
        ended: list[Rollout] = []
        dead: list[int] = []
        for place, reference in enumerate(asked):
            held = self._held[place]
            try:
                moved = self._ray.get(reference)
            except self._ray.exceptions.RayActorError as error:
                dead.append(place)
                for one in held.values():
                    one.end, one.why = "error", f"a rollout worker died: {_first(error)}"
                ended += held.values()
                continue
            for far in moved:
                one = held[far.group, far.member]
                one.ids, one.logp, one.versions = far.ids, far.logp, far.versions
                one.end, one.why = far.end, far.why
                if one.end is not None:
                    ended.append(held.pop((one.group, one.member)))
        for place in reversed(dead):
            del self.workers[place], self._held[place]
        if not self.workers:
            raise BackendUnavailable("all rollout workers died", "start again with --resume")
        return ended

    def pause(self) -> None:
        for held in self._held:
            held.clear()
        for worker in self.workers:
            try:
                self._ray.get(worker.pause.remote())
            except self._ray.exceptions.RayActorError:
                continue  # the next step finds it dead

    def load(self, tensors: Mapping[str, Tensor], version: int) -> None:
        self.load_reference(self._ray.put(dict(tensors)), version)

    def load_reference(self, reference: Any, version: int) -> None:
        """Every worker takes the tensors from the store, and says which version it has then."""
        asked = [worker.load.remote(reference, version) for worker in self.workers]
        told = self._ray.get(asked)
        if set(told) != {version}:
            raise BackendUnavailable(f"engines have weights {told}, not version {version}", "")
        self.version = version

    def release(self) -> int:
        return sum(self._ray.get([worker.release.remote() for worker in self.workers]))

    def close(self) -> None:
        self.workers.clear()


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ConfigError(
            f"several processes need the package ray: {error}",
            "python -m pip install 'agentkit-ring-rl[cluster]'",
        ) from error
    return ray


def _whole(tensor: Any) -> Tensor:
    made: Tensor = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    return made.detach()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _first(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
