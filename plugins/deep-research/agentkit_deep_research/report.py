"""The report as data: quotes under their facets, numbered and linked; what was not found; limits.

Extractive: every statement about the matter is a verbatim quote, and a model's sentence stands
under the quotes that bear it out. Made from the desk alone (`composing`), shown by `formats`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from pydantic import TypeAdapter

from agentkit.errors import DataError
from agentkit_deep_research.evidence import Span
from agentkit_deep_research.tables import Chart, Table
from agentkit_deep_research.verify import Verdict
from agentkit_deep_research.words import folded

SCHEMA = 2
TITLE = 600  # characters of a question that stand above its report


@dataclass(frozen=True, slots=True)
class Quote:
    """A span as cited. before, after: what stands around it in its document."""

    number: int
    span: Span
    link: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A facet with its quotes, best first. note: what is missing, "" where it is covered.
    replaced: quotes that are out of date, each with the number of the newer one. wordings: a
    model's sentences, each with the numbers of the quotes that bear it out."""

    title: str
    quotes: tuple[Quote, ...]
    note: str = ""
    facet: int = 0
    replaced: tuple[tuple[Quote, int], ...] = ()
    wordings: tuple[tuple[str, tuple[int, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Missing:
    """A facet without quotes: why, and what was searched for, with what each search said."""

    title: str
    why: str
    queries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A cited document; numbered by first use."""

    number: int
    source: str
    document: str
    title: str
    uri: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is printed. reason: why it is partial, "" where it is complete."""

    question: str
    sections: tuple[Section, ...]
    missing: tuple[Missing, ...]
    conflicts: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    limits: tuple[str, ...]
    references: tuple[Reference, ...]
    tables: tuple[Table, ...]
    charts: tuple[Chart, ...]
    status: Literal["complete", "partial"]
    reason: str = ""
    verdict: Verdict | None = None

    @property
    def quotes(self) -> list[Quote]:
        return [
            quote
            for section in self.sections
            for quote in (*section.quotes, *(old for old, _ in section.replaced))
        ]

    @property
    def coverage(self) -> float:
        """Share of facets that are covered, 0..1."""
        facets = len(self.sections) + len(self.missing)
        return sum(not s.note for s in self.sections) / facets if facets else 0.0

    def to_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, "coverage": round(self.coverage, 4), **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:
        """What `to_json` gave.

        Raises:
            DataError: it is no report, or one of another schema.
        """
        if data.get("schema") != SCHEMA:
            raise DataError(
                f"this is no report of schema {SCHEMA}: it says {data.get('schema')!r}",
                "write it again with this version: `agentkit research …`",
            )
        try:
            made: Report = TypeAdapter(Report).validate_python(
                {f.name: data[f.name] for f in fields(cls)}
            )
        except (KeyError, ValueError) as error:
            raise DataError(f"this report is damaged: {str(error).splitlines()[0]}") from error
        return made


def link(span: Span) -> str:
    """Where a click leads: the anchor or the page, where there is one."""
    base = span.uri or span.document
    if span.page is not None:
        return f"{base}#page={span.page}"
    return f"{base}#{span.anchor}" if span.anchor else base


def title_of(question: str, most: int = TITLE) -> str:
    """A question as the head of its report: on one line, and of a length that can be a title."""
    whole = folded(question)
    return whole if len(whole) <= most else f"{whole[: most - 1].rstrip()}…"


def sentence(text: str) -> str:
    """With a capital at its beginning and a mark at its end."""
    text = folded(text)
    if not text:
        return text
    mark = "?" if _ASKS.search(text) else "."
    return text[0].upper() + text[1:] + ("" if text[-1] in ".?!" else mark)


_AUX = "is|are|was|were|do|does|did|can|could|may|might|must|should|shall|will|would|has|have|had"
_ASKS = re.compile(
    rf"^(?:(?:in|at|by|on|for|from|of|to|with) )?(?:what|which|when|where|why|who|whose|how)\b"
    rf"|(?:^|[,;] )(?:{_AUX})\b|[,;] (?:what|why|how)\b",
    re.I,
)
