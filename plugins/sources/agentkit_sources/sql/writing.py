"""Intents to SQL of a dialect."""

from __future__ import annotations

from agentkit_sources.sql.catalog import Catalog, Column, Link
from agentkit_sources.sql.engine import quoted
from agentkit_sources.sql.intent import Filter, Intent, Measure
from agentkit_sources.sql.joining import path

_LONGEST_NAME = 63  # bytes of a name in PostgreSQL


def write(intent: Intent, catalog: Catalog) -> str:
    """A SELECT. Rows come in an order of their own, so that it is the same each time."""
    used = [*intent.group, *intent.show, *(f.column for f in intent.filters)]
    joins: list[Link] = []
    for column in used:
        for link in path(catalog, intent.table.name, column.table) or ():
            if link not in joins:
                joins.append(link)
    name = _Names(catalog, bool(joins))
    measure = _measure(intent.measure, name) if intent.measure else ""
    columns = [name(c) for c in intent.group or intent.show]
    if measure and intent.measure:
        columns.append(f"{measure} AS {quoted(_alias(intent, intent.measure))}")
    parts = [f"SELECT {', '.join(columns) or '*'}", f"FROM {name.table(intent.table.name)}"]
    parts += [
        f"JOIN {name.table(link.parent.table)} ON {name(link.parent)} = {name(link.child)}"
        for link in joins
    ]
    if intent.filters:
        parts.append("WHERE " + " AND ".join(_condition(f, name) for f in intent.filters))
    if intent.group:
        parts.append("GROUP BY " + ", ".join(name(c) for c in intent.group))
    if intent.having:
        parts.append(f"HAVING {measure} {intent.having[0]} {_value(intent.having[1])}")
    parts += _order(intent, measure, name)
    if intent.limit:
        parts.append(f"LIMIT {intent.limit}")
    return " ".join(parts)


def _alias(intent: Intent, measure: Measure) -> str:
    """What a number is, conditions included, so that its row can be read alone."""
    short = measure.label(intent.table.name)
    stated = [str(f) for f in intent.filters if f.operator != "is not null"]
    full = f"{short} where {' and '.join(stated)}" if stated else short
    return next((a for a in (full, short) if len(a.encode()) <= _LONGEST_NAME), measure.function)


class _Names:
    """Identifiers, with their table where there are several. Plain ones stand unquoted."""

    def __init__(self, catalog: Catalog, several: bool) -> None:
        self._catalog, self._several = catalog, several

    @property
    def dialect(self) -> str:
        return self._catalog.dialect

    def __call__(self, column: Column) -> str:
        own = self._quoted(column.name)
        return f"{self.table(column.table)}.{own}" if self._several else own

    def table(self, name: str) -> str:
        return ".".join(self._quoted(piece) for piece in name.split("."))

    @staticmethod
    def _quoted(name: str) -> str:
        plain = name.isascii() and name.isidentifier() and name == name.lower()
        return name if plain and name not in _RESERVED else quoted(name)


_RESERVED = frozenset(
    "all and any as asc between by case check collate column constraint create cross current_date "
    "current_time current_timestamp default desc distinct do else end except exists fetch for "
    "foreign from full grant group having in index inner insert intersect into is isnull join key "
    "left like limit natural not notnull null offset on or order outer primary references right "
    "select set some table then to transaction union unique update user using values view when "
    "where window with".split()
)


def _measure(measure: Measure, name: _Names) -> str:
    if measure.function == "share":
        wanted = " AND ".join(_condition(f, name) for f in measure.wanted)
        return f"avg(CASE WHEN {wanted} THEN 1.0 ELSE 0.0 END)"
    if measure.column is None:
        return "count(*)"
    distinct = "DISTINCT " if measure.distinct else ""
    return f"{measure.function}({distinct}{name(measure.column)})"


def _condition(condition: Filter, name: _Names) -> str:
    column = name(condition.column)
    if condition.part:
        if name.dialect == "postgres":
            column = f"extract({condition.part} FROM {column})"
        else:
            sign = {"year": "%Y", "month": "%m", "day": "%d"}[condition.part]
            column = f"CAST(strftime('{sign}', {column}) AS INTEGER)"
    if condition.operator in ("is null", "is not null"):
        return f"{column} {condition.operator.upper()}"
    return f"{column} {condition.operator} {_value(condition.value)}"


def _value(value: str | float | None) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return f"{value:.15g}" if value is not None else "NULL"


def _order(intent: Intent, measure: str, name: _Names) -> list[str]:
    keys = []
    if intent.order:
        ranked = measure or (name(intent.by) if intent.by else "")
        nulls = " NULLS LAST" if intent.order == "desc" or intent.by else ""
        keys.append(f"{ranked} {intent.order.upper()}{nulls}")
    keys += [name(c) for c in intent.group]
    return [f"ORDER BY {', '.join(keys)}"] if keys else []
