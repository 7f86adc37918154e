"""Runs as rows of lists, and the questions of all of them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from agentkit.console.findings import OVER
from agentkit.console.fold import status_of
from agentkit.console.people import shown_question
from agentkit.runs.events import Event
from agentkit.runs.finding import Head
from agentkit.runs.lease import lapsed
from agentkit.runs.store import ENDED, RunRow, RunStore

KINDS = ("todo.changed", "model.done", "score.done", "question.asked", "question.answered")
AROUND = 60  # characters shown on each side of what was searched for
NEWEST = 1000  # runs among which forks and questions are looked for
PAGES = 20  # pages that are read for one that is filtered by status


@dataclass(slots=True)
class _Summary:
    """What a row says beside the run's own columns."""

    seq: int = 0
    tokens: int = 0
    tasks: dict[str, str] = field(default_factory=dict)
    asked: set[int] = field(default_factory=set)

    def apply(self, event: Event) -> None:
        data = event.data
        match event.kind:
            case "todo.changed":
                id = str(data.get("id", ""))
                self.tasks[id] = str(data.get("status", self.tasks.get(id, "pending")))
            case "model.done":
                self.tokens += sum(u["prompt"] + u["spent"] for u in data.get("usage", ()))
            case "score.done":
                self.tokens += int(data.get("tokens", 0))
            case "question.asked":
                self.asked.add(event.seq)
            case "question.answered":
                self.asked.discard(int(data["number"]))


class Lists:
    """Rows of runs. What they sum up is kept, and brought up to date by new events alone."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._kept: dict[str, _Summary] = {}
        self._lock = threading.Lock()
        self._stamp = -1
        self._heads: list[Head] = []
        self._forks: dict[str, list[str]] = {}

    def heads(self) -> list[Head]:
        """How far the newest runs are."""
        with self._lock:
            stamp = self._store.stamp()
            if stamp != self._stamp:
                self._heads = self._store.heads(NEWEST)
                self._forks = {}
                for head in reversed(self._heads):
                    if head.parent:
                        self._forks.setdefault(head.parent, []).append(head.run)
                self._stamp = stamp
            return self._heads

    def row(self, row: RunRow, text: str | None = None) -> dict[str, Any]:
        """A run as lists show it. text: where what was searched for stands."""
        self.heads()
        with self._lock:
            summary = self._summary(row.id)
            asked = 0 if row.status in ENDED else len(summary.asked)
            tasks = list(summary.tasks.values())
            seq, tokens = summary.seq, summary.tokens
            forks = list(self._forks.get(row.id, ()))
        return {
            "id": row.id,
            "agent": row.agent,
            "task": row.task[:2000],
            "status": status_of(row),
            "note": row.note,
            "created": row.created,
            "changed": row.changed,
            "parent": row.parent,
            "parent_step": row.parent_step,
            "children": forks,
            "questions": asked,
            "seq": seq,
            "tokens": tokens,
            "done": sum(status in OVER for status in tasks),
            "tasks": len(tasks),
            "text": text,
        }

    def _summary(self, run: str) -> _Summary:
        kept = self._kept.setdefault(run, _Summary())
        last = self._store.last(run)
        if last > kept.seq:
            for event in self._store.tail(run, kept.seq, KINDS, upto=last):
                with suppress(KeyError, TypeError, ValueError):  # not as its kind should be
                    kept.apply(event)
            kept.seq = last
        return kept

    def page(
        self, text: str, agent: str, status: str, limit: int, before: tuple[float, str] | None
    ) -> tuple[list[dict[str, Any]], tuple[float, str] | None]:
        """Rows of runs, and where the next page begins, None where there is none."""
        made: list[dict[str, Any]] = []
        for _ in range(PAGES):
            size = limit if not status else 200
            found = self._store.search(text, agent, before, size)
            for row in found:
                before = (row.created, row.id)
                if status in ("", status_of(row)):
                    made.append(self.row(row, _where(row, text) if text else None))
                if len(made) == limit:
                    return made, before
            if len(found) < size:
                return made, None
        return made, before

    def family(self, run: str) -> tuple[str, list[dict[str, Any]]]:
        """The root of a run's tree of forks, and all runs of it."""
        root = self._store.get(run)
        seen = {root.id}
        while root.parent and root.parent not in seen:
            found = [h.run for h in self.heads() if h.run == root.parent]
            if not found:
                break  # it was deleted
            root = self._store.get(found[0])
            seen.add(root.id)
        rows, waiting = [root], [root.id]
        while waiting:
            for id in self._store.children(waiting.pop(0)):
                rows.append(self._store.get(id))
                waiting.append(id)
        return root.id, [self.row(row) for row in rows]

    def inbox(self) -> list[dict[str, Any]]:
        """The open questions of every run, oldest first."""
        found: list[dict[str, Any]] = []
        for head in self.heads():
            if head.status in ENDED:
                continue
            with self._lock:
                asked = bool(self._summary(head.run).asked)
            open = {q.number for q in self._store.questions(head.run)} if asked else set()
            if not open:
                continue
            row = self.row(self._store.get(head.run))
            for event in self._store.tail(head.run, kinds=("question.asked",)):
                if event.seq in open:
                    found.append({"run": row, **shown_question(event)})
        return sorted(found, key=lambda q: (q["asked"], q["number"]))

    def forget(self, run: str) -> None:
        with self._lock:
            self._kept.pop(run, None)


def marks(heads: Iterable[Head]) -> dict[str, tuple[Any, ...]]:
    """Per run what changes whenever its row does."""
    return {h.run: (h.seq, h.status, h.changed, lapsed(h.owner, h.until)) for h in heads}


def _where(row: RunRow, text: str) -> str | None:
    """The words around the first place where the text stands; None where it is in the task, which
    is shown anyway, or in what is not read here."""
    words = text.strip().casefold()
    if not words or words in row.task.casefold():
        return None
    for whole in _texts(row.result or {}):
        at = whole.casefold().find(words)
        if at >= 0:
            piece = whole[max(0, at - AROUND) : at + len(words) + AROUND]
            return " ".join(piece.split())
    return None


def _texts(result: Mapping[str, Any]) -> Iterable[str]:
    for value in result.values():
        yield value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
