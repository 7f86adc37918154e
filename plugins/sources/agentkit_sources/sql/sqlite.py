"""SQLite, opened so that nothing can be written.

Four locks, each enough alone: the file is opened with mode=ro, query_only is set, an authorizer
lets nothing but reading pass, and no database can be attached. A progress handler ends what takes
too long, and a single function that never comes back to it is left with its connection; a length
limit keeps one value from filling the memory. Nothing is left beside the file either: one that
nobody writes to is read without the `-wal` and `-shm` that SQLite would make.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path
from urllib.parse import quote

from agentkit.errors import DataError
from agentkit_sources.sql.engine import QueryError, RawTable, TimedOut, allowed, quoted
from agentkit_sources.sql.rows import Rows
from agentkit_sources.sql.statements import Dialect, Refused, Statement

_LONGEST_VALUE = 10_000_000  # bytes
_STEPS = 2000  # of SQLite's machine between two looks at the clock
_SPARE = 0.5  # seconds beyond the limit after which a query is left, looks or no looks
_WAL = b"\x02\x02"  # bytes 18 and 19 of a file whose journal is a write-ahead log
_FUNCTIONS = frozenset("load_extension fts3_tokenizer readfile writefile edit".split())


class SqliteEngine:
    """A SQLite file. See `Engine`."""

    dialect: Dialect = "sqlite"

    def __init__(self, file: Path, tables: tuple[str, ...] = ()) -> None:
        self.file = file
        self.uri = file.as_uri()
        self._globs = tables
        self._lock = threading.Lock()
        self._deadline = 0.0
        self._denied = ""
        self._guarding = False
        self._readable: frozenset[str] = frozenset()
        self._db: sqlite3.Connection | None = None
        self._frozen = ""  # the version that is read as if nobody could write to it
        try:
            with self._lock:
                self._open()
        except QueryError as error:
            raise DataError(f"{file} cannot be read: {error}", "give a SQLite database") from error

    def tables(self) -> list[RawTable]:
        with self._lock:
            db = self._open()
            try:
                names = db.execute(
                    "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') "
                    "AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name"
                ).fetchall()
                shown = [name for (name,) in names if allowed(name, self._globs)]
                self._readable = frozenset(name.lower() for name in shown)
                return [table for name in shown if (table := self._table(db, name))]
            except sqlite3.Error as error:
                raise QueryError(_short(error)) from error

    def version(self) -> str:
        try:
            stats = [
                Path(f"{self.file}{end}").stat() for end in ("", "-wal") if _is(self.file, end)
            ]
        except OSError:
            return ""
        return " ".join(f"{stat.st_size} {stat.st_mtime_ns}" for stat in stats)

    def run(self, statement: Statement, rows: int, seconds: float) -> Rows:
        if self._globs and not self._readable:
            self.tables()
        with self._lock:
            db = self._open()
            frozen = self._frozen
            made = self._fetch(db, statement, rows, seconds)
            if frozen and self.version() != frozen:  # somebody wrote meanwhile
                made = self._fetch(self._open(), statement, rows, seconds)
        return made

    def close(self) -> None:
        with self._lock:
            self._forget()

    # -- inside -----------------------------------------------------------------------------------

    def _fetch(
        self, db: sqlite3.Connection, statement: Statement, rows: int, seconds: float
    ) -> Rows:
        self._deadline = time.monotonic() + seconds
        self._denied = ""
        self._guarding = True
        over, made = threading.Event(), list[Rows | Exception]()

        def work() -> None:
            try:
                cursor = db.execute(statement.sql)
                found = cursor.fetchmany(rows + 1)
                names = tuple(column[0] for column in cursor.description or ())
                cursor.close()
                made.append(Rows(names, tuple(map(tuple, found[:rows])), len(found) > rows))
            except Exception as error:  # told by the caller's own thread
                made.append(error)
            finally:
                over.set()

        threading.Thread(target=work, daemon=True, name="sqlite query").start()
        try:
            if not over.wait(seconds + _SPARE):
                db.interrupt()
                self._db = None  # it cannot be closed under the query that is left in it
                raise TimedOut(f"stopped after {seconds:g} s")
        finally:
            self._guarding = False
        (result,) = made
        if isinstance(result, Rows):
            return result
        if self._denied:
            raise Refused(self._denied) from result
        if "interrupted" in str(result):
            raise TimedOut(f"stopped after {seconds:g} s") from result
        raise QueryError(_short(result)) from result

    def _forget(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _open(self) -> sqlite3.Connection:
        if not self.file.is_file():
            raise QueryError("there is no such file")
        if self._frozen and self.version() != self._frozen:
            self._forget()
        if self._db is None:
            db = None
            self._frozen = self.version() if self._still() else ""
            try:
                db = sqlite3.connect(
                    f"file:{quote(str(self.file))}?mode=ro{'&immutable=1' if self._frozen else ''}",
                    uri=True,
                    isolation_level=None,
                    check_same_thread=False,
                )
                db.execute("PRAGMA query_only = ON")
                db.execute("PRAGMA trusted_schema = OFF")
                db.execute("SELECT count(*) FROM sqlite_master").fetchone()
            except sqlite3.Error as error:
                if db is not None:
                    db.close()
                raise QueryError(_short(error)) from error
            db.text_factory = lambda data: data.decode("utf-8", "replace")
            db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
            db.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            db.set_authorizer(self._authorize)
            db.set_progress_handler(self._late, _STEPS)
            self._db = db
        return self._db

    def _still(self) -> bool:
        """Whether the file has a write-ahead log and no writer: whoever has it open keeps one."""
        try:
            with self.file.open("rb") as opened:
                return opened.read(20)[18:20] == _WAL and not _is(self.file, "-wal")
        except OSError:
            return False

    def _late(self) -> bool:
        return self._guarding and time.monotonic() > self._deadline

    def _authorize(
        self, action: int, one: str | None, two: str | None, _: str | None, inside: str | None
    ) -> int:
        if not self._guarding:  # our own look at the tables
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_READ:
            table = (one or "").lower()
            through_view = (inside or "").lower() in self._readable
            if not self._globs or table in self._readable or through_view or not table:
                return sqlite3.SQLITE_OK
            self._denied = f"the table {one} is not among the `tables` that may be read"
        elif action == sqlite3.SQLITE_FUNCTION:
            if (two or "").lower() not in _FUNCTIONS:
                return sqlite3.SQLITE_OK
            self._denied = f"the function {two} is refused"
        elif action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE):
            return sqlite3.SQLITE_OK
        else:
            self._denied = "only reading is allowed"
        return sqlite3.SQLITE_DENY

    @staticmethod
    def _table(db: sqlite3.Connection, name: str) -> RawTable | None:
        try:
            info = db.execute(f"PRAGMA table_info({quoted(name)})").fetchall()
            keys = [row[1] for row in info if row[5]]
            unique = {keys[0]} if len(keys) == 1 else set()
            for row in db.execute(f"PRAGMA index_list({quoted(name)})").fetchall():
                parts = db.execute(f"PRAGMA index_info({quoted(row[1])})").fetchall()
                if row[2] and len(parts) == 1 and parts[0][2]:
                    unique.add(parts[0][2])
            references = [
                (row[3], row[2], row[4] or "")
                for row in db.execute(f"PRAGMA foreign_key_list({quoted(name)})").fetchall()
            ]
        except sqlite3.OperationalError:  # a view whose tables are gone
            return None
        columns = tuple((row[1], row[2] or "") for row in info)
        return RawTable(name, columns, frozenset(unique), tuple(references))


def _is(file: Path, end: str) -> bool:
    return Path(f"{file}{end}").exists()


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
