"""Standing rules: what people said about queries, passages and the report, and what it removed.

They live on their own, not in the words of a task, so they hold after any task is done; each has a
scope and a lifetime. Of two that contradict each other the newer one holds, and that is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agentkit_deep_research.grammar import LIMITS, RuleKind
from agentkit_deep_research.terms import mentions, without
from agentkit_deep_research.words import numbers, tokens

COUNTS = ("queries", "passages", "spans")
OVER = "its time is over"
_FOCUS, _PREFER = 2.0, 1.0  # what they weigh in `bonus`
_ONE_OF_A_KIND: tuple[RuleKind, ...] = (*LIMITS, "since", "until", "format", "tone")
_AGAINST: Mapping[str, tuple[str, ...]] = {
    "exclude": ("focus", "prefer"),
    "focus": ("exclude",),
    "prefer": ("exclude",),
    "ban": ("require",),
    "require": ("ban",),
}


@dataclass(slots=True)
class Rule:
    """A standing instruction. id: "D1", by order. message: that it came with. removed: what it took
    out so far, by COUNTS; tasks: from which. ended: why it does not stand any more, "" while it
    does."""

    id: str
    kind: RuleKind
    value: str
    text: str
    meaning: str
    author: str = "user"
    message: str = ""
    scope: str = ""
    lasts: str = ""
    round: int = 0
    ended: str = ""
    removed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    tasks: set[str] = field(default_factory=set)

    @property
    def standing(self) -> bool:
        return not self.ended

    @property
    def taken_back(self) -> bool:
        """Whether people lifted or replaced it, so that what it hid is wanted again."""
        return bool(self.ended) and self.ended != OVER

    @property
    def counted(self) -> str:
        """What it did so far: "removed 2 passages, 1 span"."""
        singular = {"queries": "query", "passages": "passage", "spans": "span"}
        parts = [f"{n} {singular[w] if n == 1 else w}" for w, n in self.removed.items() if n]
        return f"removed {', '.join(parts)}" if parts else "removed nothing"


class Rules:
    """All rules that were given, in order."""

    def __init__(self) -> None:
        self.all: list[Rule] = []

    # -- what changes them ------------------------------------------------------------------------

    def replaced(self, kind: str, value: str, scope: str) -> list[Rule]:
        """The standing rules that a new one would end: it replaces or contradicts them."""
        return [r for r in self.standing() if r.scope == scope and _meets(r, kind, value)]

    def add(self, data: Mapping[str, Any], round: int = 0) -> Rule:
        """Takes in a "directive.added" event."""
        rule = Rule(
            f"D{len(self.all) + 1}",
            data["kind"],
            data["value"],
            data["text"],
            data["meaning"],
            data.get("author", "user"),
            data.get("message", ""),
            data.get("scope", ""),
            data.get("lasts", ""),
            round,
        )
        for old in self.replaced(rule.kind, rule.value, rule.scope):
            old.ended = f"replaced by {rule.id}"
        self.all.append(rule)
        return rule

    def remove(self, value: str) -> list[Rule]:
        """Lifts a rule by its id, or those about a term; returns which."""
        lifted = self.about(value)
        for rule in lifted:
            rule.ended = "lifted"
        return lifted

    def about(self, value: str) -> list[Rule]:
        """Standing rules with that id, or about that term."""
        term = tokens(value)
        return [r for r in self.standing() if r.id == value.upper() or tokens(r.value) == term]

    def expire(self, round: int, ended: Iterable[str]) -> None:
        """Ends those whose time is over: the round after theirs has begun, their task has ended."""
        over = set(ended)
        for rule in self.standing():
            if rule.lasts in over or (rule.lasts == "round" and rule.round < round):
                rule.ended = OVER

    def count(self, data: Mapping[str, Any]) -> None:
        """Takes in a "directive.applied" event."""
        for rule in self.all:
            if rule.id == data["id"]:
                rule.tasks |= {data["task"]} if "task" in data else set()
                for what in COUNTS:
                    rule.removed[what] += int(data.get(what, 0))

    # -- what they say ----------------------------------------------------------------------------

    def standing(self, *kinds: RuleKind, task: str = "") -> list[Rule]:
        """Those that hold: for a task, where one is named, else all."""
        return [
            r
            for r in self.all
            if r.standing and (not kinds or r.kind in kinds) and (not task or r.scope in ("", task))
        ]

    def limit(self, kind: RuleKind, default: int) -> int:
        """The number that a standing rule sets, else the default."""
        said = self.standing(kind)
        return int(said[-1].value) if said else default

    def said(self, kind: RuleKind) -> str:
        """The word that a standing rule of this kind gives, "" without one."""
        found = self.standing(kind)
        return found[-1].value if found else ""

    def against(self, text: str, about: str = "", source: str = "", task: str = "") -> Rule | None:
        """The first rule that forbids a passage, None where none does.

        Args:
            about: where it stands (document, title, headings): excluded terms count there too.
            task: that found it, or is looking.
        """
        for rule in self.standing("exclude", "since", "until", "ban"):
            if rule.scope and rule.scope != task:
                continue
            if rule.kind == "ban":
                forbidden = bool(source) and rule.value == source
            else:
                forbidden = _FORBIDS[rule.kind](text, rule.value)
            if forbidden or (rule.kind == "exclude" and mentions(about, rule.value)):
                return rule
        return None

    def bonus(self, text: str, source: str = "", task: str = "") -> float:
        """0..1: how much a passage is wanted by focus, prefer and require; focus weighs twice."""
        wanted = self.standing("focus", "prefer", "require", task=task)
        total = found = 0.0
        for rule in wanted:
            weight = _FOCUS if rule.kind == "focus" else _PREFER
            total += weight
            by_source = rule.kind == "require" and rule.value == source
            found += weight * (by_source or (rule.kind != "require" and mentions(text, rule.value)))
        return found / total if total else 0.0

    def cleaned(self, query: str, task: str = "") -> tuple[str, Rule | None]:
        """A query without excluded words, and the rule that took them out. A query of which
        nothing would be left is empty."""
        took = None
        for rule in self.standing("exclude", task=task):
            if mentions(query, rule.value):
                query, took = without(query, rule.value), rule
        return query, took


def _meets(old: Rule, kind: str, value: str) -> bool:
    if old.kind == kind:
        return kind in _ONE_OF_A_KIND
    if {old.kind, kind} == {"since", "until"}:
        since, until = (old.value, value) if old.kind == "since" else (value, old.value)
        return int(since) > int(until)
    if old.kind not in _AGAINST.get(kind, ()):
        return False
    return mentions(old.value, value) or mentions(value, old.value)


def _years(text: str) -> list[int]:
    return [int(n) for n in numbers(text) if len(n) == 4 and n[:2] in ("19", "20")]


def _too_old(text: str, year: str) -> bool:
    years = _years(text)
    return bool(years) and max(years) < int(year)


def _too_new(text: str, year: str) -> bool:
    years = _years(text)
    return bool(years) and min(years) > int(year)


_FORBIDS: Mapping[str, Callable[[str, str], bool]] = {
    "exclude": mentions,
    "since": _too_old,
    "until": _too_new,
}
