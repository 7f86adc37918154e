"""Events: what happened in a run, in order. The log of them is the truth; all else is a reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VERSION = 1
"""Version of the event schema; a store with a newer one is refused, an older one is migrated."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event. Order is `seq`, gapless from 1 within a run; `time` is UTC seconds, for display.

    kind: "run.started", "run.status", "node.entered", "model.asked", "model.done", "tool.asked",
    "tool.done", "search.done", "action.asked", "action.done", "question.asked",
    "question.answered", "inbox.received", "inbox.handled", "progress", "artifact", "error", and an
    agent's own ("todo.changed", "evidence.added", "metric" …).
    """

    run: str
    seq: int
    time: float
    kind: str
    position: str
    data: Mapping[str, Any]
    version: int = VERSION
