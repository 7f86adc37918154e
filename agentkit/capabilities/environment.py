"""Environment: tasks with a state that can be acted on and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from agentkit.capabilities.language_model import Part
from agentkit.capabilities.tool import Effect

Split = Literal["train", "validation", "test"]


class Action(BaseModel):
    """Base of an environment's actions: a closed union, told apart by `kind`.

    class Tap(Action):
        effect = Effect.INSIDE
        kind: Literal["tap"] = "tap"
        x: int
        y: int
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    effect: ClassVar[Effect] = Effect.INSIDE


@dataclass(frozen=True, slots=True)
class Task:
    """A task: what to reach, in words, and the parameters that its start and check are made of."""

    id: str
    goal: str
    split: str = "train"
    template: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observation:
    """What an agent sees: parts for a model, and the same as data."""

    parts: tuple[Part, ...]
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    observation: Observation
    reward: float = 0.0
    terminated: bool = False
    truncated: bool = False
    info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """score 0..1 with its reasons; success where it is 1."""

    score: float
    reasons: tuple[str, ...] = ()

    @property
    def success(self) -> bool:
        return self.score >= 1.0


@dataclass(frozen=True, slots=True)
class EnvironmentInfo:
    """actions: the classes of the union. version: of the action schema."""

    name: str
    description: str
    actions: tuple[type[Action], ...]
    version: int = 1


@runtime_checkable
class Environment(Protocol):
    info: EnvironmentInfo

    def tasks(self, split: str) -> Sequence[Task]:
        """All tasks of a split, in a fixed order."""
        ...

    def reset(self, task: Task, seed: int) -> Observation:
        """Starts over; the same (task, seed) gives the same state."""
        ...

    def step(self, action: Action) -> Step:
        """Acts once.

        Raises:
            EpisodeOver: after a terminated or truncated step.
        """
        ...

    def observe(self) -> Observation:
        """Looks again, changing nothing."""
        ...

    def check(self, task: Task) -> Check:
        """Judges by state alone, never by what was seen or said."""
        ...

    def snapshot(self) -> str:
        """Keeps the whole state under a new name."""
        ...

    def restore(self, snapshot: str) -> None: ...

    def pool(self, n: int) -> Sequence[Environment]:
        """n environments of the same kind that do not touch each other."""
        ...

    def close(self) -> None: ...


class EpisodeOver(RuntimeError):
    """A step was asked of an episode that has ended."""
