"""The todo list as data: what is to be found out, in which order, why, and on whose word.

It is a fold of "todo.changed" events, one version each, so that any earlier version can be made
again. The Markdown form is a view of it, and an input: see `todofile`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

Status = Literal["pending", "in_progress", "done", "cancelled", "blocked"]
Origin = Literal["question", "gap", "person", "model"]

PRIORITY: Mapping[Origin, int] = {"person": 10, "question": 9, "model": 8, "gap": 7}
MARK: Mapping[Status, str] = {
    "pending": " ",
    "in_progress": "~",
    "done": "x",
    "cancelled": "-",
    "blocked": "!",
}
ENDED: tuple[Status, ...] = ("done", "cancelled", "blocked")
_TUPLES = ("depends_on", "sources", "evidence")


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to find out.

    query: what to search for. facet: index of the facet that it serves; tasks born from a gap serve
    the facet of their parent. order: position as written, earlier first among equal priorities.
    depends_on: ids of tasks that must have ended before. sources: those to search, all where empty.
    evidence: ids of the spans that it found. bridge, via: see `Span`.
    reason: of the last change, by `author`.
    """

    id: str
    title: str
    query: str
    facet: int = 0
    status: Status = "pending"
    priority: int = 9
    order: int = 0
    origin: Origin = "question"
    parent: str = ""
    depends_on: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    bridge: str = ""
    via: str = ""
    reason: str = ""
    author: str = "agent"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Todo:
    """All tasks by id. version: the number of changes so far."""

    def __init__(self, tasks: Iterable[Task] = ()) -> None:
        self._tasks = {task.id: task for task in tasks}
        self._start = dict(self._tasks)
        self.log: list[Mapping[str, Any]] = []

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks.values())

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def version(self) -> int:
        return len(self.log)

    def at(self, version: int) -> Todo:
        """The list as it was at an earlier version."""
        old = Todo(self._start.values())
        for data in self.log[:version]:
            old.apply(data)
        return old

    def get(self, id: str) -> Task | None:
        return self._tasks.get(id.upper())

    def apply(self, data: Mapping[str, Any]) -> None:
        """Takes in a "todo.changed" event. Fields that are not named stay as they were.

        Cancelled stays cancelled, for work that was under way may tell of its end a moment later;
        only a person takes it up again ("reopen": true).
        """
        known = {f.name for f in fields(Task)} - {"evidence"}
        values: dict[str, Any] = {k: v for k, v in data.items() if k in known}
        values |= {k: tuple(values[k]) for k in _TUPLES if k in values}
        old = self._tasks.get(values["id"])
        if old is None:
            old = Task(values["id"], values.get("title", ""), values.get("query", ""))
        elif old.status == "cancelled" and not data.get("reopen"):
            values = {k: v for k, v in values.items() if k not in ("status", "reason", "author")}
        self._tasks[old.id] = replace(old, **values)
        self.log.append(data)

    def found(self, task: str, span: str) -> None:
        """Notes that a task found a span. No version of its own: people did not change anything."""
        old = self._tasks.get(task)
        if old is not None and span not in old.evidence:
            self._tasks[task] = replace(old, evidence=(*old.evidence, span))

    def next_id(self) -> str:
        """The id of a task to come: "T4" after three."""
        return f"T{len(self._tasks) + 1}"

    def ready(self) -> list[Task]:
        """What may run now, in the order in which it will: what it depends on has ended."""
        return [t for t in self.pending() if not self._waits(t)]

    def pending(self) -> list[Task]:
        """What has not run yet, in the order in which it will."""
        waiting = [t for t in self if t.status == "pending"]
        return sorted(waiting, key=lambda t: (-t.priority, t.order, int(t.id[1:])))

    def _waits(self, task: Task) -> bool:
        needed = (self._tasks.get(id) for id in task.depends_on)
        return any(t is not None and t.status not in ENDED for t in needed)

    def of_facet(self, facet: int) -> list[Task]:
        return [t for t in self if t.facet == facet]


def render(todo: Todo) -> str:
    """The list as Markdown: what runs next on top, what is finished below, reasons behind."""
    lines = [
        f"# Todo (version {todo.version})",
        "",
        "<!-- Edit and hand it back: [x] done, [-] cancel, [ ] take up again, lines in the order "
        "in which they shall run, a line without an id adds a task. -->",
        "",
    ]
    running = [t for t in todo if t.status == "in_progress"]
    ended = [t for t in todo if t.status in ENDED]
    for task in [*running, *todo.pending(), *ended]:
        lines.append(f"- [{MARK[task.status]}] {task.id} {_flat(task.title)} {_notes(task)}")
    return "\n".join(lines) + "\n"


def _notes(task: Task) -> str:
    notes = [f"priority {task.priority}", f"from {task.origin}"]
    notes += [f"part of {task.parent}"] if task.parent else []
    notes += [f"after {', '.join(task.depends_on)}"] if task.depends_on else []
    notes += [f"in {', '.join(task.sources)}"] if task.sources else []
    notes += [f"{len(task.evidence)} quotes"] if task.evidence else []
    notes += [_flat(task.reason)] if task.reason else []
    return f"({'; '.join(notes)})"


def _flat(text: str) -> str:
    return " ".join(text.split())
