"""A run as the console shows it: the fold of its events, kept up to date as more of them come."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from agentkit.console.findings import Findings
from agentkit.console.people import People
from agentkit.console.rows import Rows
from agentkit.console.tree import Change, Tree
from agentkit.console.work import Prices, Work
from agentkit.runs.events import Event
from agentkit.runs.lease import lapsed
from agentkit.runs.store import RunRow, RunStore

BATCH = 2000  # events that are read at a time
KEPT = 24  # runs whose folds are kept


class RunFold:
    """The state of one run, up to the event `seq`. Use it under its lock."""

    def __init__(self, store: RunStore, run: str, prices: Prices) -> None:
        self.run, self.seq = run, 0
        self.lock = threading.RLock()
        self.tree = Tree()
        self.rows = Rows()
        self.findings = Findings(self.tree)
        self._parts: tuple[Callable[[Event], None], ...] = (
            Work(self.tree, prices).apply,
            People(self.tree).apply,
            self.findings.apply,
            self.rows.apply,
        )
        self._store = store

    def update(self) -> int:
        """Takes in what has happened since the last time; gives the seq it is at then."""
        with self.lock:
            while True:
                events = self._store.tail(self.run, self.seq, upto=self.seq + BATCH)
                for event in events:
                    self._take(event)
                    self.seq = event.seq
                if len(events) < BATCH:
                    break
            self.findings.settle(self.seq)
            return self.seq

    def _take(self, event: Event) -> None:
        """An event that is not as its kind should be is shown as that, and spoils nothing else."""
        for part in self._parts:
            try:
                part(event)
            except Exception as error:
                text = f"event {event.seq} ({event.kind}) cannot be shown: {error!r}"
                notice = {"seq": event.seq, "kind": "console.odd", "text": text[:300]}
                self.tree.set(event.seq, ("notices", str(event.seq)), notice)

    def changes(self, after: int, upto: int) -> tuple[list[Change], list[dict[str, Any]]]:
        """What brings a state at `after` to one at `upto`, and the rows in between."""
        with self.lock:
            return self.tree.since(after, upto), self.rows.all[after:upto]


class Folds:
    """The folds of the runs that were looked at last."""

    def __init__(self, store: RunStore, prices: Prices) -> None:
        self.store, self.prices = store, prices
        self._kept: OrderedDict[str, RunFold] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, run: str) -> RunFold:
        """The fold of a run by its whole id, up to date."""
        with self._lock:
            fold = self._kept.pop(run, None) or RunFold(self.store, run, self.prices)
            self._kept[run] = fold
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        fold.update()
        return fold

    def forget(self, run: str) -> None:
        with self._lock:
            self._kept.pop(run, None)


def status_of(row: RunRow) -> str:
    """The status as people see it: a run that says it works and that nobody drives is interrupted.
    One that was just made has not been taken up yet."""
    if row.status == "running" and lapsed(row.owner, row.until):
        return "interrupted"
    return row.status


def facts(row: RunRow, use: str = "") -> dict[str, Any]:
    """What the run's own row says; it is no event, and changes without one."""
    return {
        "id": row.id,
        "agent": row.agent,
        "noun": str(row.recipe.get("noun", "agent")),
        "use": use or str(row.recipe.get("use", "")),
        "task": row.task,
        "input": dict(row.input),
        "seed": row.seed,
        "status": status_of(row),
        "note": row.note,
        "created": row.created,
        "parent": row.parent,
        "parent_step": row.parent_step,
        "budget": {
            "tokens": row.budget.tokens,
            "seconds": row.budget.seconds,
            "steps": row.budget.steps,
        },
        "driven": not lapsed(row.owner, row.until),
        "control": "" if row.control == "limits" else row.control,
        "result": row.result is not None,
    }


def chunks(after: int, upto: int, size: int) -> Iterator[tuple[int, int]]:
    """(after, upto) in pieces of at most `size` events; one empty piece where there is none."""
    if after >= upto:
        yield after, upto
    while after < upto:
        end = min(after + size, upto)
        yield after, end
        after = end
