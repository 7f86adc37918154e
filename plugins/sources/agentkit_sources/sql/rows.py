"""Rows of a result, and the document that they make."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentkit_sources.blocks import clean


@dataclass(frozen=True, slots=True)
class Rows:
    """What a query gave. cut: there are more rows than were read."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    cut: bool = False

    def canonical(self, ordered: bool) -> Rows:
        """The same rows; in an order of our own where the query names none."""
        if ordered:
            return self
        key = [(tuple(_sort_key(v) for v in row), row) for row in self.rows]
        return Rows(
            self.columns, tuple(row for _, row in sorted(key, key=lambda k: k[0])), self.cut
        )

    @property
    def sha256(self) -> str:
        """Of columns and rows: two results are the same where this is."""
        plain = [self.columns, [[show(value, 10**9) for value in row] for row in self.rows]]
        return hashlib.sha256(json.dumps(plain, ensure_ascii=False).encode()).hexdigest()

    def lines(self, cell: int) -> list[str]:
        """One line a row, each of which can be read alone: "origin: JFK; flights: 111279"."""
        return [
            "; ".join(f"{name}: {show(value, cell)}" for name, value in zip(self.columns, row))
            for row in self.rows
        ]

    def count(self) -> str:
        """The number of rows, in words."""
        if self.cut:
            return f"the first {len(self.rows)} rows of more"
        return "1 row" if len(self.rows) == 1 else f"{len(self.rows)} rows"


def show(value: Any, most: int) -> str:
    """A value on one line, at most so many characters long."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(bytes(value))} bytes>"
    text = " ".join(clean(str(value)).split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def same(ours: Rows, gold: Rows) -> bool:
    """Whether some choice of our columns holds the rows of `gold` (in any order)."""
    if len(ours.rows) != len(gold.rows) or len(ours.columns) < len(gold.columns):
        return False
    wanted = sorted(tuple(_rounded(v) for v in row) for row in gold.rows)
    return any(
        sorted(tuple(_rounded(row[i]) for i in chosen) for row in ours.rows) == wanted
        for chosen in _choices(ours, gold)
    )


def _choices(ours: Rows, gold: Rows) -> Sequence[tuple[int, ...]]:
    """For each column of gold, a column of ours with the same values."""
    found: list[tuple[int, ...]] = [()]
    for column in range(len(gold.columns)):
        values = sorted(_rounded(row[column]) for row in gold.rows)
        fitting = [
            i
            for i in range(len(ours.columns))
            if sorted(_rounded(row[i]) for row in ours.rows) == values
        ]
        found = [(*chosen, i) for chosen in found for i in fitting if i not in chosen]
    return found


def _rounded(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return repr(value)
    try:
        return f"{float(value):.6g}"
    except (TypeError, ValueError):
        return str(value)


def _sort_key(value: Any) -> tuple[int, float, str]:
    if value is None:
        return (0, 0.0, "")
    if isinstance(value, int | float):
        return (1, float(value), "")
    return (2, 0.0, str(value))
