"""What one transaction may do to a run. All functions work inside a transaction of the caller."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import asdict
from typing import Any

from agentkit.errors import LeaseLost, UsageError
from agentkit.runs import rows
from agentkit.runs.events import VERSION, Event
from agentkit.runs.rows import dump
from agentkit.runs.store import (
    ENDED,
    Append,
    Attach,
    Change,
    Finish,
    Intend,
    Lease,
    NewRun,
    Reopen,
    SetBudget,
    SetGraph,
    SetStatus,
    TakeInbox,
    Wait,
)

DB = sqlite3.Connection


def row(db: DB, run: str) -> sqlite3.Row:
    """Raises UsageError where there is no such run."""
    found: sqlite3.Row | None = db.execute("SELECT * FROM runs WHERE id = ?", (run,)).fetchone()
    if found is None:
        raise UsageError(f"there is no run {run!r}", "`agentkit runs list` shows them")
    return found


def held(db: DB, lease: Lease) -> int:
    """The number of the last event of a run that is ours, 0 where there is none. Raises LeaseLost
    where somebody else took the run over, or deleted it."""
    found = db.execute(
        "SELECT epoch, (SELECT max(seq) FROM events WHERE run = id) FROM runs WHERE id = ?",
        (lease.run,),
    ).fetchone()
    if found is None or found[0] != lease.epoch:
        raise LeaseLost(f"another process took over run {lease.run}")
    return found[1] or 0


def last(db: DB, run: str) -> int:
    """The number of the last event, 0 where there is none."""
    found = db.execute("SELECT max(seq) FROM events WHERE run = ?", (run,)).fetchone()[0]
    return found or 0


def insert(
    db: DB, run: str, new: NewRun, parent: str | None = None, step: int | None = None
) -> None:
    """A new run, without events yet."""
    now = time.time()
    given = (dump(new.input), new.seed, dump(new.recipe), "{}", dump(asdict(new.budget)))
    db.execute(
        "INSERT INTO runs VALUES (?,?,?,?,?,?,?,?,?,?,?,?,'created','',NULL,'','',0,0)",
        (run, new.agent, new.task, *given, parent, step, now, now),
    )


def append(db: DB, run: str, new: Append, before: int | None = None) -> Event:
    """before: the number of the last event, where it is known."""
    seq, now = (last(db, run) if before is None else before) + 1, time.time()
    db.execute(
        "INSERT INTO events VALUES (?,?,?,?,?,?,?,?)",
        (run, seq, now, new.kind, new.position, new.index, VERSION, dump(new.data)),
    )
    return Event(run, seq, now, new.kind, new.position, new.data)


def apply(db: DB, run: str, change: Change, before: int) -> list[Event]:
    """Makes one change; returns the events that it made. before: the number of the last event."""
    match change:
        case Append():
            return [append(db, run, change, before)]
        case Intend():
            place = (run, change.position, change.index)
            what = (change.kind, change.effect, change.args, before)
            result = None if change.result is None else dump(change.result)
            db.execute(
                "INSERT INTO ledger VALUES (?,?,?,?,?,?,1,?,?) "
                "ON CONFLICT DO UPDATE SET tries = tries + 1, result = excluded.result",
                (*place, *what, result),
            )
        case Finish():
            finish(db, run, change.position, change.index, change.result)
        case Reopen():
            finish(db, run, change.position, change.index, None)
        case Attach():
            db.execute(
                "INSERT INTO artifacts VALUES (?,?,?,?,?,?)",
                (
                    run,
                    change.name,
                    before,
                    change.sha256,
                    change.media_type,
                    change.size,
                ),
            )
        case SetBudget():
            plain = dump(asdict(change.budget))
            db.execute("UPDATE runs SET budget = ? WHERE id = ?", (plain, run))
        case SetGraph():
            db.execute("UPDATE runs SET graph = ? WHERE id = ?", (dump(change.graph), run))
        case SetStatus():
            return set_status(db, run, change)
        case Wait():
            sql = "SELECT 1 FROM events WHERE run = ? AND seq > ? AND kind = 'question.answered'"
            if db.execute(sql, (run, change.since)).fetchone() is None:
                return set_status(db, run, SetStatus("waiting", change.note))
        case TakeInbox():
            return _take_inbox(db, run, change)
    return []


def finish(db: DB, run: str, position: str, index: int, result: Any) -> None:
    """A call's result; None opens the call again."""
    db.execute(
        "UPDATE ledger SET result = ? WHERE run = ? AND position = ? AND call = ?",
        (None if result is None else dump(result), run, position, index),
    )


def set_status(db: DB, run: str, to: SetStatus) -> list[Event]:
    """The status with its event. A run that ends marks what nobody read as late."""
    events = []
    if to.status in ENDED:
        late = _empty_inbox(db, run, "late")
        events = [append(db, run, Append("inbox.late", one)) for one in late]
    result = None if to.result is None else dump(to.result)
    db.execute(
        "UPDATE runs SET status = ?, note = ?, changed = ?, result = coalesce(?, result) "
        "WHERE id = ?",
        (to.status, to.note, time.time(), result, run),
    )
    data: dict[str, Any] = {"status": to.status, "note": to.note}
    if to.result is not None:
        data["result"] = to.result
    return [*events, append(db, run, Append("run.status", data))]


def _take_inbox(db: DB, run: str, take: TakeInbox) -> list[Event]:
    found = _empty_inbox(db, run, "handled")
    finish(db, run, take.position, take.index, {"ok": found})
    return [append(db, run, Append("inbox.read", one, take.position, take.index)) for one in found]


def _empty_inbox(db: DB, run: str, state: str) -> list[dict[str, Any]]:
    """The messages that wait, in order; from now on they are in that state."""
    waiting = db.execute(
        "SELECT * FROM inbox WHERE run = ? AND state = 'waiting' ORDER BY number", (run,)
    ).fetchall()
    db.execute("UPDATE inbox SET state = ? WHERE run = ? AND state = 'waiting'", (state, run))
    return [asdict(rows.directive(one)) for one in waiting]
