"""Reward: scores an outcome. Pure, bounded, with reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Outcome:
    """What there is to score: the task, what was answered or reached, and the reference."""

    task: Mapping[str, Any]
    answer: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Score:
    """value: within the reward's bounds; parts: what it is made of; reasons: in words."""

    value: float
    parts: Mapping[str, float] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()


@runtime_checkable
class Reward(Protocol):
    bounds: tuple[float, float]

    def score(self, outcome: Outcome) -> Score:
        """The same outcome always scores the same."""
        ...
