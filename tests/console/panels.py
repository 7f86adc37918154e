"""What a plugin of somebody else's might add: a panel of its own events, and one that crashes."""

from __future__ import annotations

from collections.abc import Sequence

from agentkit.console import views
from agentkit.console.views import Export, Look, Panel, Screen, Views


class Mine(Views):
    """Draws events of a kind that nobody else knows."""

    def panels(self, run: Look) -> Sequence[Panel]:
        told = [e.data for e in run.store.tail(run.row.id, kinds=("mine.measured",))]
        points = [(float(n), float(one["value"])) for n, one in enumerate(told)]
        return [Panel("curve", "My curve", [views.series({"value": points}), views.text("so")])]

    def exports(self, run: Look) -> Sequence[Export]:
        return [Export("mine.txt", "Mine", "text/plain", lambda: b"mine")]


class Crashing(Views):
    """Raises wherever it can."""

    def report(self, run: Look) -> None:
        raise ValueError("no report of mine")

    def exports(self, run: Look) -> Sequence[Export]:
        raise RuntimeError("no files of mine")

    def panels(self, run: Look) -> Sequence[Panel]:
        raise KeyError("a field that is not there")

    def screens(self, run: Look) -> Sequence[Screen]:
        raise SystemError("no screens of mine")
