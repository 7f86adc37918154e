"""Where an episode stands: kept beside a phone that outlives the agent, so that a run that goes on
in another process finds it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from agentkit.capabilities import EpisodeOver, Task
from agentkit.errors import UsageError
from agentkit.files import write_atomic


@dataclass(slots=True)
class Episode:
    """One task being worked on. limit: steps, 0 for none. answer: what the agent said.
    data: the task's, as JSON.
    """

    id: str
    goal: str = ""
    split: str = ""
    template: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    steps: int = 0
    limit: int = 0
    over: bool = False
    answer: str = ""
    claim: str = ""

    @classmethod
    def of(cls, task: Task, limit: int) -> Episode:
        data = dict(task.data)
        return cls(task.id, task.goal, task.split, task.template, data, limit=limit)

    @property
    def task(self) -> Task:
        return Task(self.id, self.goal, self.split, self.template, self.data)

    def go_on(self) -> None:
        """Counts a step.

        Raises:
            EpisodeOver: it has ended.
        """
        if self.over:
            raise EpisodeOver("the episode has ended; reset first")
        self.steps += 1

    def copy(self) -> Episode:
        return Episode(**asdict(self))

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Episode:
        """Raises:
        UsageError: it is of another version.
        """
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise UsageError("the episode was kept by another version", "reset it") from error


class EpisodeFile:
    """An episode on disk; None keeps it in memory only."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def load(self) -> Episode:
        """Raises:
        UsageError: none has begun.
        """
        if self._path is not None and self._path.exists():
            return Episode.from_json(self._path.read_text())
        raise UsageError("no episode has begun", "call reset(task, seed) first")

    def save(self, episode: Episode) -> None:
        if self._path is not None:
            write_atomic(self._path, episode.to_json())
