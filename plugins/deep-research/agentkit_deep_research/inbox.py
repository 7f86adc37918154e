"""The inbox: every message ends applied, rejected with a reason, or superseded, and is told so.

A message is a line of steering, several of them, an edited todo.md (its data holds "todo"), or
changes made by hand (its data holds "edits", see `edits`). They are read at node borders and
between queries, each once, by its id, so that two with the same words are two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from agentkit_deep_research.desk import Desk, look
from agentkit_deep_research.edits import Refused, events_of
from agentkit_deep_research.grammar import RULES, Known, Rejected, Said, parse
from agentkit_deep_research.todo import Task
from agentkit_deep_research.todofile import Edit, merge

if TYPE_CHECKING:
    from agentkit.capabilities import Directive, Runtime
    from agentkit.runs import Event

HEARD = ("inbox.received", "todo.changed")
State = Literal["applied", "rejected", "superseded", "unclear"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one instruction. told: its meaning, or why it is not followed."""

    state: State
    text: str
    told: str


@dataclass(frozen=True, slots=True)
class Inbox:
    """Reads and follows messages. sources: those that may be named. writes: whether a model writes
    sentences. interprets: whether a model may read what the grammar cannot."""

    sources: tuple[str, ...] = ()
    writes: bool = False
    interprets: bool = False

    def take(self, rt: Runtime) -> Desk:
        """Reads what has come, follows it, and gives the desk after it."""
        for message in rt.inbox():
            self.follow(rt, message)
        return look(rt)

    def follow(self, rt: Runtime, message: Directive) -> list[Outcome]:
        """Follows one message, and says what became of it."""
        outcomes = []
        if "todo" in message.data:
            outcomes += self._merge(rt, message, str(message.data["todo"]))
        for edit in message.data.get("edits", ()):
            outcomes.append(self._by_hand(rt, message, edit))
        if message.text.strip() or not outcomes:
            for said in parse(message.text, self.known(look(rt))):
                outcomes.append(self.obey(rt, message, said))
        told = [asdict(outcome) for outcome in outcomes]
        states = {outcome.state for outcome in outcomes}
        state = next(s for s in ("unclear", "applied", "superseded", "rejected") if s in states)
        reason = "; ".join(o.told for o in outcomes if o.state == state)
        ended = {"message": message.id, "state": state, "reason": reason, "parts": told}
        rt.emit("message.ended", ended)
        return outcomes

    def known(self, desk: Desk) -> Known:
        """What instructions may name now."""
        tasks = [t.id for t in desk.todo if t.status in ("pending", "in_progress", "done")]
        return Known.of(tasks, (r.id for r in desk.rules.standing()), self.sources, self.writes)

    def obey(self, rt: Runtime, message: Directive, said: Said | Rejected) -> Outcome:
        """Carries out one instruction, or says why not."""
        whose = {"message": message.id, "author": message.author}
        if isinstance(said, Rejected):
            if said.unclear and self.interprets:
                rt.emit("directive.unclear", {**whose, "text": said.text})
                return Outcome("unclear", said.text, "a model is asked what it means")
            return _reject(rt, whose, said.text, said.reason)
        plain = {**whose, "kind": said.kind, "value": said.value, "text": said.text}
        if said.kind in RULES or said.kind == "add":
            return self._add(rt, {**plain, "meaning": said.meaning}, said)
        why_not = _command(rt, look(rt), message, said)
        if why_not:
            return _reject(rt, whose, said.text, why_not)
        rt.emit("directive.followed", {**plain, "meaning": said.meaning})
        return Outcome("applied", said.text, said.meaning)

    def _add(self, rt: Runtime, data: dict[str, Any], said: Said) -> Outcome:
        desk = look(rt)
        told = said.meaning
        if said.kind != "add":
            same = [
                r
                for r in desk.rules.standing()
                if (r.kind, r.value, r.scope, r.lasts)
                == (said.kind, said.value, said.scope, said.lasts)
            ]
            if same:  # heard, and holds already: a second rule would only count twice
                told = f"{told} ({same[0].id} says so already)"
                rt.emit("directive.followed", {**data, "meaning": told})
                return Outcome("applied", said.text, told)
            over = desk.rules.replaced(said.kind, said.value, said.scope)
            if over:
                new = f"D{len(desk.rules.all) + 1}"
                told += f"; it replaces {', '.join(f'{r.id} ({r.text})' for r in over)}"
                for rule in over:
                    ended = {"message": rule.message, "state": "superseded"}
                    rt.emit("message.ended", {**ended, "reason": f"replaced by {new}: {said.text}"})
            data = {**data, "scope": said.scope, "lasts": said.lasts, "meaning": told}
            data["replaces"] = [rule.id for rule in over]
        rt.emit("directive.added", data)
        return Outcome("applied", said.text, told)

    def _by_hand(self, rt: Runtime, message: Directive, edit: Mapping[str, Any]) -> Outcome:
        try:
            made, told = events_of(edit, look(rt), message.author, message.id)
        except Refused as error:
            whose = {"message": message.id, "author": message.author}
            return _reject(rt, whose, str(edit.get("op", "")), str(error))
        for kind, data in made:
            rt.emit(kind, data)
        return Outcome("applied", str(edit["op"]), told)

    def _merge(self, rt: Runtime, message: Directive, text: str) -> list[Outcome]:
        """An edited todo.md. Unreadable lines are reported, the others are followed."""
        whose = {"message": message.id, "author": message.author}
        edits, unread = merge(text, look(rt).todo)
        outcomes = [_edit(rt, message, edit) for edit in edits]
        outcomes += [_reject(rt, whose, "todo.md", str(fault)) for fault in unread]
        if not outcomes:
            outcomes.append(Outcome("applied", "todo.md", "nothing was changed in it"))
        return outcomes


def _edit(rt: Runtime, message: Directive, edit: Edit) -> Outcome:
    whose = {"message": message.id, "author": message.author}
    values = {k: v for k, v in edit.values if v is not None}
    if edit.kind == "add":
        data = {**whose, "kind": "add", "value": values["title"], "text": edit.what}
        rt.emit("directive.added", {**data, "meaning": edit.what, **_only(values, "priority")})
    else:
        task = look(rt).todo.get(edit.task)
        assert task is not None  # merge has looked
        reason = f"todo.md line {edit.line}: {edit.what}"
        change(rt, task, **values, reason=reason, author=message.author)
    return Outcome("applied", f"todo.md line {edit.line}", edit.what)


def _only(values: dict[str, Any], name: str) -> dict[str, Any]:
    return {name: values[name]} if name in values else {}


def _reject(rt: Runtime, whose: dict[str, Any], text: str, reason: str) -> Outcome:
    rt.emit("directive.rejected", {**whose, "text": text, "reason": reason})
    return Outcome("rejected", text, reason)


def _command(rt: Runtime, desk: Desk, message: Directive, said: Said) -> str:
    """Carries out a command; gives back why it cannot be, "" where it was."""
    author = message.author
    if said.kind == "finish":
        reason = f"{author} said: {said.text}"
        rt.emit("research.finish", {"message": message.id, "author": author, "reason": reason})
        return ""
    if said.kind == "remove":
        if not desk.rules.about(said.value):
            return f"no rule about {said.value!r} stands"
        rt.emit("directive.removed", {"message": message.id, "value": said.value})
        return ""
    first, *rest = said.value.split()
    task = desk.todo.get(first)
    assert task is not None  # parse has looked
    if said.kind == "stop":
        change(rt, task, status="cancelled", reason=said.text, author=author)
        return ""
    if task.status != "pending":
        return f"{task.id} is {task.status.replace('_', ' ')} already"
    if said.kind == "first":
        top = max(t.priority for t in desk.todo) + 1
        change(rt, task, priority=top, reason=said.text, author=author)
        return ""
    if _leads_to(desk, rest[0], task.id):
        return f"{rest[0]} waits for {task.id} already"
    needed = tuple(dict.fromkeys([*task.depends_on, *rest]))
    change(rt, task, depends_on=list(needed), reason=said.text, author=author)
    return ""


def _leads_to(desk: Desk, start: str, goal: str) -> bool:
    """Whether a task waits for another one, directly or not."""
    todo, seen = [start], set[str]()
    while todo:
        id = todo.pop()
        if id == goal:
            return True
        task = desk.todo.get(id)
        if task is not None and id not in seen:
            seen.add(id)
            todo += task.depends_on
    return False


def cancels(task: Task, desk: Desk, inbox: Inbox) -> Callable[[Event], bool]:
    """Whether an event of the kinds HEARD cancels a task: a change of it, or a message that nobody
    may have followed yet. Safe in any thread; what the message says is decided by `take`."""
    known = inbox.known(desk)

    def named(event: Event) -> bool:
        data: Any = event.data
        if event.kind == "todo.changed":
            return bool(data["id"] == task.id and data.get("status") == "cancelled")
        more = data.get("data", {})
        for edit in more.get("edits", ()):
            if edit.get("op") == "cancel" and str(edit.get("task")).upper() == task.id:
                return True
        if "todo" in more:
            edits, _ = merge(str(more["todo"]), desk.todo)
            return any(e.task == task.id and ("status", "cancelled") in e.values for e in edits)
        said = parse(data["text"], known) if data["text"].strip() else []
        return any(isinstance(s, Said) and (s.kind, s.value) == ("stop", task.id) for s in said)

    return named


def change(rt: Runtime, task: Task, **values: Any) -> None:
    """Appends a change of a task; id, title and status always stand in it."""
    rt.emit("todo.changed", {"id": task.id, "title": task.title, "status": task.status, **values})
