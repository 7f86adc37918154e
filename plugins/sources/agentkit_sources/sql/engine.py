"""What a database engine must do for us."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Protocol

from agentkit_sources.sql.rows import Rows
from agentkit_sources.sql.statements import Dialect, Statement


class QueryError(Exception):
    """The database could not run a query. Its text says why, in one line."""


class TimedOut(QueryError):
    """A query was stopped at its time limit."""


@dataclass(frozen=True, slots=True)
class RawTable:
    """A table or view as the engine describes it. columns: (name, declared type). unique: columns
    whose values are all different by declaration. references: (column, table, column)."""

    name: str
    columns: tuple[tuple[str, str], ...]
    unique: frozenset[str] = frozenset()
    references: tuple[tuple[str, str, str], ...] = ()


class Engine(Protocol):
    """A database opened for reading. Safe for threads."""

    dialect: Dialect
    uri: str

    def tables(self) -> list[RawTable]:
        """Tables and views that may be read.

        Raises:
            QueryError: the database cannot be read.
        """
        ...

    def version(self) -> str:
        """Another text when the data or the tables changed, as far as that is cheap to know."""
        ...

    def run(self, statement: Statement, rows: int, seconds: float) -> Rows:
        """At most `rows` rows of a checked statement.

        Raises:
            Refused: the engine's own guard said no.
            TimedOut: at the limit.
            QueryError: whatever else the database says.
        """
        ...

    def close(self) -> None: ...


def allowed(name: str, globs: tuple[str, ...]) -> bool:
    """Whether the settings let a table be read."""
    return not globs or any(fnmatchcase(name.lower(), glob.lower()) for glob in globs)


def quoted(name: str) -> str:
    """An identifier, safe to stand in a statement of either dialect."""
    return '"' + name.replace('"', '""') + '"'
