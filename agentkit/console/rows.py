"""Events as rows of the timeline: small, and one line of text each.

A row says which event asked for what it tells of, which parts a model's call went through, what it
cost. The whole event is one request away.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agentkit.console.work import node_of, step_of
from agentkit.runs.events import Event

LINE = 200  # characters of a row's text


class Rows:
    """Makes rows of the events of one run, in order."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []
        self._asked: dict[str, Event] = {}  # position -> its last call that has no result yet
        self._task: dict[str, str] = {}  # position -> the task that it works on

    def apply(self, event: Event) -> None:
        data, position = event.data, event.position
        row: dict[str, Any] = {
            "seq": event.seq,
            "time": event.time,
            "kind": event.kind,
            "position": position,
            "node": node_of(position) if position else "",
            "step": step_of(position),
            "task": "",
            "text": event.kind,
        }
        self.all.append(row)  # at once: its place is its number, whatever is wrong with it
        row["text"] = text_of(event)
        if event.kind == "todo.changed" and data.get("status") == "in_progress":
            self._task[position] = str(data.get("id", ""))
        if event.kind == "todo.changed":
            row["task"] = str(data.get("id", ""))
        elif position:
            row["task"] = str(data.get("task") or self._task.get(position, ""))
        if event.kind.endswith(".asked"):
            self._asked[position] = event
        elif event.kind.endswith(".done") and position in self._asked:
            asked = self._asked.pop(position)
            if asked.kind == "open.asked":  # what was opened says more than where it is kept
                row["text"] = text_of(asked)
            if asked.kind.split(".")[0] == event.kind.split(".")[0]:
                row["of"] = asked.seq
                row["seconds"] = round(max(0.0, event.time - asked.time), 3)
        if event.kind == "model.done":
            paths = data.get("path") or [[]]
            row["path"] = [str(part) for part in paths[0]]
            row["tokens"] = sum(u["prompt"] + u["spent"] for u in data.get("usage", ()))
        elif event.kind == "score.done":
            row["tokens"] = int(data.get("tokens", 0))


def text_of(event: Event) -> str:
    """What the event is about, on one line."""
    return _line(_text(event.kind, event.data))


def _text(kind: str, data: Mapping[str, Any]) -> str:
    if data.get("broken") is True:
        return "broken off: it was not wanted any more"
    match kind:
        case "todo.changed":
            return f"{data.get('id', '')} {data.get('title', '')}: {data.get('status', '')}"
        case "evidence.added":
            return f"{data.get('document', '')}: {data.get('text', '')}"
        case "query.done":
            return f"{data.get('query', '')} ({data.get('source', '')}: {_found(data)})"
        case "search.asked":
            return f"{data.get('query', '')} ({data.get('source', '')})"
        case "open.asked":
            return f"{data.get('document', '')} ({data.get('source', '')})"
        case "model.asked":
            return _prompt(data)
        case "model.done":
            return " | ".join(map(str, data.get("texts", ())))
        case "action.asked":
            return _plain(data.get("action", data))
        case "tool.asked":
            return f"{data.get('tool', '')} {_plain(data.get('args', {}))}"
        case "message":
            parts = [one.get("text") or one.get("name") for one in data.get("parts", ())]
            return f"{data.get('role', '')}: {' | '.join(str(one) for one in parts if one)}"
        case "budget.changed":
            return _limits(data)
        case "run.status":
            return f"{data.get('status', '')} {data.get('note', '')}"
        case "question.asked" if data.get("kind") == "plan":
            return "the plan"
        case "plan.revised":
            return _answer(str(data.get("text", "")))
        case "question.answered":
            return _answer(str(data.get("answer", "")))
        case "artifact":
            return f"{data.get('name', '')} ({data.get('size', 0)} bytes)"
        case "guard.judged":
            said = f"{data.get('verdict')}: {data.get('name')} on {data.get('target')}"
            return f"{said} {data.get('reason', '')}"
        case "message.ended":
            return f"{data.get('message', '')} {data.get('state', '')}: {data.get('reason', '')}"
        case "directive.added" | "directive.followed":
            return str(data.get("meaning") or data.get("text", ""))
    for name in ("text", "message", "why", "title"):
        if isinstance(data.get(name), str):
            return str(data[name])
    return "; ".join(f"{name}: {_value(value)}" for name, value in data.items())


def _found(data: Mapping[str, Any]) -> str:
    """How much a search found; why not, where it could not or must not be made."""
    if data.get("status") in ("failed", "blocked"):
        return f"{data['status']}, {data.get('reason', '')}"
    return str(data.get("hits", 0))


def _answer(text: str) -> str:
    """An answer to a plan may be edits of it, as JSON: what they are, in words."""
    try:
        edits = json.loads(text)["edits"] if text.startswith('{"edits"') else []
        return "; ".join(_edit(one) for one in edits) or text
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return text


def _edit(one: Mapping[str, Any]) -> str:
    told = [one.get("task"), *one.get("tasks", ()), one.get("title"), one.get("query")]
    return " ".join(str(word) for word in (one.get("op"), *told) if word)


def _limits(data: Mapping[str, Any]) -> str:
    found = [f"{value:g} {name}" for name, value in data.items() if value is not None]
    return ", ".join(found) or "no limit"


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    if isinstance(value, Mapping) and not any(
        isinstance(v, Mapping | list) for v in value.values()
    ):
        return ", ".join(f"{name} {_value(one)}" for name, one in value.items())
    return "none" if value is None else _plain(value)


def _prompt(data: Mapping[str, Any]) -> str:
    asked = [one["messages"][-1]["parts"] for one in data.get("requests", ()) if one["messages"]]
    texts = [str(p.get("text", f"[{p.get('part', '')}]")) for parts in asked for p in parts]
    return f"{data.get('model', '')}: {' | '.join(texts)}"


def _plain(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _line(text: str) -> str:
    flat = " ".join(text[: 4 * LINE].split())
    return flat if len(flat) <= LINE else f"{flat[: LINE - 1]}…"
