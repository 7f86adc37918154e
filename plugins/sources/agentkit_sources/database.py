"""The SQLite file behind an index: opened when needed, locked against other processes, thrown away
when damaged. It is a cache."""

from __future__ import annotations

import contextlib
import fcntl
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import IO, Any

from agentkit.capabilities import Cancel
from agentkit.errors import RunInterrupted

VERSION = 4  # of the schema, the readers and the chunks; another number is another file


class Damaged(Exception):
    """What is stored is not what was stored."""


class Database:
    """One connection, shared by the threads of this process under `lock`."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    def open(self) -> sqlite3.Connection:
        """The connection; the file is made where there is none. Hold `lock` while using it.

        Raises:
            sqlite3.DatabaseError: the file is no such database.
        """
        if self._connection is None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(
                self.file, timeout=60, isolation_level=None, check_same_thread=False
            )
            self._connection = db
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            if db.execute("PRAGMA user_version").fetchone()[0] != VERSION:
                schema = resources.files("agentkit_sources").joinpath("schema.sql").read_text()
                db.executescript(f"{schema}\nPRAGMA user_version = {VERSION};")
        return self._connection

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; but a RunInterrupted, raised between two whole steps, keeps what was
        done before it."""
        with self.lock:
            db = self.open()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException as error:
                if db.in_transaction:  # SQLite itself rolls back when the disk is full
                    db.execute("COMMIT" if isinstance(error, RunInterrupted) else "ROLLBACK")
                raise
            db.execute("COMMIT")

    @contextlib.contextmanager
    def exclusive(self, cancel: Cancel | None) -> Iterator[None]:
        """One process at a time updates; the others wait and then find the work done."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with open(f"{self.file}.lock", "a") as file:
            while not _locked(file):
                if cancel:
                    raise RunInterrupted("indexing was interrupted")
                time.sleep(0.05)
            yield

    def fact(self, name: str) -> str:
        """A fact about the index, "" where it is not known."""
        with self.lock:
            row = self.open().execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return row[0] if row else ""

    def note(self, name: str, value: str) -> None:
        """Sets a fact. Call it inside a transaction."""
        self.open().execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def throw_away(self) -> None:
        """Deletes the file; it is made anew when next opened."""
        with self.lock:
            self.close()
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self.file}{suffix}").unlink(missing_ok=True)

    def close(self) -> None:
        with self.lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


class Kept:
    """Something kept for passages, made by one model at a time: tokens or embeddings."""

    def __init__(self, database: Database, table: str) -> None:
        self._database, self._table = database, table

    def made_by(self, model: str) -> None:
        """Forgets what any other model made."""
        with self._database.lock:
            if self._database.fact(self._table) != model:
                with self._database.transaction() as db:
                    db.execute(f"DELETE FROM {self._table}")
                    self._database.note(self._table, model)

    def missing(self) -> list[int]:
        """Passages for which nothing is kept."""
        unkept = f"id NOT IN (SELECT chunk FROM {self._table})"
        return [row[0] for row in self._ask(f"SELECT id FROM chunks WHERE {unkept} ORDER BY id")]

    def all(self) -> list[tuple[int, bytes]]:
        """(passage, what is kept) in the order of passages."""
        return self._ask(f"SELECT chunk, data FROM {self._table} ORDER BY chunk")

    def of(self, ids: Sequence[int]) -> dict[int, bytes]:
        """What is kept for these passages."""
        marks = ",".join("?" * len(ids))
        return dict(
            self._ask(f"SELECT chunk, data FROM {self._table} WHERE chunk IN ({marks})", list(ids))
        )

    def put(self, rows: Iterable[tuple[int, bytes]]) -> None:
        """Keeps rows of passages that still exist: another process may have removed some."""
        with self._database.transaction() as db:
            db.executemany(
                f"INSERT OR REPLACE INTO {self._table} SELECT id, ?2 FROM chunks WHERE id = ?1",
                rows,
            )

    def _ask(self, sql: str, values: Sequence[int] = ()) -> list[Any]:
        with self._database.lock:
            return self._database.open().execute(sql, values).fetchall()


def damaged(error: BaseException) -> bool:
    """Whether an error says that the file is broken, rather than busy or the disk full."""
    if isinstance(error, sqlite3.OperationalError):
        return "no such table" in str(error) or "no such column" in str(error)
    return isinstance(error, sqlite3.DatabaseError | Damaged)


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
