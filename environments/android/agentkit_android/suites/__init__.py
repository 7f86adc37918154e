"""Sets of tasks for the android environment, all behind one face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from agentkit.capabilities import Action, Check, Task
from agentkit_android.client.driver import Driver


class Suite(Protocol):
    """Knows its tasks, how a phone is prepared for one, and what has been reached."""

    def tasks(self, split: str) -> Sequence[Task]: ...

    def matching(self, goal: str) -> Task | None:
        """The known task with that goal."""
        ...

    def limit(self, task: Task) -> int:
        """Steps that are allowed."""
        ...

    def prepare(self, driver: Driver, task: Task, seed: int, *, simulated: bool) -> None: ...

    def saw(self, driver: Driver, task: Task, action: Action) -> None:
        """After each step, for a suite that judges every screen."""
        ...

    def check(self, driver: Driver, task: Task, answer: str) -> Check: ...
