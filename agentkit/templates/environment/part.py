"""A counter that has to reach a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import Field

from agentkit.capabilities import (
    Action,
    Check,
    EnvironmentInfo,
    EpisodeOver,
    Observation,
    Step,
    Task,
    Text,
)
from agentkit.errors import UsageError
from agentkit.kit import Parts
from agentkit.seeds import derive
from agentkit.settings import PartSettings

# Tasks of the splits differ in their goals, so that a test is not what was trained on.
GOALS = {"train": (10, 12, 14), "validation": (11, 15), "test": (13, 16)}


class Add(Action):
    """Adds to the counter, or takes away from it."""

    kind: Literal["add"] = "add"
    amount: int = Field(ge=-3, le=3)


class Settings(PartSettings):
    """limit: steps before an episode is cut off."""

    limit: int = Field(default=20, ge=1)


@dataclass(frozen=True, slots=True)
class State:
    """All there is."""

    value: int
    goal: int
    steps: int = 0
    over: bool = False


class ClassName:
    """Add to the counter until it shows the task's number."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._settings, self._parts = settings, parts
        self.info = EnvironmentInfo(parts.name, "a counter that has to reach a number", (Add,))
        self._state: State | None = None
        self._kept: dict[str, State] = {}

    def tasks(self, split: str) -> Sequence[Task]:
        if split not in GOALS:
            raise UsageError(f"there is no split {split!r}", f"one of: {', '.join(GOALS)}")
        return [Task(f"{split}-{n}", f"Reach {n}.", split, data={"goal": n}) for n in GOALS[split]]

    def reset(self, task: Task, seed: int) -> Observation:
        self._state = State(derive(seed, task.id) % 5, task.data["goal"])
        return self.observe()

    def step(self, action: Action) -> Step:
        state = self._now()
        if state.over:
            raise EpisodeOver("the episode has ended; reset first")
        if not isinstance(action, Add):
            raise UsageError(f"there is no action {type(action).__name__} here", "only Add")
        value, steps = state.value + action.amount, state.steps + 1
        done, cut = value == state.goal, steps >= self._settings.limit
        self._state = replace(state, value=value, steps=steps, over=done or cut)
        return Step(self.observe(), float(done), done, cut and not done)

    def observe(self) -> Observation:
        state = self._now()
        data = {"value": state.value, "goal": state.goal, "steps": state.steps}
        return Observation((Text(f"The counter shows {state.value}."),), data)

    def check(self, task: Task) -> Check:
        value, goal = self._now().value, task.data["goal"]
        if value == goal:
            return Check(1.0, (f"the counter shows {goal}",))
        return Check(0.0, (f"the counter shows {value}, not {goal}",))

    def snapshot(self) -> str:
        name = f"s{len(self._kept)}"
        self._kept[name] = self._now()
        return name

    def restore(self, snapshot: str) -> None:
        if snapshot not in self._kept:
            raise UsageError(f"there is no snapshot {snapshot!r}", "take one with snapshot()")
        self._state = self._kept[snapshot]

    def pool(self, n: int) -> Sequence[ClassName]:
        return [type(self)(self._settings, self._parts) for _ in range(n)]

    def close(self) -> None:
        self._state = None

    def _now(self) -> State:
        if self._state is None:
            raise UsageError("no episode has begun", "call reset(task, seed) first")
        return self._state
