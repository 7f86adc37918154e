"""A `Progress` that remembers, for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agentkit.capabilities import Cancel


class Recorder:
    """updates: (step, metrics) in order. used: step to example ids. stop_at: cancels there."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.cancel = Cancel()
        self.stop_at = stop_at
        self.updates: list[tuple[int, Mapping[str, float]]] = []
        self.used: dict[int, list[str]] = {}

    def update(self, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        self.updates.append((step, dict(metrics or {})))
        if self.stop_at is not None and step >= self.stop_at:
            self.cancel.set()

    def examples(self, step: int, ids: Iterable[str]) -> None:
        self.used.setdefault(step, []).extend(ids)
