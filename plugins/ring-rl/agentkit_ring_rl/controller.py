"""One step of training, as the paper draws it: a phase of rollouts, rewards, advantages, an update,
and the new weights back to the engine. Control flow alone; it knows no files and no noun.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from agentkit.capabilities import Cancel, TrainingDiverged
from agentkit_ring_rl.advantages import Spread, group_advantages
from agentkit_ring_rl.exchange import Exchange
from agentkit_ring_rl.gaps import GapReport, gap_report
from agentkit_ring_rl.learner import Sample, Seen, Updated
from agentkit_ring_rl.masks import Gap, Weights
from agentkit_ring_rl.rollouts import Rollout, RolloutEngine
from agentkit_ring_rl.scheduler import Phase, Scheduler

Scores = Callable[[Sequence[Rollout]], list[float]]


class Trains(Protocol):
    """A learner, here or spread over processes."""

    def update(
        self, samples: Sequence[Sample], step: int, rate: float | None = None
    ) -> Updated: ...
    def tensors(self) -> Mapping[str, torch.Tensor]: ...


@dataclass(frozen=True, slots=True)
class Step:
    """What a step was. rollouts with their rewards and advantages, in one order; metrics: one
    number a name; gaps: what the engines disagreed on."""

    number: int
    phase: Phase
    rollouts: tuple[Rollout, ...]
    rewards: tuple[float, ...]
    advantages: tuple[float, ...]
    metrics: Mapping[str, float]
    gaps: GapReport


class Controller:
    """Args:
    score: rewards of rollouts, in their order; NaN where one has none.
    version: of the weights; it counts updates.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        engine: RolloutEngine,
        learner: Trains,
        exchange: Exchange | Callable[[int], None],
        score: Scores,
        *,
        spread: Spread = "population",
        best: float = 1.0,
        release: bool = False,
        version: int = 0,
    ) -> None:
        self.scheduler, self._engine, self._learner = scheduler, engine, learner
        self._exchange, self._score, self._spread = exchange, score, spread
        self._best, self._release, self.version = best, release, version

    def step(self, number: int, rate: float | None = None, cancel: Cancel | None = None) -> Step:
        """Raises TrainingDiverged where no reward, or the loss, is a number; weights stay."""
        begun = time.perf_counter()
        phase = self.scheduler.collect(cancel)
        rollouts = [one for group in phase.groups for one in group.members]
        rolled = time.perf_counter()
        rewards = self._score(rollouts)
        scored = time.perf_counter()
        if not any(math.isfinite(one) for one in rewards):
            raise TrainingDiverged(number, "reward")
        groups = torch.tensor([one.group for one in rollouts])
        found = group_advantages(torch.tensor(rewards), groups, self._spread)
        freed = self._engine.release() if self._release else 0
        samples = [
            Sample(o.prompt.ids, tuple(o.ids), tuple(o.logp), tuple(o.versions), a)
            for o, a in zip(rollouts, found.values.tolist())
        ]
        updated = self._learner.update(samples, number, rate)
        trained = time.perf_counter()
        gaps = _gaps(updated.seen, self.version)
        self.version += 1
        moved = self.publish()
        known = [one for one in rewards if math.isfinite(one)]
        lengths = [len(one.ids) for one in rollouts]
        metrics = {
            "reward": sum(known) / len(known),
            "shortfall": self._best - sum(known) / len(known),
            "length": sum(lengths) / len(lengths),
            "cut": sum(one.end == "length" for one in rollouts) / len(rollouts),
            **updated.metrics,
            **gaps.values,
            "groups": float(len(phase.groups)),
            "flat_groups": float(found.flat),
            "rewards_missing": float(found.missing),
            "purged": float(phase.purged),
            "failed": float(phase.failed),
            "carried": float(phase.carried),
            "length_bias": phase.mean_trained / phase.mean_ended if phase.mean_ended else 1.0,
        }
        seconds = {
            "seconds_rollout": rolled - begun,
            "seconds_reward": scored - rolled,
            "seconds_update": trained - scored,
            "seconds_weights": moved,
            "tokens_per_second": phase.generated / max(1e-9, time.perf_counter() - begun),
            **({"released": float(freed)} if self._release else {}),
        }
        return Step(
            number,
            phase,
            tuple(rollouts),
            tuple(rewards),
            tuple(found.values.tolist()),
            {**metrics, **seconds},
            gaps,
        )

    def publish(self) -> float:
        """The learner's weights to the engine, under the present version; the seconds. Both sides
        must agree on the version afterwards."""
        begun = time.perf_counter()
        if callable(self._exchange):
            self._exchange(self.version)
        else:
            self._exchange.publish(self._learner.tensors(), self.version)
            pulled = self._exchange.pull(self.version - 1)
            assert pulled is not None and pulled[1] == self.version
            self._engine.load(*pulled)
        if self._engine.version != self.version:
            raise TrainingDiverged(self.version, "weights version")
        return time.perf_counter() - begun


def _gaps(seen: Seen, version: int) -> GapReport:
    gap = Gap(seen.old, seen.engine, seen.valid)
    return gap_report(gap, Weights(seen.factor, seen.kept), seen.versions, version, seen.entropy)


def plain(step: Step) -> dict[str, Any]:
    """The gap report as JSON, for a log."""
    return {
        "engine": list(step.gaps.engine),
        "stale": list(step.gaps.stale),
        "positions": [round(p, 6) for p in step.gaps.positions],
        "would_mask": {name: round(v, 6) for name, v in step.gaps.would_mask.items()},
        "retentions": {str(k): v for k, v in step.phase.retentions.items()},
    }
