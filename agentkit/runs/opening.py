"""Opening a run store's database: made, migrated, and kept aside where it is damaged."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agentkit.errors import StoreError

SCHEMA = 1
BUSY_SECONDS = 30.0
CHECKED = 32 << 20  # bytes; a larger file is checked page by page only once it looked damaged


def connect(path: Path, synchronous: str) -> sqlite3.Connection:
    """A connection in write-ahead mode. synchronous: "NORMAL" (safe against kill) or "FULL"
    (safe against a power cut)."""
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA synchronous = {synchronous}")
    except BaseException:
        db.close()
        raise
    return db


def open_store(path: Path, notices: list[str]) -> sqlite3.Connection:
    """The database at `path`. A damaged one is renamed, never overwritten, and a notice says so.

    Raises:
        StoreError: written by a newer agentkit.
        sqlite3.OperationalError: it is locked, or may not be read: that is no damage.
    """
    try:
        db = _sound(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        with _alone(path):
            try:
                db = _sound(path)  # another process may have put a new one there meanwhile
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError as error:
                aside = _set_aside(path)
                notices.append(f"the run store was damaged ({error}); it is kept as {aside}")
                db = _sound(path)
    return db


def suspect(path: Path) -> None:
    """Notes that a page did not read well: the next opening checks all of them."""
    _mark(path).touch()


def _mark(path: Path) -> Path:
    return path.with_suffix(".suspect")


def _sound(path: Path) -> sqlite3.Connection:
    db = connect(path, "NORMAL")
    try:
        if path.stat().st_size <= CHECKED or _mark(path).exists():
            if db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("its pages do not fit together")
            _mark(path).unlink(missing_ok=True)
        _migrate(db, path)
    except BaseException:
        db.close()
        raise
    return db


def _set_aside(path: Path) -> Path:
    aside = path.with_name(f"runs.damaged-{time.time_ns()}.db")
    for suffix in ("-wal", "-shm", ""):
        part = Path(f"{path}{suffix}")
        if part.exists():
            os.replace(part, f"{aside}{suffix}")
    _mark(path).unlink(missing_ok=True)
    return aside


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time looks after a damaged store."""
    try:
        import fcntl
    except ImportError:  # no POSIX
        yield
        return
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    if db.execute("PRAGMA user_version").fetchone()[0] == SCHEMA:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        have = db.execute("PRAGMA user_version").fetchone()[0]
        if have > SCHEMA:
            raise StoreError(
                f"{path} was written by a newer agentkit (schema {have}, known {SCHEMA})",
                "upgrade agentkit, or set AGENTKIT_DATA to another folder",
            )
        text = (Path(__file__).parent / "schema.sql").read_text()
        for version in range(have + 1, SCHEMA + 1):
            section = text.split(f"-- version {version}\n")[1].split("-- version ")[0]
            bare = "\n".join(line.split("--")[0] for line in section.splitlines())
            for statement in filter(str.strip, bare.split(";")):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {version}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
