"""An engine that draws nothing: lengths are given, and a tick costs what it is said to cost.

With it the scheduler is tried at the size of a cluster, and gains are predicted from a real
engine's fitted cost. A tick of n active rollouts takes a + b * n seconds.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentkit.seeds import derive
from agentkit_ring_rl.rollouts import Rollout

Length = Callable[[Rollout], int]


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of a decode tick: a, and b for each active rollout. read: for each token of a resumed
    rollout that is read again."""

    a: float = 1.0
    b: float = 0.0
    read: float = 0.0


def lognormal(mean: float, spread: float, cap: int) -> Length:
    """Lengths with that mean before the cap; spread: standard deviation of the logarithm."""
    middle = math.log(mean) - spread * spread / 2

    def length(one: Rollout) -> int:
        rng = random.Random(derive(one.seed, "length"))
        return max(1, min(cap, round(rng.lognormvariate(middle, spread))))

    return length


class SimulatedEngine:
    """A `RolloutEngine` whose `now` is the clock. It jumps to the next end: between two ends
    nothing changes, so the ticks in between are one sum. quantum: most ticks of a jump."""

    def __init__(
        self,
        slots: int,
        length: Length,
        cost: Cost = Cost(),
        quantum: int | None = None,
    ) -> None:
        self.slots, self.version, self.now = slots, 0, 0.0
        self._length, self._cost, self._quantum = length, cost, quantum
        self._active: list[tuple[Rollout, int]] = []

    def clock(self) -> float:
        return self.now

    def start(self, rollouts: Sequence[Rollout], *, keep: bool = False) -> None:
        for one in rollouts:
            self._active.append((one, min(self._length(one), one.prompt.limit)))
            if not keep:
                self.now += self._cost.read * len(one.ids)

    def step(self) -> list[Rollout]:
        self._active = [pair for pair in self._active if pair[0].end is None]
        if not self._active:
            return []
        ticks = min(goal - len(one.ids) for one, goal in self._active)
        ticks = min(ticks, self._quantum) if self._quantum else ticks
        self.now += ticks * (self._cost.a + self._cost.b * len(self._active))
        ended = []
        for one, goal in self._active:
            one.ids += [0] * ticks  # no log-probabilities: nothing is drawn
            if len(one.ids) >= goal:
                one.end = "length" if goal == one.prompt.limit else "stop"
                ended.append(one)
        return ended

    def pause(self) -> None:
        self._active.clear()

    def load(self, tensors: Mapping[str, Any], version: int) -> None:
        self.version = version

    def release(self) -> int:
        return 0

    def close(self) -> None:
        self._active.clear()
