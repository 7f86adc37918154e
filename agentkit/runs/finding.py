"""Looking over all runs of the store at once: search, the tree of forks, what has changed."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

LOOKED_IN = ("inbox.received", "todo.changed")  # kinds of events whose words are searched


@dataclass(frozen=True, slots=True)
class Head:
    """How far a run is, without its contents. seq: of its last event."""

    run: str
    seq: int
    status: str
    changed: float
    owner: str
    until: float
    parent: str | None = None


def search(
    db: sqlite3.Connection, text: str, agent: str, before: tuple[float, str] | None, limit: int
) -> list[sqlite3.Row]:
    """Rows of runs that hold the text in their task, input, result, messages or todo list, newest
    first, ASCII letters in either case. before: (created, id) of the last of a page before."""
    marks = ", ".join(f"?{6 + n}" for n in range(len(LOOKED_IN)))
    created, last = before or (1e18, "")
    return db.execute(
        "SELECT * FROM runs WHERE ?1 IN ('', agent) AND (created < ?2 OR (created = ?2 AND id < ?3)"
        ") AND (?4 = '%%' OR id LIKE ?4 ESCAPE '\\' OR agent LIKE ?4 ESCAPE '\\' "
        "OR task LIKE ?4 ESCAPE '\\' OR input LIKE ?4 ESCAPE '\\' OR result LIKE ?4 ESCAPE '\\' "
        "OR EXISTS (SELECT 1 FROM events e WHERE e.run = runs.id AND e.data LIKE ?4 ESCAPE '\\' "
        f"AND e.kind IN ({marks}))) ORDER BY created DESC, id DESC LIMIT ?5",
        (agent, created, last, pattern(text), limit, *LOOKED_IN),
    ).fetchall()


def pattern(text: str) -> str:
    """For LIKE: the text anywhere, none of its letters being a wildcard. Stored texts are JSON, in
    which quotes and backslashes are escaped."""
    plain = text.strip().replace("\\", "\\\\").replace('"', '\\"')
    escaped = "".join(f"\\{c}" if c in "\\%_" else c for c in plain)
    return f"%{escaped}%"


def heads(db: sqlite3.Connection, limit: int) -> list[Head]:
    """How far the newest runs are."""
    found = db.execute(
        "SELECT id, coalesce((SELECT max(seq) FROM events WHERE run = id), 0) AS seq, status, "
        "changed, owner, until, parent FROM runs ORDER BY created DESC LIMIT ?",
        (limit,),
    )
    return [Head(*row) for row in found.fetchall()]
