"""The fold's part about what is found out: tasks, rules, evidence, gaps, metrics, notices.

These are kinds of events that any agent may write, not those of one: a task is what "todo.changed"
says, a piece of evidence what "evidence.added" says. Fields that are missing stay empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agentkit.console.tree import Tree
from agentkit.runs.events import Event

PENDING = ("pending", "open", "")
OVER = ("done", "cancelled", "blocked")
HISTORY = 20  # changes of a task that are shown
COUNTS = ("queries", "passages", "spans")
TASK: Mapping[str, Any] = {
    "title": "",
    "query": "",
    "status": "pending",
    "priority": 0,
    "order": 0,
    "facet": None,
    "origin": "",
    "parent": "",
    "depends_on": [],
    "sources": [],
    "reason": "",
    "author": "agent",
}
SPAN: Mapping[str, Any] = {
    "task": "",
    "query": "",
    "source": "",
    "document": "",
    "title": "",
    "uri": "",
    "heading": [],
    "page": None,
    "anchor": "",
    "start": 0,
    "end": 0,
    "sha256": "",
    "text": "",
    "score": 0.0,
    "date": "",
}


def tasks_of(edit: Mapping[str, Any]) -> list[str]:
    """The tasks that an edit changes."""
    return [str(edit["task"])] if "task" in edit else [str(t) for t in edit.get("tasks", ())]


@dataclass(slots=True)
class Findings:
    """Takes in todo.*, evidence.*, directive.*, facet.found, query.done, gap.found, metric, and
    what people should notice."""

    tree: Tree
    series: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    at: dict[str, str] = field(default_factory=dict)  # position -> the task that it works on
    spans: dict[str, list[str]] = field(default_factory=dict)  # task -> keys of its evidence
    queued: dict[str, list[str]] = field(default_factory=dict)  # message -> tasks it will change
    round: int = 0
    stale: bool = False  # the order of tasks has to be made again

    def apply(self, event: Event) -> None:
        data = event.data
        match event.kind:
            case "todo.changed":
                self._task(event)
            case "evidence.added":
                self._span(event)
            case "evidence.pinned" | "evidence.banned":
                self._mark(event)
            case "directive.added" if data.get("kind") != "add":
                self._rule(event)
            case "round.began":
                for rule in list(self.tree.children("rules").values()):
                    if rule["lasts"] == "round" and rule["round"] < data.get("round", 0):
                        self._end(event.seq, rule["id"], "its time is over")
                self.round = int(data.get("round", 0))
            case "directive.removed":
                self._lift(event, str(data.get("value", "")))
            case "directive.applied":
                self._count(event)
            case "facet.found":
                number = len(self.tree.children("facets"))
                facet = {"index": number, "text": _words(data), "seq": event.seq}
                self.tree.set(event.seq, ("facets", str(number)), facet)
            case "gap.found":
                gap = {"facet": data.get("facet"), "why": str(data.get("why", ""))}
                self.tree.set(event.seq, ("gaps", str(gap["facet"])), gap)
            case "query.done":
                made = {"seq": event.seq, **data}
                self.tree.set(event.seq, ("queries", str(event.seq)), made)
            case "metric":
                self._metric(event)
            case "inbox.received":
                self._queue(event, data.get("data", {}).get("edits", ()))
            case "inbox.read" | "inbox.late" | "inbox.withdrawn":
                self._unqueue(event, data["id"])
            case _:
                text = noticed(event)
                if text:
                    notice = {"seq": event.seq, "kind": event.kind, "text": text}
                    self.tree.set(event.seq, ("notices", str(event.seq)), notice)

    def settle(self, seq: int) -> None:
        """After a batch of events: what is too dear to make after each of them."""
        if not self.stale:
            return
        self.stale = False
        tasks = self.tree.children("tasks")
        pending = [t for t in tasks.values() if t["status"] in PENDING]
        place = {id: n for n, id in enumerate(tasks)}
        pending.sort(key=lambda t: (-t["priority"], t["order"], place[t["id"]]))
        order = [t["id"] for t in pending]
        if order != self.tree.get("order"):
            self.tree.set(seq, ("order",), order)

    # -- tasks ------------------------------------------------------------------------------------

    def _task(self, event: Event) -> None:
        data, id = event.data, str(event.data["id"])
        old = self.tree.get("tasks", id)
        values = {k: v for k, v in data.items() if k in TASK and _fits(v, TASK[k])}
        if old is not None and old["status"] == "cancelled" and not data.get("reopen"):
            # Work that was under way may tell of its end a moment after it was cancelled.
            values = {k: v for k, v in values.items() if k not in ("status", "reason", "author")}
        before = old or {**TASK, "id": id, "evidence": 0, "queued": [], "history": []}
        changed = {k: v for k, v in values.items() if old is None or old[k] != v}
        change = {
            "seq": event.seq,
            "time": event.time,
            "author": str(data.get("author", "agent")),
            "reason": str(data.get("reason", "")),
            "changed": {k: v for k, v in changed.items() if k not in ("reason", "author")},
        }
        history = [*before["history"], change][-HISTORY:]
        made = {**before, **values, "history": history, "version": event.seq}
        self.tree.set(event.seq, ("tasks", id), made)
        self.stale = True
        if made["status"] == "in_progress":
            self.at[event.position] = id
        if "status" in changed and old is not None:
            why = "" if made["status"] != "cancelled" else (made["reason"] or "cancelled")
            if why or old["status"] == "cancelled":
                self._drop(event.seq, id, why)
        if made["status"] in OVER:
            self._expire(event.seq, id)

    def _queue(self, event: Event, edits: Iterable[Mapping[str, Any]]) -> None:
        ids = list(dict.fromkeys(t for edit in edits for t in tasks_of(edit)))
        self.queued[event.data["id"]] = ids
        for id in ids:
            task = self.tree.get("tasks", id)
            if task is not None:
                queued = [*task["queued"], event.data["id"]]
                made = {**task, "queued": queued, "version": event.seq}
                self.tree.set(event.seq, ("tasks", id), made)

    def _unqueue(self, event: Event, message: str) -> None:
        for id in self.queued.pop(message, ()):
            task = self.tree.get("tasks", id)
            if task is not None:
                queued = [m for m in task["queued"] if m != message]
                made = {**task, "queued": queued, "version": event.seq}
                self.tree.set(event.seq, ("tasks", id), made)

    # -- evidence ---------------------------------------------------------------------------------

    def _span(self, event: Event) -> None:
        data = event.data
        key = f"{data['id']}:{data.get('facet', 0)}"
        old = self.tree.get("evidence", key)
        if old is not None and data.get("score", 0.0) <= old["score"] and not old["dropped"]:
            return
        kept = {name: data.get(name, empty) for name, empty in SPAN.items()}
        marks = {"pinned": False, "banned": ""} if old is None else _marks(old)
        facet = data.get("facet", 0)
        span = {"key": key, "id": data["id"], "facet": facet, **kept, **marks, "dropped": ""}
        self.tree.set(event.seq, ("evidence", key), {**span, "seq": event.seq})
        keys = self.spans.setdefault(str(kept["task"]), [])
        if key not in keys:
            keys.append(key)
        task = self.tree.get("tasks", str(kept["task"]))
        if task is not None and task["evidence"] != len(keys):
            made = {**task, "evidence": len(keys)}
            self.tree.set(event.seq, ("tasks", task["id"]), made)

    def _drop(self, seq: int, task: str, why: str) -> None:
        for key in self.spans.get(task, ()):
            span = self.tree.get("evidence", key)
            if span["task"] == task and span["dropped"] != why:
                self.tree.set(seq, ("evidence", key), {**span, "dropped": why})

    def _mark(self, event: Event) -> None:
        data = event.data
        for key, span in list(self.tree.children("evidence").items()):
            if span["id"] == data["id"]:
                on = bool(data.get("on", True))
                made = (
                    {**span, "pinned": on}
                    if event.kind == "evidence.pinned"
                    else {**span, "banned": str(data.get("reason") or "by a person") if on else ""}
                )
                self.tree.set(event.seq, ("evidence", key), made)

    # -- rules ------------------------------------------------------------------------------------

    def _rule(self, event: Event) -> None:
        data, number = event.data, len(self.tree.children("rules")) + 1
        names = ("kind", "value", "text", "meaning", "author", "message", "scope", "lasts")
        rule = {
            "id": f"D{number}",
            **{name: data.get(name, "") for name in names},
            "ended": "",
            "removed": dict.fromkeys(COUNTS, 0),
            "round": self.round,
            "seq": event.seq,
        }
        for id in data.get("replaces", ()):
            self._end(event.seq, str(id), f"replaced by D{number}")
        self.tree.set(event.seq, ("rules", rule["id"]), rule)

    def _lift(self, event: Event, value: str) -> None:
        said = value.strip().casefold()
        for rule in list(self.tree.children("rules").values()):
            if not rule["ended"] and said in (rule["id"].casefold(), rule["value"].casefold()):
                self._end(event.seq, rule["id"], "lifted")

    def _expire(self, seq: int, over: str) -> None:
        for rule in list(self.tree.children("rules").values()):
            if not rule["ended"] and rule["lasts"] == over:
                self._end(seq, rule["id"], "its time is over")

    def _end(self, seq: int, id: str, why: str) -> None:
        rule = self.tree.get("rules", id)
        if rule is not None and not rule["ended"]:
            self.tree.set(seq, ("rules", id), {**rule, "ended": why})

    def _count(self, event: Event) -> None:
        rule = self.tree.get("rules", str(event.data.get("id", "")))
        if rule is not None:
            counts = {n: rule["removed"][n] + int(event.data.get(n, 0)) for n in COUNTS}
            self.tree.set(event.seq, ("rules", rule["id"]), {**rule, "removed": counts})

    # -- metrics ----------------------------------------------------------------------------------

    def _metric(self, event: Event) -> None:
        data = event.data
        values = data.get("values") or {data.get("name", "value"): data.get("value")}
        x = data.get("step", event.seq)
        for name, value in values.items():
            if not isinstance(value, int | float) or not isinstance(x, int | float):
                continue
            points = self.series.setdefault(str(name), [])
            points.append((float(x), float(value)))
            shown = {"name": str(name), "points": len(points), "last": float(value)}
            self.tree.set(event.seq, ("metrics", str(name)), shown)


def noticed(event: Event) -> str:
    """What a person should see of an event that is part of nothing else, "" for most."""
    data = event.data
    match event.kind:
        case "run.notice" | "warning":
            return str(data.get("text", ""))
        case "injection.found":
            return f"{data.get('document', '')}: {data.get('text', '')}"
        case "error":
            return f"{data.get('message', '')} {data.get('hint', '')}".strip()
        case "guard.judged" if data.get("verdict") == "deny":
            return f"{data.get('name')} on {data.get('target')}: {data.get('reason', '')}"
    return ""


def _fits(value: Any, usual: Any) -> bool:
    """Whether a field of a task is of its usual kind; agents of others write what they like."""
    if usual is None:
        return value is None or isinstance(value, int)
    if isinstance(usual, list):
        return isinstance(value, list | tuple)
    return isinstance(value, int | float if isinstance(usual, int) else type(usual))


def _marks(span: Mapping[str, Any]) -> dict[str, Any]:
    return {"pinned": span["pinned"], "banned": span["banned"]}


def _words(data: Mapping[str, Any]) -> str:
    for name in ("text", "title", "question", "words"):
        if isinstance(data.get(name), str):
            return str(data[name])
    return ""
