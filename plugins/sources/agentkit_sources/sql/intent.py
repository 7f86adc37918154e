"""What a question asks of a database, before it is SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agentkit_sources.sql.catalog import Column, Table

Function = Literal["count", "sum", "avg", "min", "max", "share"]
Order = Literal["", "asc", "desc"]
Operator = Literal["=", "<", "<=", ">", ">=", "is null", "is not null"]


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on a column. part: "year", "month" or "day" of a date, else the value itself."""

    column: Column
    operator: Operator
    value: str | float | None = None
    part: str = ""

    def __str__(self) -> str:
        what = f"{self.part} of {self.column.name}" if self.part else self.column.name
        return f"{what} {self.operator} {shown(self.value)}".rstrip()


@dataclass(frozen=True, slots=True)
class Measure:
    """count(*) where there is no column. wanted: for "share", what the counted rows are like."""

    function: Function
    column: Column | None = None
    distinct: bool = False
    wanted: tuple[Filter, ...] = ()

    def label(self, table: str) -> str:
        """What the number is, in words."""
        if self.function == "share":
            return f"share of {table} with {' and '.join(map(str, self.wanted))}"
        if self.column is None:
            return f"number of {table}"
        name = self.column.name
        if self.function == "count":
            return f"number of different {name}" if self.distinct else f"number of {name}"
        words = {"sum": "total", "avg": "average", "min": "least", "max": "greatest"}
        return f"{words[self.function]} {name}"


@dataclass(frozen=True, slots=True)
class Intent:
    """One reading of a question.

    measure: None shows rows. group: one row for each of these. having: a condition on the measure.
    order: by the measure, or where there is none by `by`. unused: words of the question that this
    reading makes no use of.
    """

    table: Table
    measure: Measure | None = None
    filters: tuple[Filter, ...] = ()
    group: tuple[Column, ...] = ()
    show: tuple[Column, ...] = ()
    having: tuple[Operator, float] | None = None
    order: Order = ""
    by: Column | None = None
    limit: int | None = None
    unused: tuple[str, ...] = ()

    def label(self) -> str:
        """The reading in words: a title for its rows."""
        if self.measure:
            text = self.measure.label(self.table.name)
        else:
            text = ", ".join(c.name for c in self.show) or self.table.name
        if self.filters:
            text += " where " + " and ".join(map(str, self.filters))
        if self.group:
            text += " by " + ", ".join(c.name for c in self.group)
        if self.having:
            text += f", {self.having[0]} {shown(self.having[1])}"
        if self.order:
            text += f", {'greatest' if self.order == 'desc' else 'least'} first"
        return text


def shown(value: str | float | None) -> str:
    """A value as it stands in a label."""
    if isinstance(value, float):
        return f"{value:.10g}"
    return "" if value is None else str(value)
