"""Conditions that questions state in words: comparisons, years, months, days, absence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentkit_sources.sql.catalog import Column, Table
from agentkit_sources.sql.intent import Filter, Operator
from agentkit_sources.sql.linking import MONTHS, Mention, Token, alike

_COMPARED: dict[tuple[str, ...], Operator] = {
    ("more", "than"): ">",
    ("greater", "than"): ">",
    ("longer", "than"): ">",
    ("higher", "than"): ">",
    ("over",): ">",
    ("above",): ">",
    ("exceeding",): ">",
    ("at", "least"): ">=",
    ("no", "less", "than"): ">=",
    ("no", "fewer", "than"): ">=",
    ("less", "than"): "<",
    ("fewer", "than"): "<",
    ("shorter", "than"): "<",
    ("lower", "than"): "<",
    ("under",): "<",
    ("below",): "<",
    ("at", "most"): "<=",
    ("no", "more", "than"): "<=",
    ("up", "to"): "<=",
}
_YEARS: dict[str, Operator] = {
    "in": "=",
    "during": "=",
    "of": "=",
    "since": ">=",
    "from": ">=",
    "before": "<",
    "until": "<=",
    "after": ">",
}
_UNITS = frozenset(
    "second minute hour day week month year mile meter metre kilometer kilometre foot feet degree "
    "percent dollar euro".split()
)
_NOTHING = frozenset("no without missing lacking".split())
_WINDOW = 6  # words around a number in which its column may be named


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition and the tokens that state it. column None: on how many rows there are."""

    start: int
    end: int
    operator: Operator
    value: float
    filter: Filter | None = None


def comparisons(
    words: Sequence[Token], mentions: dict[int, Mention], table: Table
) -> Iterator[Condition]:
    """ "more than 60 minutes" and the like, with the column or the count that is meant."""
    at = 0
    while at < len(words):
        found = _compared(words, at)
        if found is None:
            at += 1
            continue
        operator, number_at = found
        value = words[number_at].number
        assert value is not None
        after = mentions.get(number_at + 1)
        end = number_at + 1
        if after and after.kind == "table":
            yield Condition(at, end, operator, value)
        else:
            column = _column(words, mentions, table, at, number_at)
            if column:
                unit = number_at + 1 < len(words) and _is_unit(words[number_at + 1].lower)
                yield Condition(at, end + unit, operator, value, Filter(column, operator, value))
            elif operator in (">=", "<=", ">", "<"):
                yield Condition(at, end, operator, value)
        at = end


def dates(words: Sequence[Token], table: Table, taken: set[int]) -> Iterator[tuple[int, Filter]]:
    """(token, condition) for "in 2005", "since 2010", "in July", "25 December"."""
    for at, word in enumerate(words):
        if at in taken:
            continue
        before = words[at - 1].lower if at else ""
        number = word.number
        if number and 1500 <= number <= 2200 and len(word.text) == 4 and before in _YEARS:
            yield from _dated(at, table, "year", _YEARS[before], number)
        elif word.lower in MONTHS and word.text[0].isupper() and (word.lower != "may" or at):
            yield from _dated(at, table, "month", "=", float(MONTHS[word.lower]))
            for near in (at - 1, at + 1):
                day = words[near].number if 0 <= near < len(words) else None
                if day and day <= 31 and words[near].text.isdigit():
                    yield from _dated(near, table, "day", "=", day)
                    break


def absences(
    words: Sequence[Token], mentions: dict[int, Mention], table: Table
) -> Iterator[tuple[int, Filter]]:
    """(token, condition) for "have no departure time"."""
    for at, mention in mentions.items():
        if at and words[at - 1].lower in _NOTHING and mention.columns:
            own = [c for c in mention.columns if c.table == table.name]
            if own:
                yield at, Filter(own[0], "is null")


def equalities(
    words: Sequence[Token], mentions: dict[int, Mention], table: Table, taken: set[int]
) -> Iterator[tuple[int, Filter]]:
    """(token, condition) for a number right before its column: "4 engines"."""
    for at, mention in mentions.items():
        number = words[at - 1].number if at else None
        listed = at > 1 and words[at - 2].lower in ("the", "top", "list", "first", "bottom")
        if number is None or at - 1 in taken or listed or _is_unit(words[at].lower):
            continue
        numeric = [
            c for c in mention.columns if c.table == table.name and c.kind in ("integer", "number")
        ]
        if numeric:
            yield at - 1, Filter(numeric[0], "=", number)


def _compared(words: Sequence[Token], at: int) -> tuple[Operator, int] | None:
    """(operator, index of the number) of a comparison that begins here."""
    for phrase, operator in sorted(_COMPARED.items(), key=lambda item: -len(item[0])):
        end = at + len(phrase)
        said = tuple(w.lower for w in words[at:end]) == phrase
        if said and end < len(words) and words[end].number is not None:
            return operator, end
    return None


def _column(
    words: Sequence[Token], mentions: dict[int, Mention], table: Table, start: int, number: int
) -> Column | None:
    """The column that a comparison is about: named right after the number, just before, or by
    words around it."""

    def own(mention: Mention | None) -> Column | None:
        fitting = [c for c in mention.columns if c.table == table.name] if mention else []
        numeric = [c for c in fitting if c.kind in ("integer", "number")]
        return numeric[0] if numeric else None

    following = number + 1
    named = following < len(words) and not _is_unit(words[following].lower)
    if named and (column := own(mentions.get(following))):
        return column
    before = [m for m in mentions.values() if m.end <= start and start - m.end <= 2]
    if before and (column := own(before[-1])):
        return column
    near = [w.lower for w in words[max(0, start - _WINDOW) : number + 1 + _WINDOW]]
    scored = [(_overlap(near, c), c) for c in table.columns if c.kind in ("integer", "number")]
    best = max((score for score, _ in scored), default=0.0)
    return next((c for score, c in scored if score == best), None) if best > 1 else None


def _overlap(near: list[str], column: Column) -> float:
    """How many words of a column's name are said near by; more than 1 is a column that is meant."""
    said = [
        max((alike("delay" if word == "late" else word, name) for word in near), default=0.0)
        for name in column.words
    ]
    return sum(said) if all(said) else 0.0


def _dated(
    at: int, table: Table, part: str, operator: Operator, value: float
) -> Iterator[tuple[int, Filter]]:
    """On a column called "year" (and so on), else on the table's date."""
    named = [c for c in table.columns if part in c.words and c.kind in ("integer", "number")]
    exact = [c for c in named if c.words == (part,)]
    if exact or named:
        yield at, Filter((exact or named)[0], operator, value)
        return
    stamped = [c for c in table.columns if c.kind == "date"]
    if stamped:
        yield at, Filter(stamped[0], operator, value, part)


def _is_unit(word: str) -> bool:
    return word.removesuffix("s") in _UNITS or word in _UNITS
