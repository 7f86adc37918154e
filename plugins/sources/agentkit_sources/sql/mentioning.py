"""Rows whose prose holds the words of a question: for questions that name nothing in the schema."""

from __future__ import annotations

from agentkit_sources.sql.catalog import Catalog, Column, Table
from agentkit_sources.sql.engine import quoted
from agentkit_sources.words import words

_WORDS = 8  # of a question, the longest ones
_ROWS = 10
_SHARE = 0.5  # of those words that a row must hold
_MATCHES = "agentkit_matches"


def mentioning(question: str, catalog: Catalog) -> list[tuple[str, Table, list[str]]]:
    """(SELECT, table, words) for each table that has prose, the most holding rows first."""
    asked = sorted((w for w in words(question) if len(w) > 1), key=len, reverse=True)[:_WORDS]
    asked = [word for word in words(question) if word in asked]
    found = []
    for table in catalog.tables:
        prose = [c for c in table.columns if c.kind == "text" and not c.values]
        if prose and asked:
            found.append((_select(table, prose, asked), table, asked))
    return found


def _select(table: Table, prose: list[Column], asked: list[str]) -> str:
    name = ".".join(quoted(piece) for piece in table.name.split("."))
    text = " || ' ' || ".join(f"lower(coalesce({quoted(c.name)}, ''))" for c in prose)
    held = " + ".join(f"CASE WHEN {text} LIKE {_pattern(word)} THEN 1 ELSE 0 END" for word in asked)
    columns = ", ".join(quoted(c.name) for c in table.columns)
    least = max(1, round(_SHARE * len(asked)))
    return (
        f"SELECT {columns} FROM (SELECT {columns}, {held} AS {_MATCHES} FROM {name}) AS held "
        f"WHERE {_MATCHES} >= {least} ORDER BY {_MATCHES} DESC, {columns} LIMIT {_ROWS}"
    )


def _pattern(word: str) -> str:
    escaped = word.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return "'%" + escaped.replace("'", "''") + "%' ESCAPE '\\'"
