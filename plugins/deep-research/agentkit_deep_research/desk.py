"""The desk: where a run stands, folded from its events. Every node works from a view of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentkit_deep_research.evidence import Evidence, Span
from agentkit_deep_research.facets import Facet
from agentkit_deep_research.rules import Rule, Rules
from agentkit_deep_research.terms import mentions
from agentkit_deep_research.todo import ENDED, Todo

if TYPE_CHECKING:
    from agentkit.capabilities import Runtime
    from agentkit.runs.events import Event

KINDS = (
    "facet.found",
    "facet.reworded",
    "todo.changed",
    "evidence.added",
    "evidence.pinned",
    "evidence.banned",
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
    "directive.unclear",
    "message.ended",
    "round.began",
    "sources.known",
    "injection.found",
    "wording.kept",
    "wording.dropped",
    "research.finish",
)


@dataclass(frozen=True, slots=True)
class Query:
    """A finished search. status: as `SearchResult.status`; agent: the kind that made it."""

    task: str
    source: str
    query: str
    status: str
    reason: str = ""
    hits: int = 0
    agent: str = "documents"


@dataclass(frozen=True, slots=True)
class Asked:
    """Something that a person wants found out besides."""

    text: str
    author: str
    message: str = ""
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class Wording:
    """A model's sentence, and the ids of the spans that bear it out."""

    text: str
    spans: tuple[str, ...]


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
    kinds: dict[str, str] = field(default_factory=dict)  # source -> its kind
    todo: Todo = field(default_factory=Todo)
    evidence: Evidence = field(default_factory=Evidence)
    pinned: set[str] = field(default_factory=set)  # spans that people want in the report
    banned: set[str] = field(default_factory=set)  # spans that they do not
    rules: Rules = field(default_factory=Rules)
    queries: list[Query] = field(default_factory=list)
    gaps: dict[int, str] = field(default_factory=dict)
    absent: dict[int, list[str]] = field(default_factory=dict)
    counts: list[tuple[dict[str, int], int]] = field(default_factory=list)  # per facet
    asked: list[Asked] = field(default_factory=list)
    heard: int = 0  # how many of these are tasks by now
    unclear: list[Asked] = field(default_factory=list)  # what the grammar could not read
    explained: int = 0  # how many of these were settled
    messages: dict[str, tuple[str, str]] = field(default_factory=dict)  # id -> (state, reason)
    round: int = 0
    focused: dict[str, list[str]] = field(default_factory=dict)  # focus rule -> its tasks
    unmatched: set[str] = field(default_factory=set)  # those of which nothing speaks, as was told
    restored: set[str] = field(default_factory=set)  # lifted rules whose tasks run once more
    rejected: list[tuple[str, str]] = field(default_factory=list)
    warnings: Counter[str] = field(default_factory=Counter)
    injections: dict[tuple[str, str], str] = field(default_factory=dict)  # place -> what it says
    wordings: dict[int, list[Wording]] = field(default_factory=dict)  # facet -> a model's sentences
    dropped_wordings: int = 0  # those that the quotes do not bear out
    roles: dict[str, Role] = field(default_factory=dict)
    tokens: int = 0
    finish: str = ""  # why the search is over, where somebody or a limit said so

    def apply(self, event: Event) -> Desk:
        """Takes in one event; changes this desk and gives it back."""
        data: Any = event.data
        match event.kind:
            case "facet.found":
                self.facets.append(Facet.from_json(data))
                self.counts.append((dict(data["counts"]), data["passages"]))
            case "facet.reworded":  # how often its new words occur is not known
                self.facets[data["facet"]] = Facet.from_json(data)
                self.counts[data["facet"]] = ({}, 0)
                self.absent.pop(data["facet"], None)
            case "todo.changed":
                self.todo.apply(data)
                if data.get("status") == "cancelled":
                    self.evidence.drop_task(data["id"], data.get("reason", "cancelled"))
                elif data.get("reopen"):
                    self.evidence.take_back(data["id"])
                if data.get("status") in ENDED:
                    self.rules.expire(self.round, [data["id"]])
            case "evidence.added":
                self.evidence.add(Span.from_json(data))
                self.todo.found(data["task"], data["id"])
            case "evidence.pinned" | "evidence.banned":
                marked = self.pinned if event.kind == "evidence.pinned" else self.banned
                (marked.add if data["on"] else marked.discard)(data["id"])
            case "query.done":
                self.queries.append(Query(**data))
            case "gap.found":
                self.gaps[data["facet"]] = data["why"]
            case "word.absent":
                self.absent[data["facet"]] = list(data["words"])
            case "directive.added":
                if data["kind"] == "add":
                    self.asked.append(_asked(data, data["value"]))
                else:
                    self.rules.add(data, self.round)
            case "directive.heard":
                self.heard += "value" in data
                self.explained += "unclear" in data
                self.restored |= {data["lifted"]} if "lifted" in data else set()
                self.unmatched |= {data["unmatched"]} if "unmatched" in data else set()
                if "rule" in data:
                    self.focused[data["rule"]] = list(data.get("tasks", ()))
            case "directive.unclear":
                self.unclear.append(_asked(data, data["text"]))
            case "message.ended":
                self.messages[data["message"]] = data["state"], data["reason"]
            case "round.began":
                self.round = data["round"]
                self.rules.expire(self.round, ())
            case "sources.known":
                self.kinds = dict(data["kinds"])
            case "injection.found":
                self.injections.setdefault((data["source"], data["document"]), data["text"])
            case "wording.kept":
                self.wordings[data["facet"]] = [
                    *self.wordings.get(data["facet"], []),
                    _worded(data),
                ]
            case "wording.dropped":
                self.dropped_wordings += 1
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
                self.tokens += sum(u["prompt"] + u["spent"] for u in data.get("usage", ()))
            case "score.done":
                self.tokens += data["tokens"]
            case "research.finish":
                self.finish = data["reason"]
        return self

    @property
    def unheard(self) -> list[Asked]:
        """What people added and no task serves yet."""
        return self.asked[self.heard :]

    @property
    def unsettled(self) -> list[Asked]:
        """Messages that nobody could read yet."""
        return self.unclear[self.explained :]

    @property
    def unserved(self) -> list[Rule]:
        """Rules that ask for searches which nobody planned yet: a new focus, and one that was
        lifted after it took something from a task."""
        return [
            rule
            for rule in self.rules.all
            if (rule.standing and rule.kind == "focus" and rule.id not in self.focused)
            or (rule.taken_back and rule.tasks and rule.id not in self.restored)
        ]

    @property
    def waits(self) -> bool:
        """Whether there is more to find out: messages that lead to tasks, or tasks."""
        return bool(self.unheard or self.unsettled or self.unserved or self.todo.ready())

    def speaks_of(self, rule: Rule) -> bool:
        """Whether anything that was found does."""
        return any(mentions(f"{s.text}\n{s.about}", rule.value) for s in self.evidence)

    def usable(self, facet: int) -> list[Span]:
        """A facet's spans that neither a rule nor a person forbids, best first. Where a rule is
        only against what stands around the sentence that was scored, that one is left."""
        spans = [s for s in self.evidence.of_facet(facet) if s.id not in self.banned]
        forms = (next((f for f in (s, s.alone) if self._allows(f)), None) for s in spans)
        return [span for span in forms if span is not None]

    def _allows(self, span: Span) -> bool:
        return self.rules.against(span.text, span.about, span.source, span.task) is None

    def said_before(self, query: str) -> bool:
        """Whether these very words were searched for already."""
        return any(q.query == query for q in self.queries)


def _worded(data: Mapping[str, Any]) -> Wording:
    return Wording(data["text"], tuple(data["spans"]))


def _asked(data: Mapping[str, Any], text: str) -> Asked:
    author, message = data.get("author", "user"), data.get("message", "")
    return Asked(text, author, message, data.get("priority"))


def look(rt: Runtime) -> Desk:
    """The desk as this node may see it now."""
    return rt.view(Desk.apply, Desk(), KINDS)
