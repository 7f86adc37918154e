"""Schema linking: which words of a question name which tables, columns and values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from agentkit_sources.sql.catalog import Catalog, Column, Table, words_of

T = TypeVar("T")
WORD = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|[^\W\d_]+")
NUMBERS = dict(
    zip("one two three four five six seven eight nine ten eleven twelve".split(), range(1, 13)),
    twenty=20,
    hundred=100,
)
MONTHS = {
    name: number
    for number, name in enumerate(
        "january february march april may june july august september october november "
        "december".split(),
        1,
    )
}
# Words of questions themselves: they never name a column.
ASKING = frozenset(
    "a an the of in on at by to for from with and or is are was were be been do does did has have "
    "had how many much what which who whose when where that than there each every per all any "
    "more less fewer most least fewest number count total sum average mean highest lowest largest "
    "smallest biggest longest shortest greatest strongest weakest maximum minimum max min top "
    "bottom first last best worst oldest newest latest earliest different distinct unique show "
    "list give tell me it its as no not but over under above below between before after since "
    "until least share percentage percent fraction if we you us our their they".split()
)
# A few words that people use for columns called otherwise, in any business.
_USUAL = {"late": "delay", "delayed": "delay", "price": "cost", "revenue": "amount"}


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the question as it was written, and in lower case."""

    text: str
    lower: str

    @property
    def number(self) -> float | None:
        if self.text[0].isdigit():
            return float(self.text.replace(",", ""))
        return float(NUMBERS[self.lower]) if self.lower in NUMBERS else None


@dataclass(frozen=True, slots=True)
class Mention:
    """Tokens [start, end) name one of these. score: how well, at most 1 a word."""

    start: int
    end: int
    kind: Literal["value", "column", "table"]
    tables: tuple[Table, ...] = ()
    columns: tuple[Column, ...] = ()
    values: tuple[tuple[Column, str], ...] = ()


def tokens(question: str) -> list[Token]:
    """The words of a question. "Doesn't" is one word of no interest; "5,000" is a number."""
    return [Token(text, text.lower()) for text in WORD.findall(question.replace("_", " "))]


def link(
    question: list[Token], catalog: Catalog, glossary: Mapping[str, str]
) -> dict[int, Mention]:
    """Mentions by their first token; longer ones first, values before names, none overlapping."""
    taken: set[int] = set()
    found: dict[int, Mention] = {}
    for size in range(min(8, len(question)), 0, -1):
        for start in range(len(question) - size + 1):
            places = set(range(start, start + size))
            if places & taken:
                continue
            some = question[start : start + size]
            mention = _mention(start, some, catalog, glossary)
            if mention:
                found[start] = mention
                taken |= places
    return dict(sorted(found.items()))


def stem(word: str) -> str:
    """A word without its plural."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ches", "shes", "xes", "sses")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and word[-2] not in "su" else word


def alike(word: str, name: str) -> float:
    """How well a word of a question names a word of an identifier: 0 (not) to 1."""
    one, other = stem(word), stem(name)
    if one == other:
        return 1.0
    short, long = sorted((one, other), key=len)
    if len(short) >= 3 and long.startswith(short):
        return 0.9 if len(short) >= 4 or other == short else 0.0
    common = next((i for i, (a, b) in enumerate(zip(one, other)) if a != b), len(short))
    return 0.8 if common >= 6 and common >= 0.7 * len(long) else 0.0


def _mention(
    start: int, some: list[Token], catalog: Catalog, glossary: Mapping[str, str]
) -> Mention | None:
    end = start + len(some)
    written = " ".join(token.lower for token in some)
    if written in glossary:
        columns = _glossary(glossary[written], catalog)
        return Mention(start, end, "column", columns=columns) if columns else None
    values = _values(start, some, catalog)
    if values and (len(some) > 1 or not _names(some, catalog)):
        return Mention(start, end, "value", values=values)
    if any(token.lower in ASKING or token.text[0].isdigit() for token in some):
        return None
    tables, columns = _tables(some, catalog), _columns(some, catalog)
    if tables:
        return Mention(start, end, "table", tables=tables, columns=columns)
    return Mention(start, end, "column", columns=columns) if columns else None


def _values(start: int, some: list[Token], catalog: Catalog) -> tuple[tuple[Column, str], ...]:
    words = tuple(token.lower for token in some)
    places = catalog.values.get(words, ())
    if len(some) == 1:
        token = some[0]
        if token.lower in ASKING and not token.text.isupper():
            return ()
        if token.text[0].isdigit():
            return ()
        if len(token.text) <= 3 or token.text.islower():  # codes: as they are written
            places = tuple(p for p in places if p[1] == token.text)
        if not places and start and token.text[0].isupper():
            places = _beginning(token.lower, catalog)
    return places


def _beginning(word: str, catalog: Catalog) -> tuple[tuple[Column, str], ...]:
    """The one value of a column that begins so: "Delta" for Delta Air Lines."""
    if len(word) < 4:
        return ()
    found = [place for words, p in catalog.values.items() if words[0] == word for place in p]
    columns = [column for column, _ in found]
    return tuple(place for place in found if columns.count(place[0]) == 1)


def _names(some: list[Token], catalog: Catalog) -> bool:
    return bool(_tables(some, catalog) or _columns(some, catalog))


def _tables(some: list[Token], catalog: Catalog) -> tuple[Table, ...]:
    scored = [(_alike(some, words_of(t.name.rpartition(".")[2])), t) for t in catalog.tables]
    return _best(scored)


def _columns(some: list[Token], catalog: Catalog) -> tuple[Column, ...]:
    return _best([(_alike(some, column.words), column) for column in catalog.columns])


def _alike(some: list[Token], name: tuple[str, ...]) -> float:
    if len(some) != len(name):
        return 0.0
    scores = [
        max(alike(token.lower, word), alike(_USUAL.get(token.lower, token.lower), word) * 0.9)
        for token, word in zip(some, name)
    ]
    return min(scores)


def _best(scored: list[tuple[float, T]]) -> tuple[T, ...]:
    best = max((score for score, _ in scored), default=0.0)
    return tuple(thing for score, thing in scored if score == best and best > 0)


def _glossary(target: str, catalog: Catalog) -> tuple[Column, ...]:
    table, _, name = target.rpartition(".")
    return tuple(
        c
        for c in catalog.columns
        if c.name.lower() == name.lower() and table.lower() in ("", c.table.lower())
    )
