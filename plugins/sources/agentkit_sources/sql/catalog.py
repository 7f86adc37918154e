"""What is in a database: tables, columns, how they hang together, and which words name what."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from agentkit_sources.sql.engine import Engine, QueryError, quoted
from agentkit_sources.sql.rows import Rows
from agentkit_sources.sql.statements import Dialect, Refused, read

Kind = Literal["integer", "number", "text", "date", "other"]
_PROFILE = 20.0  # seconds for looking at the values of a whole database
_ONE_LOOK = 2.0  # seconds for one column
_LONGEST_NAME = 80  # characters of a value that may be named in a question
_CONTAINED = 0.95  # of a column's values that must be found in another to refer to it
_GENERAL = frozenset("id name title type kind status description date year month day".split())
_WORD = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+|\w")


@dataclass(frozen=True, slots=True)
class Column:
    """A column. values: its different values, where it is text, has not too many, and none is
    longer than a name."""

    table: str
    name: str
    kind: Kind
    unique: bool = False
    values: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """The words of its name: dep_delay and depDelay are "dep delay"."""
        return words_of(self.name)


@dataclass(frozen=True, slots=True)
class Table:
    """A table or view. rows: how many, None where counting took too long."""

    name: str
    columns: tuple[Column, ...]
    rows: int | None

    @property
    def label(self) -> Column | None:
        """The column that a person would call a row by."""
        texts = [c for c in self.columns if c.kind == "text"]
        named = [c for c in texts if {"name", "title"} & set(c.words)]
        return named[0] if named else None

    def column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.name.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Link:
    """Values of `child` are those of the unique column `parent`."""

    child: Column
    parent: Column


@dataclass(frozen=True)
class Catalog:
    """All of a database that may be read."""

    dialect: Dialect
    tables: tuple[Table, ...]
    links: tuple[Link, ...]

    def table(self, name: str) -> Table:
        return next(t for t in self.tables if t.name == name)

    @property
    def columns(self) -> Iterator[Column]:
        for table in self.tables:
            yield from table.columns

    @cached_property
    def values(self) -> dict[tuple[str, ...], tuple[tuple[Column, str], ...]]:
        """Text values by their words in lower case."""
        found: dict[tuple[str, ...], list[tuple[Column, str]]] = {}
        for column in self.columns:
            for value in column.values:
                words = tuple(word.lower() for word in _WORD.findall(value))
                if words:
                    found.setdefault(words, []).append((column, value))
        return {words: tuple(places) for words, places in found.items()}


def words_of(name: str) -> tuple[str, ...]:
    """The words of an identifier, in lower case."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return tuple(word.lower() for word in _WORD.findall(apart.replace("_", " ")))


def look(engine: Engine, values: int) -> Catalog:
    """Reads a database's catalogue, and the values of its text columns.

    Raises:
        QueryError: the tables cannot be listed.
    """
    ends = time.monotonic() + _PROFILE
    raw = engine.tables()
    tables = []
    for one in raw:
        counted = _ask(engine, f"SELECT count(*) FROM {_table(one.name)}", 1, ends)
        rows = int(counted.rows[0][0]) if counted and counted.rows else None
        columns = []
        for name, declared in one.columns:
            kind = _kind(declared)
            known: tuple[str, ...] = ()
            unique = name in one.unique
            if kind in ("text", "other") and values:
                known = _values(engine, one.name, name, values, ends)
            if not unique and rows and kind in ("integer", "text"):
                unique = len(known) == rows or _unique(engine, one.name, name, rows, ends)
            kind = "text" if known and kind == "other" else kind
            columns.append(Column(one.name, name, kind, unique, known))
        tables.append(Table(one.name, tuple(columns), rows))
    by_name = {table.name.lower(): table for table in tables}
    links = []
    for one in raw:
        for column, other, target in one.references:
            child = by_name[one.name.lower()].column(column)
            there = by_name.get(other.lower())
            parent = _target(there, target) if there else None
            if child and parent:
                links.append(Link(child, parent))
    return Catalog(engine.dialect, tuple(tables), tuple(links) + tuple(_inferred(tables, links)))


def _target(table: Table, name: str) -> Column | None:
    """The column that a foreign key names; where it names none, the table's key."""
    return table.column(name) if name else next((c for c in table.columns if c.unique), None)


def _inferred(tables: list[Table], declared: list[Link]) -> Iterator[Link]:
    """Links that nobody declared: equal names, or values that are found in a unique column."""
    known = {link.child for link in declared}
    parents = [c for table in tables for c in table.columns if c.unique]
    for child in (c for table in tables for c in table.columns if c not in known and not c.unique):
        fitting = [p for p in parents if p.table != child.table and p.kind == child.kind]
        named = [p for p in fitting if p.name.lower() == child.name.lower() and _shared(child, p)]
        held = [p for p in fitting if not named and _held(child, p)]
        for parent in named[:1] or held[:1]:
            yield Link(child, parent)


def _shared(child: Column, parent: Column) -> bool:
    """Whether equal names mean the same thing: "name" and "id" are said of everything."""
    if child.values and parent.values:
        return bool(set(child.values) & set(parent.values))
    return not set(child.words) <= _GENERAL


def _held(child: Column, parent: Column) -> bool:
    if len(child.values) < 2 or not parent.values:
        return False
    inside = len(set(child.values) & set(parent.values))
    return inside >= _CONTAINED * len(child.values)


def _values(engine: Engine, table: str, name: str, most: int, ends: float) -> tuple[str, ...]:
    column = quoted(name)
    sql = f"SELECT DISTINCT {column} FROM {_table(table)} WHERE {column} IS NOT NULL"
    found = _ask(engine, sql, most, ends)
    if found is None or found.cut:
        return ()
    values = [row[0] for row in found.rows]
    if not all(isinstance(value, str) for value in values):
        return ()
    if any(len(value) > _LONGEST_NAME for value in values):
        return ()  # prose: nobody names it in a question
    return tuple(sorted(value for value in values if value.strip()))


def _unique(engine: Engine, table: str, name: str, rows: int, ends: float) -> bool:
    if rows > 200_000:
        return False
    sql = f"SELECT count(DISTINCT {quoted(name)}) FROM {_table(table)}"
    found = _ask(engine, sql, 1, ends)
    return found is not None and found.rows[0][0] == rows


def _ask(engine: Engine, sql: str, rows: int, ends: float) -> Rows | None:
    """A look that may fail: then less is known."""
    left = min(_ONE_LOOK, ends - time.monotonic())
    if left <= 0:
        return None
    try:
        return engine.run(read(sql, engine.dialect), rows, left)
    except (QueryError, Refused):
        return None


def _table(name: str) -> str:
    return ".".join(quoted(piece) for piece in name.split("."))


def _kind(declared: str) -> Kind:
    kind = declared.lower()
    if "interval" in kind or "[]" in kind:
        return "other"
    if "int" in kind or "serial" in kind:
        return "integer"
    if any(word in kind for word in ("real", "floa", "doub", "numeric", "decimal", "money")):
        return "number"
    if "date" in kind or kind.startswith("time"):
        return "date"
    if any(word in kind for word in ("char", "text", "clob", "enum", "citext")):
        return "text"
    return "other"
