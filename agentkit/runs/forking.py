"""Copying the beginning of a run into a new one, within one transaction of the store."""

from __future__ import annotations

import json
import sqlite3
from typing import Any


def copy(db: sqlite3.Connection, old: str, new: str, step: int) -> set[str]:
    """Copies what is finished up to and including a top-level step: ledger rows with a result,
    their events, renumbered without gaps, artifacts, and the messages that were read.

    Open questions and calls without a result are left out; they are made again in the new run.

    Returns:
        The hashes of the artifacts' contents, which the new run needs too.
    """
    rows = db.execute("SELECT * FROM ledger WHERE run = ?", (old,)).fetchall()
    done = {
        (row["position"], row["call"]): row
        for row in rows
        if row["result"] is not None and _within(row["position"], step)
    }
    numbers = _copy_events(db, old, new, set(done))
    for row in done.values():
        _insert(db, "ledger", {**dict(row), "run": new, "seq": numbers[row["seq"]]})
    shas = set()
    for row in db.execute("SELECT * FROM artifacts WHERE run = ?", (old,)).fetchall():
        if row["seq"] in numbers.kept:
            shas.add(row["sha256"])
            _insert(db, "artifacts", {**dict(row), "run": new, "seq": numbers[row["seq"]]})
    read = [json.loads(row["result"])["ok"] for row in done.values() if row["kind"] == "inbox"]
    for one in (message["id"] for messages in read for message in messages):
        message = db.execute("SELECT * FROM inbox WHERE run = ? AND id = ?", (old, one)).fetchone()
        _insert(db, "inbox", {**dict(message), "run": new})
    return shas


class _Numbers(dict[int, int]):
    """Old event numbers to new ones; those between get the number of the last one kept."""

    def __init__(self) -> None:
        super().__init__({0: 0})
        self.kept: set[int] = set()


def _copy_events(
    db: sqlite3.Connection, old: str, new: str, done: set[tuple[str, int]]
) -> _Numbers:
    numbers, seq = _Numbers(), 0
    events = db.execute("SELECT * FROM events WHERE run = ? ORDER BY seq", (old,))
    for row in events.fetchall():
        if (row["position"], row["call"]) in done or row["kind"] == "run.created":
            seq += 1
            numbers.kept.add(row["seq"])
            _insert(db, "events", {**dict(row), "run": new, "seq": seq})
        numbers[row["seq"]] = seq
    return numbers


def _within(position: str, step: int) -> bool:
    return bool(position) and int(position.split(":")[0]) <= step


def _insert(db: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    marks = ", ".join("?" * len(row))
    db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))
