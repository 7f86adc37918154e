"""The desk: where a run stands, folded from its events. Every node works from a view of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentkit_deep_research.directives import Rejected, Rules, Said, parse
from agentkit_deep_research.evidence import Evidence, Span
from agentkit_deep_research.facets import Facet
from agentkit_deep_research.todo import Task, Todo

if TYPE_CHECKING:
    from agentkit.capabilities import Directive, Runtime
    from agentkit.runs.events import Event

KINDS = (
    "facet.found",
    "todo.changed",
    "evidence.added",
    "query.done",
    "gap.found",
    "word.absent",
    "directive.added",
    "directive.removed",
    "directive.rejected",
    "directive.applied",
    "warning",
    "role.used",
    "model.done",
    "score.done",
    "directive.heard",
    "research.finish",
)


@dataclass(frozen=True, slots=True)
class Query:
    """A finished search. status: as `SearchResult.status`."""

    task: str
    source: str
    query: str
    status: str
    reason: str = ""
    hits: int = 0


@dataclass(slots=True)
class Role:
    """What a model did in a role."""

    calls: int = 0
    faults: int = 0
    last_fault: str = ""


@dataclass(slots=True)
class Desk:
    """Everything that the run knows."""

    facets: list[Facet] = field(default_factory=list)
    todo: Todo = field(default_factory=Todo)
    evidence: Evidence = field(default_factory=Evidence)
    rules: Rules = field(default_factory=Rules)
    queries: list[Query] = field(default_factory=list)
    gaps: dict[int, str] = field(default_factory=dict)
    absent: dict[int, list[str]] = field(default_factory=dict)
    counts: list[tuple[dict[str, int], int]] = field(default_factory=list)  # per facet
    asked: list[tuple[str, str]] = field(default_factory=list)  # what to add, and who said so
    heard: int = 0  # how many of these are tasks by now
    focused: set[str] = field(default_factory=set)  # focus rules that have their tasks
    rejected: list[tuple[str, str]] = field(default_factory=list)
    warnings: Counter[str] = field(default_factory=Counter)
    roles: dict[str, Role] = field(default_factory=dict)
    tokens: int = 0
    finish: str = ""  # why the search is over, where somebody or a limit said so

    def apply(self, event: Event) -> Desk:
        """Takes in one event; changes this desk and gives it back."""
        data: Any = event.data
        match event.kind:
            case "facet.found":
                self.facets.append(
                    Facet(
                        data["text"],
                        tuple(data["context"]),
                        data["kind"],
                        tuple(data["entities"]),
                    )
                )
                self.counts.append((dict(data["counts"]), data["passages"]))
            case "todo.changed":
                self.todo.apply(data)
                if data.get("status") == "cancelled":
                    self.evidence.drop_task(data["id"], data.get("reason", "cancelled"))
            case "evidence.added":
                self.evidence.add(Span.from_json(data))
            case "query.done":
                self.queries.append(Query(**data))
            case "gap.found":
                self.gaps[data["facet"]] = data["why"]
            case "word.absent":
                self.absent[data["facet"]] = list(data["words"])
            case "directive.added":
                if data["kind"] == "add":
                    self.asked.append((data["value"], data.get("author", "user")))
                else:
                    self.rules.add(data)
            case "directive.heard":
                self.heard += "value" in data
                self.focused |= {data["rule"]} if "rule" in data else set()
            case "directive.removed":
                self.rules.remove(data["value"])
            case "directive.rejected":
                self.rejected.append((data["text"], data["reason"]))
            case "directive.applied":
                self.rules.count(data)
            case "warning":
                self.warnings[data["text"]] += 1
            case "role.used":
                role = self.roles.setdefault(data["role"], Role())
                role.calls += data.get("calls", 0)
                role.faults += data.get("faults", 0)
                role.last_fault = data.get("fault", "") or role.last_fault
            case "model.done":
                self.tokens += sum(u["prompt"] + u["spent"] for u in data["usage"])
            case "score.done":
                self.tokens += data["tokens"]
            case "research.finish":
                self.finish = data["reason"]
        return self

    def said_before(self, query: str) -> bool:
        """Whether these very words were searched for already."""
        return any(q.query == query for q in self.queries)


def look(rt: Runtime) -> Desk:
    """The desk as this node may see it now."""
    return rt.view(Desk.apply, Desk(), KINDS)


def take(rt: Runtime) -> Desk:
    """Reads the inbox, follows what it says, and gives the desk after it.

    Every message ends visibly: as a rule, as a command carried out, or rejected with a reason.
    """
    for message in rt.inbox():
        desk = look(rt)
        tasks = [t.id for t in desk.todo if t.status in ("pending", "in_progress", "done")]
        rules = [r.id for r in desk.rules.standing()]
        for said in parse(message.text, tasks, rules):
            _follow(rt, message, said, look(rt))
    return look(rt)


def _follow(rt: Runtime, message: Directive, said: Said | Rejected, desk: Desk) -> None:
    whose = {"message": message.id, "author": message.author}
    if isinstance(said, Rejected):
        rt.emit("directive.rejected", {**whose, "text": said.text, "reason": said.reason})
        return
    plain = {**whose, "kind": said.kind, "value": said.value, "text": said.text}
    match said.kind:
        case "stop":
            task = desk.todo.get(said.value)
            assert task is not None  # parse has looked
            change(rt, task, status="cancelled", reason=said.text, author=message.author)
        case "first":
            task = desk.todo.get(said.value)
            assert task is not None
            if task.status != "pending":
                reason = f"{task.id} is {task.status.replace('_', ' ')} already"
                rt.emit("directive.rejected", {**whose, "text": said.text, "reason": reason})
                return
            top = max(t.priority for t in desk.todo) + 1
            change(rt, task, priority=top, reason=said.text, author=message.author)
        case "remove":
            standing = desk.rules.remove(said.value)
            if not standing:
                reason = f"no rule about {said.value!r} stands"
                rt.emit("directive.rejected", {**whose, "text": said.text, "reason": reason})
                return
            rt.emit("directive.removed", plain)
        case "finish":
            rt.emit("research.finish", {**whose, "reason": f"{message.author} said: {said.text}"})
        case _:
            rt.emit("directive.added", {**plain, "meaning": said.meaning})
    if said.kind in ("stop", "first", "finish"):
        rt.emit("directive.followed", {**plain, "meaning": said.meaning})


def change(rt: Runtime, task: Task, **values: Any) -> None:
    """Appends a change of a task; id, title and status always stand in it."""
    rt.emit("todo.changed", {"id": task.id, "title": task.title, "status": task.status, **values})
