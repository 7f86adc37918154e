"""A model's proposal of SQL. What it proposes goes the same way as anybody's: checked, run within
limits, and sent back with the error for at most `repairs` times."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from agentkit.capabilities import LanguageModel, Message, Request
from agentkit.errors import AgentkitError
from agentkit_sources.sql.catalog import Catalog
from agentkit_sources.sql.engine import QueryError, TimedOut
from agentkit_sources.sql.rows import Rows
from agentkit_sources.sql.statements import Refused, Statement

_FENCED = re.compile(r"```(?:\w+)?\s*(.*?)```", re.S)
_SELECT = re.compile(r"\b(?:SELECT|WITH)\b.*", re.S | re.I)
_LONGEST_SCHEMA = 6000  # characters
_NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}

Run = Callable[[str], tuple[Statement, Rows]]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a model came to. faults: what was wrong with each earlier try."""

    statement: Statement | None = None
    rows: Rows | None = None
    faults: tuple[str, ...] = ()


def propose(
    model: LanguageModel, question: str, catalog: Catalog, run: Run, repairs: int
) -> Proposal:
    """Asks for SQL that answers the question, and runs it."""
    messages = [
        Message.system(
            f"You write one {_NAMES[catalog.dialect]} SELECT statement that answers the question. "
            "Answer with SQL only."
        ),
        Message.user(f"{_schema(catalog)}\n\nQuestion: {question[:2000]}"),
    ]
    faults: list[str] = []
    for _ in range(repairs + 1):
        try:
            (made,) = model.generate([Request(tuple(messages), max_tokens=256)])
        except AgentkitError as error:
            return Proposal(faults=(*faults, f"the model failed: {error.message}"))
        if made.finish == "error":
            return Proposal(faults=(*faults, f"the model failed: {made.error}"))
        sql = extract(made.text)
        try:
            statement, rows = run(sql)
            return Proposal(statement, rows, tuple(faults))
        except TimedOut as error:
            return Proposal(faults=(*faults, str(error)))  # another try would take as long
        except (Refused, QueryError) as error:
            faults.append(str(error))
            messages += [
                Message.assistant(made.text[:4000]),
                Message.user(f"That failed: {error}. Answer with the corrected SQL only."),
            ]
    return Proposal(faults=tuple(faults))


def extract(text: str) -> str:
    """The statement in a model's answer: in a fence, or from the first SELECT or WITH on."""
    fenced = _FENCED.search(text)
    inside = fenced[1] if fenced else text
    found = _SELECT.search(inside)
    sql = found[0] if found else inside
    return sql.split("\n\n")[0].strip() if not fenced else sql.strip()


def _schema(catalog: Catalog) -> str:
    """Tables, columns and a few values each, cut to what fits a small context."""
    lines = []
    for table in catalog.tables:
        columns = []
        for column in table.columns:
            few = f" e.g. {', '.join(column.values[:3])}" if column.values else ""
            columns.append(f"{column.name} {column.kind}{few}")
        lines.append(f"Table {table.name}: {'; '.join(columns)}")
    lines += [
        f"{link.child.table}.{link.child.name} refers to {link.parent.table}.{link.parent.name}"
        for link in catalog.links
    ]
    return "\n".join(lines)[:_LONGEST_SCHEMA]
