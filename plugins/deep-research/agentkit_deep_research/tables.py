"""Tables and charts of a report: made by rules from what is quoted, each cell with its citation.

A chart is a specification (which table, which columns, which mark), never a program: `charts`
draws it. What goes into one was read from a quote, and the row says from which.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agentkit_deep_research.facets import Facet
from agentkit_deep_research.values import asked_for, dates, value_of
from agentkit_deep_research.words import folded

Mark = Literal["bar", "line"]
MOST_ROWS = 40

_PAIR = re.compile(r"\s*([^:;]{1,60}): ([^;]*?)\s*(?:;|$)")
_ROW = re.compile(r"(?:[^:;\n]{1,60}: [^;\n]*)(?:; [^:;\n]{1,60}: [^;\n]*)*")


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a cell, and the number that it is cited by; 0: it is no claim."""

    text: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """rows: as many cells each as there are columns."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """What to draw of which table. table: its place in the report. x, y: names of columns."""

    title: str
    table: int
    mark: Mark
    x: str
    y: str


def is_row(text: str) -> bool:
    """Whether a line is a row of a query's result: "year: 2023; total: 24000"."""
    return _ROW.fullmatch(text.strip()) is not None


def rows_of(text: str) -> list[dict[str, str]]:
    """The rows in a quote, none where a line of it is no row."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines or not all(is_row(line) for line in lines):
        return []
    return [{folded(name): folded(value) for name, value in _PAIR.findall(line)} for line in lines]


def of_rows(title: str, quotes: Sequence[tuple[str, int]]) -> Table | None:
    """A table of the rows that were quoted, (text, citation) each; None for fewer than two."""
    rows: list[tuple[dict[str, str], int]] = []
    for text, number in quotes:
        rows += [(row, number) for row in rows_of(text)]
    if len(rows) < 2:
        return None  # the quote itself says it as well
    columns = tuple(rows[0][0])
    same = [(row, number) for row, number in rows if tuple(row) == columns][:MOST_ROWS]
    cells = tuple(tuple(Cell(row[c], number) for c in columns) for row, number in same)
    return Table(title, columns, cells)


def of_grid(
    facets: Sequence[Facet], answers: Mapping[int, tuple[str, int]], missing: str = "not found"
) -> Table | None:
    """What was compared, a row for each thing; None where nothing was.

    Args:
        answers: the sentence that answers a facet, by its index, and the number that cites it.
    """
    cells = {f.cell: n for n, f in enumerate(facets) if f.cell}
    things = list(dict.fromkeys(thing for thing, _ in cells))
    aspects = list(dict.fromkeys(aspect for _, aspect in cells))
    if len(things) < 2:
        return None
    rows = []
    for thing in things:
        row = [Cell(thing)]
        for aspect in aspects:
            index = cells.get((thing, aspect))
            said = answers.get(index) if index is not None else None
            if index is None or said is None:
                row.append(Cell(missing))
            else:
                value = value_of(asked_for(aspect) or "number", facets[index].query, said[0])
                row.append(Cell(value or f"see [{said[1]}]", said[1]))
        rows.append(tuple(row))
    return Table("Comparison", ("", *aspects), tuple(rows))


def charts(tables: Sequence[Table]) -> list[Chart]:
    """The charts that tables are good for: numbers of one column over the names of another."""
    made = []
    for place, table in enumerate(tables):
        numeric = [c for n, c in enumerate(table.columns) if n and _numeric(table, n)]
        for column in numeric[:2]:
            x = table.columns[0]
            times = all(_time(row[0].text) for row in table.rows)
            title = f"{column} by {x}" if x else column
            made.append(Chart(title, place, "line" if times else "bar", x, column))
    return made


def number(text: str) -> float | None:
    """A cell as a number, None where it is none."""
    bare = text.replace(",", "").strip()
    return float(bare) if re.fullmatch(r"-?\d+(?:\.\d+)?", bare) else None


def _numeric(table: Table, column: int) -> bool:
    values = [number(row[column].text) for row in table.rows]
    return len([v for v in values if v is not None]) >= 2


def _time(text: str) -> bool:
    return bool(dates(text)) and len(text) <= 20
