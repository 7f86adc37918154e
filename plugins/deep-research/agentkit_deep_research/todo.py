"""The todo list as data: what is to be found out, in which order, why, and on whose word.

It is a fold of "todo.changed" events; the Markdown form is a view of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

Status = Literal["pending", "in_progress", "done", "cancelled", "blocked"]
Origin = Literal["question", "gap", "person", "model"]

PRIORITY: Mapping[Origin, int] = {"person": 10, "question": 9, "model": 8, "gap": 7}
_MARK: Mapping[Status, str] = {
    "pending": "[ ]",
    "in_progress": "[~]",
    "done": "[x]",
    "cancelled": "[-]",
    "blocked": "[!]",
}


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to find out.

    query: what to search for. facet: index of the facet that it serves; tasks born from a gap serve
    the facet of their parent. order: position as written, earlier first among equal priorities.
    reason: of the last change, by `author`. round: in which it may run, from 1.
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
    reason: str = ""
    author: str = "agent"
    round: int = 1

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Todo:
    """All tasks by id."""

    def __init__(self, tasks: Iterable[Task] = ()) -> None:
        self._tasks = {task.id: task for task in tasks}
        self.version = 0

    def __iter__(self) -> Any:
        return iter(self._tasks.values())

    def __len__(self) -> int:
        return len(self._tasks)

    def get(self, id: str) -> Task | None:
        return self._tasks.get(id.upper())

    def apply(self, data: Mapping[str, Any]) -> None:
        """Takes in a "todo.changed" event. Fields that are not named stay as they were.

        Cancelled stays cancelled: work that was under way may tell of its end a moment later.
        """
        known = {f.name for f in fields(Task)}
        values = {k: v for k, v in data.items() if k in known}
        old = self._tasks.get(values["id"])
        if old is None:
            old = Task(values["id"], values.get("title", ""), values.get("query", ""))
        elif old.status == "cancelled":
            values = {k: v for k, v in values.items() if k not in ("status", "reason", "author")}
        self._tasks[old.id] = replace(old, **values)
        self.version += 1

    def next_id(self, ahead: int = 0) -> str:
        """The id of a task to come: "T4" after three."""
        return f"T{len(self._tasks) + 1 + ahead}"

    def pending(self) -> list[Task]:
        """What may run, in the order in which it will."""
        waiting = [t for t in self._tasks.values() if t.status == "pending"]
        return sorted(waiting, key=lambda t: (-t.priority, t.order, int(t.id[1:])))

    def of_facet(self, facet: int) -> list[Task]:
        return [t for t in self._tasks.values() if t.facet == facet]


def render(todo: Todo) -> str:
    """The list as Markdown: what runs next on top, what is finished below, reasons behind."""
    lines = [f"# Todo (version {todo.version})", ""]
    running = [t for t in todo if t.status == "in_progress"]
    ended = [t for t in todo if t.status in ("done", "cancelled", "blocked")]
    for task in [*running, *todo.pending(), *ended]:
        line = f"- {_MARK[task.status]} {task.id} {task.title}"
        notes = [f"priority {task.priority}", f"from {task.origin}"]
        notes += [f"after {task.parent}"] if task.parent else []
        notes += [task.reason] if task.reason else []
        lines.append(f"{line} ({'; '.join(notes)})")
    return "\n".join(lines) + "\n"
