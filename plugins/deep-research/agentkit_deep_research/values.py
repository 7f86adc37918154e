"""What a question asks for (a person, a date, a number …), and which value a sentence gives.

Pure text work, on purpose narrow: a sentence that gives two candidates gives none, so that nothing
is compared that might not be the same thing.
"""

from __future__ import annotations

import re
from typing import Literal

from agentkit_deep_research.words import (
    NEGATIONS,
    STOP,
    names,
    numbers,
    says_a_number,
    stem,
    tokens,
    word_set,
)

Asked = Literal["person", "date", "number", "place", ""]

_MONTHS = (
    "january february march april may june july august september october november december"
).split()
_MONTH = rf"(?:{'|'.join(_MONTHS)}|{'|'.join(m[:3] for m in _MONTHS)})\.?"
_DATE = re.compile(
    rf"\b(?P<y>(?:19|20)\d\d)-(?P<m>\d\d)(?:-(?P<d>\d\d))?\b"
    rf"|\b(?P<d2>\d{{1,2}})(?:st|nd|rd|th)? (?P<mon>{_MONTH}),? (?P<y2>(?:19|20)\d\d)\b"
    rf"|\b(?P<mon3>{_MONTH})(?: (?P<d3>\d{{1,2}})(?:st|nd|rd|th)?,?)? (?P<y3>(?:19|20)\d\d)\b",
    re.I,
)
_YEAR = re.compile(r"\b(?:1[5-9]|20)\d\d\b(?![\d,.-]*\d)")
_STAMP = re.compile(
    r"^\W*(?:date|updated|last (?:changed|updated|modified)|sent|valid from|effective|as of|"
    r"published|written)\W+(?P<rest>.{4,40})$",
    re.I | re.M,
)
_CODE = re.compile(r"\b[A-Za-z]{1,8}-\d[\w-]*\b|\b\w*\d\w*[A-Za-z_]\w*\b|\b[A-Za-z_]+\d+\w*\b")
_PERSON = re.compile(
    r"\b[A-Z][\w'’-]+(?: (?:van|von|de|den|der|da|di|la|le|el|al|bin))*(?: [A-Z][\w'’-]+)+"
)
_RAISED = re.compile(r"\bfrom\b[^.;]{1,40}?\bto\b", re.I)
_WHO = re.compile(r"\b(?:who|whom|whose|which person|name of the)\b", re.I)
_WHEN = re.compile(
    r"^when (?:was|were|did|will)\b|\b(?:what|which) (?:date|day|month|year)\b"
    r"|\b(?:deadline|due date|start date)\b",
    re.I,
)
_HOW_MUCH = re.compile(
    r"\bhow (?:many|much|long|large|big|high|far|fast|old|often|tall|wide|deep)\b"
    r"|\b(?:budget|price|cost|fee|salary|revenue|headcount|percentage|percent|rate|amount|number"
    r" of|total|turnover|rent|capacity|quota)\b",
    re.I,
)
_WHERE = re.compile(
    r"\bwhere\b|\b(?:what|which|in which) (?:city|office|country|town|place|site)\b", re.I
)


KIND_WORDS = word_set(
    "city country town place site office person name date day month year number amount time "
    "behind concerning regarding related responsible"
)
"""Words of a question that say of which kind an answer is or how things hang together, and hardly
stand in an answer."""


def asked_for(question: str) -> Asked:
    """What an answer must hold, "" where any sentence might do."""
    for kind, sign in _ASKED:
        if sign.search(question):
            return kind
    return ""


_ASKED: tuple[tuple[Asked, re.Pattern[str]], ...] = (
    ("person", _WHO),
    ("date", _WHEN),
    ("place", _WHERE),
    ("number", _HOW_MUCH),
)


def codes(text: str) -> list[str]:
    """Order numbers, ticket ids, versions of things: "PX-1042", "fts5", in lower case."""
    return list(dict.fromkeys(m.group().lower() for m in _CODE.finditer(text)))


def subjects(question: str) -> list[str]:
    """What a question is about by name, in lower case: every answer must be about all of it."""
    coded = codes(question)
    inside = {part for code in coded for part in re.split(r"[-_]", code)}
    named = [n.lower() for n in names(question)]
    plain = [n for n in named if n not in inside and n not in STOP | NEGATIONS and len(n) > 1]
    return list(dict.fromkeys([*coded, *plain]))


def holds_subject(subject: str, text: str) -> bool:
    """Whether a text speaks of a subject: the code as it is, a name by its stem."""
    lower, subject = text.lower(), subject.lower()
    if "-" in subject:
        return re.search(rf"(?<![\w-]){re.escape(subject)}(?![\w-])", lower) is not None
    there = tokens(text)
    return subject in there or stem(subject) in {stem(t) for t in there}


def date_of(id: str, title: str, text: str, heading: tuple[str, ...] = ()) -> str:
    """When a passage was written, as "2024-05-03", "2024-05" or "2024"; "" where nothing says so.

    A dated heading above it counts first, then a dated line at the top of the document, then a date
    in its name.
    """
    for part in reversed(heading):
        if found := dates(part):
            return found[0]
    for match in _STAMP.finditer(text[:800]):
        if found := dates(match["rest"]):
            return found[0]
    for part in (id, title):
        if found := dates(re.sub(r"(?<=\d{4})[_/](?=\d\d)|(?<=-\d\d)[_/](?=\d\d)", "-", part)):
            return found[0]
    return ""


def dates(text: str) -> list[str]:
    """The dates in a text, in its order; plain years only where nothing more exact stands there."""
    found = []
    for m in _DATE.finditer(text):
        year = m["y"] or m["y2"] or m["y3"]
        month = m["m"] or (_month(m["mon"] or m["mon3"]) if m["mon"] or m["mon3"] else "")
        day = m["d"] or m["d2"] or m["d3"]
        parts = [year, month, f"{int(day):02}" if day else ""]
        found.append("-".join(p for p in parts if p))
    return found or [m.group() for m in _YEAR.finditer(text)]


def _month(name: str) -> str:
    short = name.lower()[:3]
    return f"{[m[:3] for m in _MONTHS].index(short) + 1:02}"


def holds_value(asked: Asked, question: str, sentence: str) -> bool:
    """Whether a sentence holds something of the kind that is asked for, and not in the question."""
    if asked == "number" and says_a_number(sentence) and not numbers(sentence):
        return True  # "exactly once", "has no limit"
    return asked == "" or bool(_candidates(asked, question, sentence))


def value_of(asked: Asked, question: str, sentence: str) -> str:
    """The one value that a sentence gives, "" where it gives none or several. Of several, the one
    that stands behind what the question names."""
    raised = _RAISED.search(sentence)
    said = sentence[raised.end() :] if raised else sentence
    found = _candidates(asked, question, said)
    if len(found) > 1 and (about := subjects(question)):
        behind = re.split(re.escape(about[0]), said, flags=re.I)[-1]
        found = _candidates(asked, question, behind)
    return found[0] if len(found) == 1 else ""


def _candidates(asked: Asked, question: str, sentence: str) -> list[str]:
    known = {t for t in tokens(question)}
    match asked:
        case "date":
            return [d for d in dict.fromkeys(dates(sentence)) if d not in question]
        case "number":
            bare = _DATE.sub(" ", sentence)
            bare = re.sub(r"\b(?:since|in|by|until|from|of|for) (?:19|20)\d\d\b", " ", bare)
            for code in codes(bare):
                bare = re.sub(re.escape(code), " ", bare, flags=re.I)
            return [n for n in dict.fromkeys(numbers(bare)) if n not in numbers(question)]
        case "person":
            people = [m.group() for m in _PERSON.finditer(sentence)]
            people = [re.sub(r"^(?:The|In|On|At|For|Since|By) ", "", p) for p in people]
            people = [p for p in people if " " in p and not set(tokens(p)) & known]
            return list(dict.fromkeys(people))
        case "place":
            found = [n for n in names(sentence) if n.lower() not in known | STOP]
            return list(dict.fromkeys(found))
    return []
