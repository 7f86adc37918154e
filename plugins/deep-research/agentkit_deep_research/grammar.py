"""What a person may say while the research runs, read by rules alone.

A *rule* stays until it is lifted, replaced, or its time is over ("exclude X"). A *command* changes
something once ("stop T3"). Both are made from plain text, one instruction a line or between ";".
A rule may be for one task ("for T2: exclude X") and for a time ("… once", "… until T3 is done").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from agentkit_deep_research.words import tokens

RuleKind = Literal[
    "exclude",
    "focus",
    "prefer",
    "ban",
    "require",
    "since",
    "until",
    "loops",
    "quotes",
    "tokens",
    "seconds",
    "pages",
    "format",
    "tone",
]
CommandKind = Literal["stop", "first", "after", "add", "remove", "finish"]
RULES: tuple[RuleKind, ...] = get_args(RuleKind)
LIMITS: tuple[RuleKind, ...] = ("loops", "quotes", "tokens", "seconds", "pages")
FORMATS = ("short", "full")
LONGEST = 2000  # characters of one instruction

GRAMMAR = (
    "exclude X; focus on X; prefer X; without source S; require source S; only since 2024; "
    "add: …; stop T3; T2 first; T3 after T1; remove D1; loops 3; quotes 5; short; finish"
)


@dataclass(frozen=True, slots=True)
class Said:
    """One instruction as understood. meaning: in words, to be shown back. scope: the task that it
    is for, "" for all. lasts: "", "round" or the id of a task."""

    kind: RuleKind | CommandKind
    value: str
    text: str
    meaning: str
    scope: str = ""
    lasts: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """One instruction that was not understood or cannot be followed. unclear: another reader, a
    model or a person, might make something of it."""

    text: str
    reason: str
    unclear: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What instructions may name. writes: whether a model writes sentences, which have a tone."""

    tasks: frozenset[str] = field(default_factory=frozenset)
    rules: frozenset[str] = field(default_factory=frozenset)
    sources: tuple[str, ...] = ()
    writes: bool = False

    @classmethod
    def of(
        cls,
        tasks: Iterable[str] = (),
        rules: Iterable[str] = (),
        sources: Iterable[str] = (),
        writes: bool = False,
    ) -> Known:
        ids = frozenset(t.upper() for t in tasks), frozenset(r.upper() for r in rules)
        return cls(*ids, tuple(sources), writes)


MEANINGS: Mapping[str, str] = {
    "stop": "{} is cancelled",
    "first": "{} runs before the others",
    "after": "{} waits for {}",
    "remove": "the rule {} is lifted",
    "since": "passages that speak only of years before {} are left out",
    "until": "passages that speak only of years after {} are left out",
    "loops": "at most {} rounds",
    "quotes": "at most {} quotes a facet",
    "tokens": "at most {} tokens are read and written by models",
    "seconds": "the search ends after {} seconds",
    "pages": "at most {} documents are opened",
    "finish": "the report is written with what is there",
    "add": "one more task: {}",
    "ban": "the source {} is not searched, and nothing from it is used",
    "require": "the source {} is searched for every task, and its passages come first",
    "exclude": "{!r} is left out of queries, evidence and report",
    "focus": "passages about {!r} come first, others only where there are none",
    "prefer": "passages about {!r} come first",
    "format": "the report is {}",
    "tone": "a model's sentences are to be {}",
}
_X = r"(?P<x>.+)"
_N = r"(?P<x>\d{1,9})"
_MOST = r"(?:max(?:imum)?|at most|limit(?: to)?|no more than|up to|within|for)? *"
_PATTERNS: tuple[tuple[str, RuleKind | CommandKind], ...] = (
    (r"(?:stop|cancel|skip|drop|abort) +(?:task +)?(?P<x>t\d+)", "stop"),
    (r"(?:do +)?(?:task +)?(?P<x>t\d+) +(?:first|next|now)", "first"),
    (r"(?:prioriti[sz]e|start with) +(?:task +)?(?P<x>t\d+)", "first"),
    (r"(?:do +)?(?:task +)?(?P<x>t\d+) +after +(?:task +)?(?P<y>t\d+)", "after"),
    (r"(?:remove|drop|undo|delete|lift) +(?:directive +|rule +)?(?P<x>d\d+)", "remove"),
    (r"(?:include|allow) +(?P<x>.+?) +again", "remove"),
    (r"(?:only +)?(?:since|after|from) +(?P<x>(?:19|20)\d\d)(?: +on(?:wards?)?)?", "since"),
    (r"(?:only +)?(?:until|before|up to) +(?P<x>(?:19|20)\d\d)", "until"),
    (rf"{_MOST}{_N} *(?:loops?|rounds?)(?: at most)?", "loops"),
    (rf"(?:loops?|rounds?) *[:=]? *{_N}", "loops"),
    (rf"{_MOST}{_N} *quotes?(?: at most)?", "quotes"),
    (rf"quotes? *[:=]? *{_N}", "quotes"),
    (rf"{_MOST}{_N} *tokens?(?: at most)?|tokens? *[:=]? *(?P<z>\d{{1,9}})", "tokens"),
    (rf"{_MOST}{_N} *(?:seconds?|secs?|s)(?: at most)?|seconds? *[:=]? *(?P<z>\d+)", "seconds"),
    (rf"{_MOST}(?P<m>\d{{1,5}}) *(?:minutes?|mins?)(?: at most)?", "seconds"),
    (rf"{_MOST}{_N} *(?:pages?|documents?)(?: at most)?|pages? *[:=]? *(?P<z>\d+)", "pages"),
    (
        r"(?:finish|write|wrap up|enough|stop|stop searching|write (?:it|the report))"
        r"(?: (?:now|up|the report))?",
        "finish",
    ),
    (
        r"(?:make (?:it|the report) +|(?:keep it +)|format *[:=]? *)?(?P<x>short|brief)(?:er)?",
        "format",
    ),
    (r"(?:make (?:it|the report) +|format *[:=]? *)?(?P<x>full|long|detailed)(?:er)?", "format"),
    (r"tone *[:=]? *(?P<x>.+)|(?:in an? )(?P<z>\w+) (?:tone|style)", "tone"),
    (
        r"(?:add|also|and also|additionally)"
        r"(?: +(?:look up|find(?: out)?|research|check))? *[:,]? +" + _X,
        "add",
    ),
    (
        r"(?:exclude|ignore|without|leave out|avoid|skip|ban) +(?:the +)?source +" + _X,
        "ban",
    ),
    (r"(?:require|use|search|must use|prefer) +(?:the +)?source +" + _X, "require"),
    (
        r"(?:exclude|ignore|without|leave out|avoid|skip|no more|omit|"
        r"nothing (?:on|about|from)) +" + _X,
        "exclude",
    ),
    (r"(?:focus|concentrate)(?: +only)?(?: +on)? *:? +" + _X, "focus"),
    (r"only +" + _X, "focus"),
    (r"(?:prefer|favou?r) +" + _X, "prefer"),
    (r"require +" + _X, "require"),
)
_READERS = tuple((re.compile(pattern, re.I), kind) for pattern, kind in _PATTERNS)
_POLITE = re.compile(r"^(?:please|now|ok(?:ay)?|and|then)[, ]+", re.I)
_FOR = re.compile(r"^(?:for|in) +(?:task +)?(t\d+) *[:,] *", re.I)
_FOR_BEHIND = re.compile(r" +(?:for|in) +(?:task +)?(t\d+)$", re.I)
_ONCE = re.compile(r" +(?:once|just this time|for (?:this|the next|one) round)$", re.I)
_WHILE = re.compile(r" +until +(?:task +)?(t\d+) +(?:is +)?(?:done|finished|over)$", re.I)


def parse(text: str, known: Known = Known()) -> list[Said | Rejected]:
    """A message as instructions, in order; one result per line or part between ";"."""
    parts = [p.strip(" \t.!") for p in re.split(r"[;\n]+", text)]
    parts = [p for p in parts if p]
    if not parts:
        return [Rejected(text, "it is empty")]
    return [_one(part, known) for part in parts]


def _one(part: str, known: Known) -> Said | Rejected:
    if len(part) > LONGEST:
        return Rejected(f"{part[:60]}…", f"it has {len(part)} characters; at most {LONGEST}")
    plain, scope, lasts = _framed(_POLITE.sub("", part))
    for reader, kind in _READERS:
        match = reader.fullmatch(plain)
        if match is None:
            continue
        if scope and kind not in ("exclude", "focus", "prefer", "ban", "require", "since", "until"):
            return Rejected(part, f"{kind} holds for the whole research, not for one task")
        for id in (scope, lasts):
            if id and id != "round" and id not in known.tasks:
                return Rejected(part, _unknown(id, known.tasks))
        return said(kind, _value(kind, match.groupdict()), part, known, scope, lasts)
    return Rejected(part, f"not understood; say for instance: {GRAMMAR}", unclear=True)


def _framed(text: str) -> tuple[str, str, str]:
    """The instruction itself, the task that it is for, and how long it lasts."""
    scope = lasts = ""
    if match := _FOR.match(text):
        text, scope = text[match.end() :], match[1].upper()
    if match := _ONCE.search(text):
        text, lasts = text[: match.start()], "round"
    elif match := _WHILE.search(text):
        text, lasts = text[: match.start()], match[1].upper()
    if not scope and (match := _FOR_BEHIND.search(text)):
        text, scope = text[: match.start()], match[1].upper()
    return text, scope, lasts


def _value(kind: str, groups: Mapping[str, str | None]) -> str:
    if groups.get("m"):
        return str(60 * int(groups["m"] or 0))
    value = (groups.get("x") or groups.get("z") or "").strip(" \"'“”‘’.,")
    if groups.get("y"):
        value = f"{value} {groups['y']}"
    if kind in ("exclude", "focus", "prefer", "ban", "require"):
        value = re.sub(r"^(?:the|a|an|any|all) +(?=\S)", "", value, flags=re.I)
    if kind == "format":
        value = {"brief": "short"}.get(value.lower(), value.lower())
        value = value if value in FORMATS else "full"
    return value


def said(
    kind: RuleKind | CommandKind,
    value: str,
    text: str,
    known: Known,
    scope: str = "",
    lasts: str = "",
) -> Said | Rejected:
    """An instruction checked against what there is, however it was read."""
    named = {s.lower(): s for s in known.sources}
    if kind in ("exclude", "require") and value.lower() in named:
        kind = "ban" if kind == "exclude" else "require"
    if kind in ("ban", "require"):
        if value.lower() not in named:
            there = ", ".join(known.sources) or "none"
            return Rejected(text, f"there is no source {value!r}; there is: {there}")
        value = named[value.lower()]
        if kind == "ban" and len(known.sources) == 1:
            return Rejected(text, f"{value} is the only source: nothing would be left to search")
    ids = value.upper().split() if kind in ("stop", "first", "after") else []
    for id in ids:
        if id not in known.tasks:
            return Rejected(text, _unknown(id, known.tasks))
    if kind == "after" and len(set(ids)) < 2:
        return Rejected(text, "a task cannot wait for itself")
    if ids:
        value = " ".join(ids)
    if kind == "remove" and re.fullmatch(r"[dD]\d+", value):
        value = value.upper()
        if value not in known.rules:
            return Rejected(text, _unknown(value, known.rules))
    if kind in LIMITS and (not value.isdigit() or not int(value)):
        return Rejected(text, f"{kind} must be at least 1")
    if kind in ("exclude", "focus", "prefer", "add") and not tokens(value):
        return Rejected(text, f"{kind} what? {value!r} names nothing")
    if kind == "tone" and not known.writes:
        return Rejected(text, "no model writes here: quotes keep the tone of their sources")
    shown = value.split() if kind == "after" else [value]
    meaning = MEANINGS[kind].format(*shown)
    meaning += f", for {scope} alone" if scope else ""
    meaning += {"": "", "round": ", for one round"}.get(lasts, f", until {lasts} is done")
    return Said(kind, value, text, meaning, scope, lasts)


def _unknown(id: str, there: Iterable[str]) -> str:
    return f"there is no {id}; there is: {', '.join(sorted(there)) or 'none'}"
