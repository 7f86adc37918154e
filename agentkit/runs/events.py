"""Events: what happened in a run, in order. The log of them is the truth; all else is a reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VERSION = 1
"""Version of the event schema; a store with a newer one is refused, an older one is migrated."""

PASSING = ("model.delta", "progress")
"""Kinds that are shown while they happen and not stored."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event. Order is `seq`, gapless from 1 within a run; `time` is UTC seconds, for display.
    A passing event carries the seq of the stored one that it follows.

    kind: "run.created", "run.forked", "run.status", "run.notice", "node.entered", "model.asked",
    "model.done", "tool.asked", "tool.done", "search.asked", "search.done", "open.asked",
    "open.done", "action.asked", "action.done", "guard.judged", "question.asked",
    "question.answered", "inbox.received", "inbox.read", "inbox.late", "artifact", "error",
    those of PASSING, and an agent's own ("todo.changed", "evidence.added", "metric" …).
    """

    run: str
    seq: int
    time: float
    kind: str
    position: str
    data: Mapping[str, Any]
    version: int = VERSION

    @property
    def stored(self) -> bool:
        return self.kind not in PASSING

    def to_json(self) -> dict[str, Any]:
        """The event as exports and `--json` show it."""
        return {
            "run": self.run,
            "seq": self.seq,
            "time": self.time,
            "kind": self.kind,
            "position": self.position,
            "data": dict(self.data),
            "version": self.version,
        }
