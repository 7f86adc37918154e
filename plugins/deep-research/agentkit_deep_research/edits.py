"""What a person changes by hand, as data: tasks edited, ordered, cancelled; quotes pinned, banned.

A message may carry a list of such edits beside its words. Each becomes events, or is refused with a
reason; the others are followed all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from agentkit_deep_research.desk import Desk
from agentkit_deep_research.facets import facets
from agentkit_deep_research.todo import ENDED, Task

Emitted = tuple[str, dict[str, Any]]  # kind and data of an event


class Refused(ValueError):
    """An edit that cannot be followed, and why."""


def events_of(
    edit: Mapping[str, Any], desk: Desk, author: str, message: str
) -> tuple[list[Emitted], str]:
    """The events that carry out one edit, and what it did, in words.

    Raises:
        Refused: it cannot be carried out, or is none.
    """
    whose = {"author": author, "message": message}
    try:
        match edit.get("op"):
            case "add":
                return _add(edit, desk, whose)
            case "edit":
                return _edit(edit, _task(edit, desk), desk, author)
            case "cancel":
                return _cancel(edit, _task(edit, desk), author)
            case "retry":
                return _retry(edit, _task(edit, desk), author)
            case "order":
                return _order([str(id) for id in edit["tasks"]], desk, author)
            case "pin" | "ban":
                return _mark(edit, desk, whose)
    except (KeyError, TypeError) as error:
        raise Refused(f"the edit lacks {error}") from error
    raise Refused(f"there is no edit {edit.get('op')!r}")


def _task(edit: Mapping[str, Any], desk: Desk) -> Task:
    task = desk.todo.get(str(edit["task"]))
    if task is None:
        raise Refused(f"there is no task {edit['task']}")
    return task


def _changed(task: Task, author: str, **values: Any) -> Emitted:
    plain = {"id": task.id, "title": task.title, "status": task.status}
    return "todo.changed", {**plain, **values, "author": author}


def _add(edit: Mapping[str, Any], desk: Desk, whose: dict[str, Any]) -> tuple[list[Emitted], str]:
    title = " ".join(str(edit["title"]).split())
    if not title:
        raise Refused("a new task needs words")
    above = desk.todo.get(str(edit["after"])) if edit.get("after") else None
    priority = edit.get("priority", above.priority if above else None)
    told = f"add: {title}"
    data = {**whose, "kind": "add", "value": title, "text": told, "meaning": told}
    return [("directive.added", data if priority is None else {**data, "priority": priority})], told


def _edit(
    edit: Mapping[str, Any], task: Task, desk: Desk, author: str
) -> tuple[list[Emitted], str]:
    values: dict[str, Any] = {}
    if edit.get("priority") is not None:
        values["priority"] = int(edit["priority"])
    if edit.get("depends_on") is not None:
        values["depends_on"] = _needed(task, [str(id).upper() for id in edit["depends_on"]], desk)
    title = " ".join(str(edit.get("title") or "").split())
    query = " ".join(str(edit.get("query") or "").split())
    words: list[Emitted] = []
    if (title and title != task.title) or (query and query != task.query):
        if task.status != "pending":
            state = task.status.replace("_", " ")
            raise Refused(f"{task.id} is {state} already: its words stay")
        values |= {"title": title or task.title}
        values |= {"query": query or (title if title != task.title else task.query)}
        if title and title != task.title and len(desk.todo.of_facet(task.facet)) == 1:
            words.append(("facet.reworded", {"facet": task.facet, **asdict(facets(title)[0])}))
    if not values:
        raise Refused(f"nothing of {task.id} was changed")
    told = f"{task.id}: {', '.join(name.replace('_', ' ') for name in values)} changed"
    return [_changed(task, author, **{**values, "reason": told}), *words], told


def _needed(task: Task, ids: Sequence[str], desk: Desk) -> list[str]:
    """Raises Refused where a task would wait for itself."""
    for id in ids:
        if desk.todo.get(id) is None:
            raise Refused(f"there is no task {id}")
        waiting, seen = [id], set[str]()
        while waiting:
            one = waiting.pop()
            if one == task.id:
                raise Refused(f"{task.id} would wait for itself")
            other = desk.todo.get(one)
            if other is not None and one not in seen:
                seen.add(one)
                waiting += other.depends_on
    return list(dict.fromkeys(ids))


def _cancel(edit: Mapping[str, Any], task: Task, author: str) -> tuple[list[Emitted], str]:
    if task.status in ENDED and task.status != "done":
        raise Refused(f"{task.id} is {task.status} already")
    reason = str(edit.get("reason") or f"cancelled by {author}")
    return [_changed(task, author, status="cancelled", reason=reason)], f"{task.id} cancelled"


def _retry(edit: Mapping[str, Any], task: Task, author: str) -> tuple[list[Emitted], str]:
    if task.status not in ENDED:
        raise Refused(f"{task.id} is {task.status.replace('_', ' ')}: it has not ended")
    told = f"{task.id} taken up again"
    reason = str(edit.get("reason") or told)
    values = {"status": "pending", "reopen": True, "reason": reason}
    return [_changed(task, author, **values)], told


def _order(ids: Sequence[str], desk: Desk, author: str) -> tuple[list[Emitted], str]:
    """Each becomes at least as urgent as what stands below it."""
    tasks = []
    for id in dict.fromkeys(ids):
        task = desk.todo.get(id)
        if task is None:
            raise Refused(f"there is no task {id}")
        if task.status == "pending":
            tasks.append(task)
    if not tasks:
        raise Refused("none of these tasks is still to be done")
    least = min(task.priority for task in tasks)
    wanted = {}
    for task in reversed(tasks):
        least = wanted[task.id] = max(task.priority, least)
    told = f"the order is {', '.join(t.id for t in tasks)}"
    made = [
        _changed(task, author, priority=wanted[task.id], order=place, reason=told)
        for place, task in enumerate(tasks)
        if (wanted[task.id], place) != (task.priority, task.order)
    ]
    return made, told


def _mark(edit: Mapping[str, Any], desk: Desk, whose: dict[str, Any]) -> tuple[list[Emitted], str]:
    id, on = str(edit["span"]), bool(edit.get("on", True))
    if all(span.id != id for span in desk.evidence):
        raise Refused(f"there is no quote {id}")
    kind = {"pin": "evidence.pinned", "ban": "evidence.banned"}[edit["op"]]
    reason = str(edit.get("reason") or "")
    done = {"pin": ("pinned", "not pinned any more"), "ban": ("banned", "may be used again")}
    return [(kind, {**whose, "id": id, "on": on, "reason": reason})], done[edit["op"]][not on]
