"""What a person may say while the research runs, read by rules alone; what has no rule is rejected.

A *rule* stays until it is removed ("exclude X") and counts what it took out. A *command* changes
something once ("stop T3"). Both are made from plain text, one instruction a line or between ";".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from agentkit_deep_research.words import numbers, stem, tokens

RuleKind = Literal["exclude", "focus", "prefer", "since", "until", "loops", "quotes"]
CommandKind = Literal["stop", "first", "add", "remove", "finish"]
COUNTS = ("queries", "passages", "spans")

GRAMMAR = (
    "exclude X; focus on X; prefer X; only since 2024; add: …; stop T3; T2 first; remove D1; "
    "loops 3; quotes 5; finish"
)


@dataclass(frozen=True, slots=True)
class Said:
    """One instruction as understood. meaning: in words, to be shown back."""

    kind: RuleKind | CommandKind
    value: str
    text: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """One instruction that was not understood or cannot be followed."""

    text: str
    reason: str


_X = r"(?P<x>.+)"
_PATTERNS: tuple[tuple[str, RuleKind | CommandKind, str], ...] = (
    (r"(?:stop|cancel|skip|drop|abort) +(?:task +)?(?P<x>t\d+)", "stop", "{} is cancelled"),
    (r"(?:do +)?(?:task +)?(?P<x>t\d+) +(?:first|next|now)", "first", "{} runs before the others"),
    (r"(?:prioriti[sz]e|start with) +(?:task +)?(?P<x>t\d+)", "first", "{} runs before the others"),
    (r"(?:remove|drop|undo|delete|lift) +(?:directive +)?(?P<x>d\d+)", "remove", "{} is lifted"),
    (r"(?:include|allow) +(?P<x>.+?) +again", "remove", "the rule on {!r} is lifted"),
    (
        r"(?:only +)?(?:since|after|from) +(?P<x>(?:19|20)\d\d)(?: +on(?:wards?)?)?",
        "since",
        "passages that speak only of years before {} are left out",
    ),
    (
        r"(?:only +)?(?:until|before|up to) +(?P<x>(?:19|20)\d\d)",
        "until",
        "passages that speak only of years after {} are left out",
    ),
    (
        r"(?:max(?:imum)?|at most|limit)? *(?P<x>\d{1,2}) *(?:loops?|rounds?)(?: at most)?",
        "loops",
        "at most {} rounds",
    ),
    (r"(?:loops?|rounds?) *[:=]? *(?P<x>\d{1,2})", "loops", "at most {} rounds"),
    (
        r"(?:max(?:imum)?|at most|limit)? *(?P<x>\d{1,2}) *quotes?(?: at most)?",
        "quotes",
        "at most {} quotes a facet",
    ),
    (r"quotes? *[:=]? *(?P<x>\d{1,2})", "quotes", "at most {} quotes a facet"),
    (
        r"(?:finish|write|wrap up|enough|stop|stop searching|write (?:it|the report))"
        r"(?: (?:now|up|the report))?",
        "finish",
        "the report is written with what is there",
    ),
    (
        r"(?:add|also|and also|additionally)"
        r"(?: +(?:look up|find(?: out)?|research|check))? *[:,]? +" + _X,
        "add",
        "one more task: {}",
    ),
    (
        r"(?:exclude|ignore|without|leave out|avoid|skip|no more|not|omit|"
        r"nothing (?:on|about|from)) +" + _X,
        "exclude",
        "{!r} is left out of queries, evidence and report",
    ),
    (
        r"(?:focus|concentrate)(?: +only)?(?: +on)? *:? +" + _X,
        "focus",
        "passages about {!r} come first, others only where there are none",
    ),
    (r"only +" + _X, "focus", "passages about {!r} come first, others only where there are none"),
    (r"(?:prefer|favou?r) +" + _X, "prefer", "passages about {!r} come first"),
)
_RULES = tuple((re.compile(p, re.I), kind, meaning) for p, kind, meaning in _PATTERNS)


def parse(text: str, tasks: Iterable[str] = (), rules: Iterable[str] = ()) -> list[Said | Rejected]:
    """A message as instructions, in order; one result per line or part between ";".

    Args:
        tasks: ids of the tasks that exist, which "stop T3" may name.
        rules: ids of the rules that stand, which "remove D1" may name.
    """
    known_tasks, known_rules = {t.upper() for t in tasks}, {r.upper() for r in rules}
    parts = [p.strip(" \t.!") for p in re.split(r"[;\n]+", text)]
    parts = [p for p in parts if p]
    if not parts:
        return [Rejected(text, "it is empty")]
    return [_one(part, known_tasks, known_rules) for part in parts]


def _one(part: str, tasks: set[str], rules: set[str]) -> Said | Rejected:
    plain = re.sub(r"^(?:please|now|ok(?:ay)?|and|then)[, ]+", "", part, flags=re.I)
    for pattern, kind, meaning in _RULES:
        match = pattern.fullmatch(plain)
        if match is None:
            continue
        value = (match.groupdict().get("x") or "").strip(" \"'“”‘’.,")
        if kind in ("exclude", "focus", "prefer"):
            value = re.sub(r"^(?:the|a|an|any|all) +(?=\S)", "", value, flags=re.I)
        if kind in ("stop", "first") or (kind == "remove" and re.fullmatch(r"[dD]\d+", value)):
            value = value.upper()
            there = rules if kind == "remove" else tasks
            if value not in there:
                known = ", ".join(sorted(there)) or "none"
                return Rejected(part, f"there is no {value}; there is: {known}")
        if kind in ("loops", "quotes") and not int(value):
            return Rejected(part, f"{kind} must be at least 1")
        if kind in ("exclude", "focus", "prefer") and not tokens(value):
            return Rejected(part, f"{kind} what? {value!r} names nothing")
        return Said(kind, value, part, meaning.format(value))
    return Rejected(part, f"not understood; say for instance: {GRAMMAR}")


# -- standing rules -------------------------------------------------------------------------------


@dataclass(slots=True)
class Rule:
    """A standing instruction. id: "D1", by order. removed: what it took out so far, by COUNTS."""

    id: str
    kind: RuleKind
    value: str
    text: str
    meaning: str
    author: str = "user"
    standing: bool = True
    removed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))

    @property
    def counted(self) -> str:
        """What it did so far: "removed 2 passages, 1 span"."""
        singular = {"queries": "query", "passages": "passage", "spans": "span"}
        parts = [f"{n} {singular[w] if n == 1 else w}" for w, n in self.removed.items() if n]
        return f"removed {', '.join(parts)}" if parts else "removed nothing"


class Rules:
    """All rules that were given, in order; those that stand are applied by `keeps` and `bonus`."""

    def __init__(self) -> None:
        self.all: list[Rule] = []

    def add(self, data: Mapping[str, Any]) -> Rule:
        """Takes in a "directive.added" event."""
        rule = Rule(
            f"D{len(self.all) + 1}",
            data["kind"],
            data["value"],
            data["text"],
            data["meaning"],
            data.get("author", "user"),
        )
        if rule.kind in ("loops", "quotes", "since", "until"):
            for old in self.all:
                old.standing = old.standing and old.kind != rule.kind
        self.all.append(rule)
        return rule

    def remove(self, value: str) -> list[Rule]:
        """Lifts a rule by its id, or those about a term; returns which."""
        term = tokens(value)
        lifted = [
            r for r in self.all if r.standing and (r.id == value.upper() or tokens(r.value) == term)
        ]
        for rule in lifted:
            rule.standing = False
        return lifted

    def count(self, data: Mapping[str, Any]) -> None:
        """Takes in a "directive.applied" event."""
        for rule in self.all:
            if rule.id == data["id"]:
                for what in COUNTS:
                    rule.removed[what] += int(data.get(what, 0))

    def standing(self, *kinds: RuleKind) -> list[Rule]:
        return [r for r in self.all if r.standing and (not kinds or r.kind in kinds)]

    def limit(self, kind: Literal["loops", "quotes"], default: int) -> int:
        """The number that a standing rule sets, else the default."""
        said = self.standing(kind)
        return int(said[-1].value) if said else default

    def against(self, text: str, about: str = "") -> Rule | None:
        """The first rule that forbids a passage, None where none does.

        Args:
            about: where it stands (document, title, headings): excluded terms count there too.
        """
        for rule in self.standing("exclude", "since", "until"):
            if _FORBIDS[rule.kind](text, rule.value):
                return rule
            if rule.kind == "exclude" and mentions(about, rule.value):
                return rule
        return None

    def bonus(self, text: str) -> float:
        """0..1: how much a passage is wanted by focus and prefer; focus weighs twice."""
        wanted = self.standing("focus", "prefer")
        weight = {"focus": 2.0, "prefer": 1.0}
        total = sum(weight[r.kind] for r in wanted)
        found = sum(weight[r.kind] for r in wanted if mentions(text, r.value))
        return found / total if total else 0.0

    def cleaned(self, query: str) -> tuple[str, Rule | None]:
        """A query without excluded words, and the rule that took them out. A query of which
        nothing would be left is empty."""
        for rule in self.standing("exclude"):
            if mentions(query, rule.value):
                gone = {stem(t) for t in tokens(rule.value)}
                kept = [w for w in query.split() if not {stem(t) for t in tokens(w)} & gone]
                return " ".join(kept), rule
        return query, None


def mentions(text: str, term: str) -> bool:
    """Whether the term's words stand in the text one after another, endings aside."""
    wanted, there = [stem(t) for t in tokens(term)], [stem(t) for t in tokens(text)]
    size = len(wanted)
    return bool(size) and any(there[i : i + size] == wanted for i in range(len(there) - size + 1))


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
