"""An app's own database: SQLite in memory, seen by adb as a file."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from agentkit_android.screen.acts import Value, clean

OWN = """
CREATE TABLE preferences (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
HEADER = b"SQLite format 3\0"
MAX_STEPS = 400
"""Of 10,000 instructions each, after which a statement from outside is stopped."""
MAX_BYTES = 64 << 20
REFUSED = {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH}
PRAGMAS = {"table_info", "table_xinfo", "table_list", "index_list", "user_version", "quick_check"}


@dataclass(frozen=True, slots=True)
class Table:
    """What a statement gave: names of columns, and rows."""

    names: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


class Database:
    """Args:
    schema: the CREATE statements of the app; a table `preferences` is always there.
    """

    def __init__(self, schema: str = "", content: bytes | None = None) -> None:
        self._connection = _connect()
        if content is None:
            self._connection.executescript(OWN + schema)
        else:
            self._connection.deserialize(content)

    def rows(self, sql: str, params: Sequence[Value] = ()) -> list[sqlite3.Row]:
        """Of a question, which changes nothing."""
        self._connection.execute("PRAGMA query_only = 1")
        try:
            return self._connection.execute(sql, params).fetchall()
        finally:
            self._connection.execute("PRAGMA query_only = 0")

    def execute(self, sql: str, params: Sequence[Value] = ()) -> int:
        """A change; the number of the row that an INSERT made, or how many rows it touched."""
        cursor = self._connection.execute(sql, params)
        inserted = sql.lstrip()[:6].upper() == "INSERT"
        return int((cursor.lastrowid or 0) if inserted else cursor.rowcount)

    def begin(self) -> None:
        self._connection.execute("SAVEPOINT turn")

    def keep(self) -> None:
        self._connection.execute("RELEASE turn")

    def undo(self) -> None:
        self._connection.execute("ROLLBACK TO turn")
        self._connection.execute("RELEASE turn")

    def content(self) -> bytes:
        """The bytes of the database file."""
        return self._connection.serialize()

    def restore(self, content: bytes) -> None:
        """Becomes the database of these bytes.

        Raises:
            ValueError: they are none.
        """
        if not content.startswith(HEADER) or len(content) > MAX_BYTES:
            raise ValueError("it is no database")
        made = _connect()
        try:
            made.deserialize(content)
            if made.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise ValueError("the database is damaged")
        except sqlite3.Error as error:
            raise ValueError(str(error)) from None
        self._adopt(made)

    def load(self, content: bytes) -> None:
        """restore of bytes that this phone made itself: unchecked, and fast."""
        self._connection.deserialize(content)

    def digest(self) -> str:
        """Of all tables, whatever the pages look like."""
        told = hashlib.sha256()
        tables = self.rows("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        for (name,) in tables:
            told.update(f"\0{name}".encode())
            for row in self.rows(f'SELECT rowid, * FROM "{name}" ORDER BY rowid'):
                told.update(repr(tuple(row)).encode())
        return told.hexdigest()

    def outside(self, sql: str, params: Sequence[Value] = ()) -> Table:
        """Runs statements that come from outside (adb), on a copy that replaces the database only
        where they succeed; no other file can be reached, and none runs for long.

        Raises:
            sqlite3.Error: what SQLite says of them.
        """
        made = _connect()
        made.deserialize(self.content())
        before = made.total_changes, made.execute("PRAGMA schema_version").fetchone()[0]
        made.set_authorizer(_allowed)
        steps = iter(range(MAX_STEPS))
        made.set_progress_handler(lambda: int(next(steps, None) is None), 10_000)
        made.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_BYTES)
        names: tuple[str, ...] = ()
        rows: list[tuple[object, ...]] = []
        for statement in _statements(clean(sql)):
            cursor = made.execute(statement, params)
            if cursor.description:
                names = tuple(d[0] for d in cursor.description)
                rows += [tuple(r) for r in cursor.fetchmany(100_000)]
        made.set_progress_handler(None, 0)
        made.set_authorizer(None)
        if made.in_transaction:
            made.execute("ROLLBACK")
        after = made.total_changes, made.execute("PRAGMA schema_version").fetchone()[0]
        if after != before:
            self._adopt(made)
        return Table(names, tuple(rows))

    def _adopt(self, made: sqlite3.Connection) -> None:
        # Into the connection that is there: whoever holds this database keeps on holding it.
        self._connection.deserialize(made.serialize())
        made.close()

    def close(self) -> None:
        self._connection.close()


def _connect() -> sqlite3.Connection:
    made = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    made.row_factory = sqlite3.Row
    return made


def _allowed(action: int, first: str | None, *_: str | None) -> int:
    if action in REFUSED or (action == sqlite3.SQLITE_PRAGMA and first not in PRAGMAS):
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and "load_extension" in _:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _statements(sql: str) -> list[str]:
    """The statements of a text; `;` in quotes and triggers parts nothing."""
    found, now = [], ""
    for piece in sql.split(";"):
        now += piece + ";"
        if sqlite3.complete_statement(now):
            found.append(now)
            now = ""
    rest = now.strip("; \n\t")
    return [s for s in [*found, rest] if s.strip("; \n\t")]
