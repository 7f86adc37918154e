"""Who is told of a run beside its owner: plugin hooks and telemetry. None of them can harm it."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from agentkit.runs.events import Event

if TYPE_CHECKING:
    from agentkit.kit import Kit
    from agentkit.runs.otel import Telemetry

LOG = logging.getLogger("agentkit.runs")
FAULTS = 5  # after so many in one run an observer is not told of events any more


class Observers:
    """Tells all observers of one run. Their faults are logged under their plugin's name."""

    def __init__(self, kit: Kit, run: str, agent: str) -> None:
        self._host, self._run, self._agent = kit.host, run, agent
        self._faults: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._events: list[tuple[str, Callable[..., object]]] = [*kit.host.each("agentkit_event")]
        spans = telemetry(kit)
        if spans is not None:
            spans.begin(run, agent)
            self._events.append(("telemetry", spans.event))

    def started(self) -> None:
        for name, hook in self._host.each("agentkit_run_started"):
            self._contained(name, hook, run=self._run, agent=self._agent)

    def event(self, event: Event) -> None:
        """A stored event; they come in order."""
        for name, tell in self._events:
            if self._faults[name] < FAULTS:
                self._contained(name, tell, event=event)

    def finished(self, status: str) -> None:
        for name, hook in self._host.each("agentkit_run_finished"):
            self._contained(name, hook, run=self._run, status=status)

    def _contained(self, name: str, hook: Callable[..., object], **given: object) -> None:
        try:
            hook(**given)
        except Exception as error:
            with self._lock:
                self._faults[name] += 1
                count = self._faults[name]
            end = "; it is not told of this run any more" if count == FAULTS else ""
            LOG.warning("plugin %r failed: %s: %s%s", name, type(error).__name__, error, end)


def telemetry(kit: Kit) -> Telemetry | None:
    """The kit's traces, None where they are off. Raises ConfigError where they cannot be had."""
    target = kit.settings.host.telemetry
    if not target:
        return None
    from agentkit.runs.otel import Telemetry

    return kit.share("telemetry", lambda: Telemetry(target))
