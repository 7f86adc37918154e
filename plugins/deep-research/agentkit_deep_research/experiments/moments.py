"""Acting on a run at an exact moment: right after its n-th event was stored, in its own thread."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import agentkit
from agentkit import hookimpl
from agentkit.kit import Kit
from agentkit.runs.events import Event
from agentkit_deep_research.experiments.needles import Company

SKIPPED = ("run.", "inbox.")  # kinds that others cause; they are no moments of the run's own


class At:
    """An observer that calls `do(event)` at the event of that number, counted from 1."""

    def __init__(self, number: int, do: Callable[[Event], object]) -> None:
        self.number, self.do = number, do
        self.seen = 0

    @hookimpl
    def agentkit_event(self, event: Event) -> None:
        if event.kind.startswith(SKIPPED):
            return
        self.seen += 1
        if self.seen == self.number:
            self.do(event)


@contextmanager
def watched(kit: Kit, observer: Any) -> Iterator[None]:
    """Has an object told of the events of all runs that begin within the block."""
    kit.host.manager.register(observer)
    try:
        yield
    finally:
        kit.host.manager.unregister(observer)


def made(store: Path, company: Company, *, only: int | None = None, **settings: Any) -> Kit:
    """A kit with a company's papers in memory, a second source of rumours, and an agent.

    Args:
        only: so many papers, the first ones, for a run that is short.
    """
    kit = agentkit.load(overrides=[f"host.store={json.dumps(str(store))}"])
    papers = {k: v for k, v in company.papers.items() if not k.endswith(".pdf")}
    papers = dict([*papers.items()][:only])
    kit.define("source", "papers", use="inline", documents=papers)
    rumours = {
        f"rumour-{n}.txt": f"People say that {needle.question.rstrip('?').lower()} is a secret."
        for n, needle in enumerate(company.needles)
    }
    kit.define("source", "rumours", use="inline", documents=rumours)
    settings = {"sources": ["papers", "rumours"], "embedder": None, "width": 1, **settings}
    kit.define("agent", "research", use="deep-research", **settings)
    return kit


def length(kit: Kit, question: str) -> int:
    """How many moments an undisturbed run of a question has."""
    counter = At(0, lambda event: None)
    with watched(kit, counter):
        kit.agent("research").run(question, seed=1).wait()
    return counter.seen
