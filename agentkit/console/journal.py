"""The console's own book: who did what, and what was answered, so that nothing is done twice."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentkit.errors import StoreError
from agentkit.runs.opening import connect

SHOWN = 2000  # characters of the arguments that are kept

TABLE = """
CREATE TABLE IF NOT EXISTS acts (
    id     INTEGER PRIMARY KEY,
    client TEXT NOT NULL UNIQUE,   -- the client's own id of the command
    time   REAL NOT NULL,
    who    TEXT NOT NULL,
    role   TEXT NOT NULL,
    run    TEXT NOT NULL,
    kind   TEXT NOT NULL,
    args   TEXT NOT NULL,          -- JSON, cut
    status INTEGER NOT NULL,       -- 0: begun, and not known to be done
    answer TEXT NOT NULL           -- JSON
)
"""


@dataclass(frozen=True, slots=True)
class Known:
    """A command that came before. status 0: it was begun, and what came of it is not known."""

    run: str
    kind: str
    status: int
    answer: Any


class Journal:
    """One file beside the run store. Raises StoreError where it cannot be written."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = connect(path, "NORMAL")
            self._db.execute(TABLE)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"the console's journal {path} cannot be opened: {error}") from error

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def begin(
        self, client: str, who: str, role: str, run: str, kind: str, args: Mapping[str, Any]
    ) -> Known | None:
        """Notes that a command is begun; what is known of it, where it came before."""
        text = json.dumps(args, ensure_ascii=False)[:SHOWN]
        with self._lock:
            try:
                made = self._db.execute(
                    "INSERT OR IGNORE INTO acts (client, time, who, role, run, kind, args, status, "
                    "answer) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 'null')",
                    (client, time.time(), who, role, run, kind, text),
                )
                if made.rowcount == 1:
                    return None
                row = self._db.execute("SELECT * FROM acts WHERE client = ?", (client,)).fetchone()
            except sqlite3.Error as error:
                raise StoreError(f"the console's journal cannot be written: {error}") from error
        return Known(row["run"], row["kind"], row["status"], json.loads(row["answer"]))

    def end(self, client: str, status: int, answer: Any) -> None:
        """Notes what came of it."""
        with self._lock:
            self._db.execute(
                "UPDATE acts SET status = ?, answer = ? WHERE client = ?",
                (status, json.dumps(answer, ensure_ascii=False), client),
            )

    def refuse(self, client: str, status: int) -> None:
        """It was refused before anything was done: the same id may be tried again."""
        with self._lock:
            self._db.execute(
                "UPDATE acts SET status = ?, client = client || '/' || id WHERE client = ?",
                (status, client),
            )

    def entries(self, before: int, limit: int) -> list[dict[str, Any]]:
        """The newest first."""
        with self._lock:
            found = self._db.execute(
                "SELECT * FROM acts WHERE id < ? ORDER BY id DESC LIMIT ?", (before, limit)
            ).fetchall()
        return [
            {
                "id": row["id"],
                "time": row["time"],
                "who": row["who"],
                "role": row["role"],
                "run": row["run"],
                "kind": row["kind"],
                "args": row["args"],
                "status": row["status"],
            }
            for row in found
        ]
