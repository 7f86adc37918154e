"""The run store on SQLite: one file, write-ahead log, every change one immediate transaction."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from agentkit.capabilities.agent import Directive, Question
from agentkit.errors import LeaseLost, StoreError, UsageError
from agentkit.files import write_atomic
from agentkit.runs import forking
from agentkit.runs import lease as leases
from agentkit.runs.events import VERSION, Event
from agentkit.runs.opening import connect, open_store, suspect
from agentkit.runs.store import (
    ENDED,
    Append,
    Attach,
    Budget,
    Call,
    Change,
    Finish,
    Intend,
    Lease,
    Message,
    NewRun,
    OpenQuestion,
    Reopen,
    RunRow,
    SetBudget,
    SetGraph,
    SetStatus,
    TakeInbox,
)


def dump(value: Any) -> str:
    """JSON, the same text for the same value."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


class SqliteRunStore:
    """A `RunStore` in `folder`: runs.db, and blobs by their hash beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "runs.db"
        self.notices: list[str] = []
        self._lock = threading.RLock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = open_store(self.path, self.notices)
            self._durable = connect(self.path, "FULL")
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"the run store {self.path} cannot be opened: {error}") from error

    def close(self) -> None:
        with self._lock:
            self._db.close()
            self._durable.close()

    # -- transactions -----------------------------------------------------------------------------

    @contextmanager
    def _change(self, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """One immediate transaction: a read that is then written upon must lock first."""
        with self._lock:
            db = self._durable if durable else self._db
            try:
                db.execute("BEGIN IMMEDIATE")
                try:
                    yield db
                    db.execute("COMMIT")
                except BaseException:
                    if db.in_transaction:
                        db.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise self._fault("written", error) from error

    def _fault(self, what: str, error: sqlite3.Error) -> StoreError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        hints = {
            sqlite3.SQLITE_FULL: "free some disk, then `agentkit runs resume`",
            sqlite3.SQLITE_BUSY: "another process holds it; try again",
            sqlite3.SQLITE_READONLY: "make it writable, or set host.store to another folder",
        }
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            suspect(self.path)
            hints[code] = "the next command keeps the damaged file aside and starts a new one"
        hint = hints.get(code, "nothing stored was lost")
        return StoreError(f"the run store {self.path} cannot be {what}: {error}", hint)

    def _rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            try:
                return self._db.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise self._fault("read", error) from error

    # -- reading ----------------------------------------------------------------------------------

    def get(self, run: str) -> RunRow:
        found = self._rows(
            "SELECT * FROM runs WHERE id = ?1 OR substr(id, 1, length(?1)) = ?1", run
        )
        exact = [r for r in found if r["id"] == run] or found
        if len(exact) != 1 or not run:
            many = "several runs" if len(exact) > 1 else "no run"
            raise UsageError(f"{many} with the id {run!r}", "`agentkit runs list` shows them")
        return _run(exact[0])

    def runs(self, limit: int = 50, agent: str = "") -> list[RunRow]:
        rows = self._rows(
            "SELECT * FROM runs WHERE ?1 IN ('', agent) ORDER BY created DESC, id LIMIT ?2",
            agent,
            limit,
        )
        return [_run(row) for row in rows]

    def tail(
        self, run: str, after: int = 0, kinds: Sequence[str] = (), upto: int | None = None
    ) -> list[Event]:
        chosen = f"AND kind IN ({', '.join('?' * len(kinds))})" if kinds else ""
        rows = self._rows(
            f"SELECT * FROM events WHERE run = ? AND seq > ? AND seq <= ? {chosen} ORDER BY seq",
            run,
            after,
            2**62 if upto is None else upto,
            *kinds,
        )
        return [_event(row) for row in rows]

    def last(self, run: str) -> int:
        return int(
            self._rows("SELECT max(seq) AS seq FROM events WHERE run = ?", run)[0]["seq"] or 0
        )

    def own(self, run: str, position: str, after: int, before: int) -> list[Event]:
        rows = self._rows(
            "SELECT * FROM events WHERE run = ? AND position = ? AND seq > ? AND call < ? "
            "ORDER BY seq",
            run,
            position,
            after,
            before,
        )
        return [_event(row) for row in rows]

    def calls(self, run: str, position: str) -> dict[int, Call]:
        rows = self._rows("SELECT * FROM ledger WHERE run = ? AND position = ?", run, position)
        return {row["call"]: _call(row) for row in rows}

    def ledger(self, run: str) -> list[Call]:
        rows = self._rows("SELECT * FROM ledger WHERE run = ? ORDER BY position, call", run)
        return [_call(row) for row in rows]

    def questions(self, run: str) -> list[OpenQuestion]:
        rows = self._rows(
            "SELECT e.* FROM events e JOIN ledger l ON l.run = e.run AND l.position = e.position "
            "AND l.call = e.call WHERE e.run = ? AND e.kind = 'question.asked' "
            "AND l.result IS NULL ORDER BY e.seq",
            run,
        )
        return [
            OpenQuestion(r["seq"], r["position"], r["call"], question(json.loads(r["data"])))
            for r in rows
        ]

    def messages(self, run: str) -> list[Message]:
        rows = self._rows("SELECT * FROM inbox WHERE run = ? ORDER BY number", run)
        return [Message(_directive(row), row["sent"], row["state"]) for row in rows]

    def artifacts(self, run: str) -> list[Mapping[str, Any]]:
        return [
            dict(r) for r in self._rows("SELECT * FROM artifacts WHERE run = ? ORDER BY seq", run)
        ]

    # -- what anyone may do to a run --------------------------------------------------------------

    def create(self, new: NewRun) -> RunRow:
        run, now = _new_id(), time.time()
        with self._change() as db:
            self._insert(db, run, new, now)
            self._append(db, run, Append("run.created", {"agent": new.agent, "task": new.task}))
        return self.get(run)

    @staticmethod
    def _insert(
        db: sqlite3.Connection,
        run: str,
        new: NewRun,
        now: float,
        parent: str | None = None,
        step: int | None = None,
    ) -> None:
        db.execute(
            "INSERT INTO runs VALUES (?,?,?,?,?,?,?,?,?,?,?,?,'created','',NULL,'','',0,0)",
            (
                run,
                new.agent,
                new.task,
                dump(new.input),
                new.seed,
                dump(new.recipe),
                "{}",
                dump(asdict(new.budget)),
                parent,
                step,
                now,
                now,
            ),
        )

    def send(self, run: str, text: str, *, author: str = "user", **data: Any) -> Directive:
        with self._change(durable=True) as db:
            status = self._status(db, run)
            if status in ENDED:
                raise UsageError(
                    f"run {run} is {status}: nobody would read the message", "start another run"
                )
            sql = "SELECT coalesce(max(number), 0) + 1 FROM inbox WHERE run = ?"
            number = db.execute(sql, (run,)).fetchone()[0]
            made = Directive(f"m{number}", text, author, data)
            db.execute(
                "INSERT INTO inbox VALUES (?,?,?,?,?,?,?,'waiting')",
                (run, made.id, number, author, text, dump(data), time.time()),
            )
            self._append(db, run, Append("inbox.received", asdict(made)))
        return made

    def answer(self, run: str, answer: str, number: int | None = None) -> OpenQuestion:
        with self._change(durable=True) as db:
            if self._status(db, run) in ENDED:
                raise UsageError(f"run {run} has ended: nobody waits for an answer")
            still_open = self.questions(run)
            chosen = [q for q in still_open if number in (None, q.number)]
            if len(chosen) != 1:
                numbers = ", ".join(str(q.number) for q in still_open) or "none"
                raise UsageError(
                    f"run {run} has no such open question (open: {numbers})",
                    "name one by its number, or see `agentkit runs show`",
                )
            one = chosen[0]
            if one.question.options and answer not in one.question.options:
                raise UsageError(
                    f"{answer!r} is no answer to {one.question.text!r}",
                    f"one of: {', '.join(one.question.options)}",
                )
            db.execute(
                "UPDATE ledger SET result = ? WHERE run = ? AND position = ? AND call = ?",
                (dump({"ok": answer}), run, one.position, one.index),
            )
            data = {"number": one.number, "answer": answer}
            self._append(db, run, Append("question.answered", data, one.position, one.index))
        return one

    def request(self, run: str, control: Literal["pause", "cancel"]) -> None:
        with self._change() as db:
            row = self._row(db, run)
            if row["status"] in ENDED:
                raise UsageError(f"run {run} is {row['status']} already")
            if leases.lapsed(row["owner"], row["until"]):
                if control == "pause" and row["status"] not in ("created", "running"):
                    raise UsageError(f"run {run} is not at work: it is {row['status']}")
                status = SetStatus("cancelled" if control == "cancel" else "paused", "by request")
                self._set_status(db, run, status)
            else:
                db.execute("UPDATE runs SET control = ? WHERE id = ?", (control, run))

    def fork(self, run: str, step: int) -> RunRow:
        if step < 0:
            raise UsageError(f"there is no step {step}", "0 is before the first node")
        old, made = self.get(run), _new_id()
        with self._change() as db:
            new = NewRun(old.agent, old.task, old.input, old.seed, old.recipe, old.budget)
            self._insert(db, made, new, time.time(), old.id, step)
            for sha in forking.copy(db, old.id, made, step):
                self.put_blob(made, self.blob(old.id, sha))
            self._append(db, made, Append("run.forked", {"parent": old.id, "step": step}))
        return self.get(made)

    def delete(self, run: str) -> None:
        with self._change() as db:
            row = self._row(db, run)
            if not leases.lapsed(row["owner"], row["until"]):
                raise UsageError(f"run {run} is being driven", "pause it first")
            for table in ("events", "ledger", "inbox", "artifacts"):
                db.execute(f"DELETE FROM {table} WHERE run = ?", (run,))
            db.execute("DELETE FROM runs WHERE id = ?", (run,))
        self.drop_checkpoint(run)
        for kind in ("blobs", "artifacts"):
            shutil.rmtree(self.folder / kind / run, ignore_errors=True)

    # -- what only its owner may do ---------------------------------------------------------------

    def take(self, run: str, ttl: float) -> Lease:
        me = leases.owner()
        with self._change() as db:
            row = self._row(db, run)
            if not leases.lapsed(row["owner"], row["until"]):
                raise StoreError(
                    f"run {run} is being driven by another process",
                    "watch it: agentkit runs tail; stop it: agentkit runs pause",
                )
            clean = not row["owner"] or not leases.rebooted(row["owner"])
            db.execute(
                "UPDATE runs SET owner = ?, epoch = epoch + 1, until = ?, control = '' "
                "WHERE id = ?",
                (me, time.time() + ttl, run),
            )
        return Lease(run, me, row["epoch"] + 1, clean)

    def renew(self, lease: Lease, ttl: float) -> None:
        with self._change() as db:
            self._held(db, lease)
            db.execute("UPDATE runs SET until = ? WHERE id = ?", (time.time() + ttl, lease.run))

    def wanted(self, lease: Lease) -> str:
        found = self._rows("SELECT epoch, control FROM runs WHERE id = ?", lease.run)
        if not found or found[0]["epoch"] != lease.epoch:
            raise LeaseLost(f"another process took over run {lease.run}")
        return str(found[0]["control"])

    def release(self, lease: Lease) -> None:
        with self._change() as db:
            db.execute(
                "UPDATE runs SET owner = '', until = 0 WHERE id = ? AND epoch = ?",
                (lease.run, lease.epoch),
            )

    def write(self, lease: Lease, *changes: Change, durable: bool = False) -> list[Event]:
        events: list[Event] = []
        with self._change(durable) as db:
            self._held(db, lease)
            for change in changes:
                events += self._apply(db, lease.run, change)
        return events

    def _apply(self, db: sqlite3.Connection, run: str, change: Change) -> list[Event]:
        match change:
            case Append():
                return [self._append(db, run, change)]
            case Intend():
                db.execute(
                    "INSERT INTO ledger VALUES (?,?,?,?,?,?,1,?,NULL) "
                    "ON CONFLICT DO UPDATE SET tries = tries + 1",
                    (
                        run,
                        change.position,
                        change.index,
                        change.kind,
                        change.effect,
                        change.args,
                        _last(db, run),
                    ),
                )
            case Finish():
                db.execute(
                    "UPDATE ledger SET result = ? WHERE run = ? AND position = ? AND call = ?",
                    (dump(change.result), run, change.position, change.index),
                )
            case Attach():
                db.execute(
                    "INSERT INTO artifacts VALUES (?,?,?,?,?,?)",
                    (
                        run,
                        change.name,
                        _last(db, run),
                        change.sha256,
                        change.media_type,
                        change.size,
                    ),
                )
            case Reopen():
                db.execute(
                    "UPDATE ledger SET result = NULL WHERE run = ? AND position = ? AND call = ?",
                    (run, change.position, change.index),
                )
            case SetBudget():
                plain = dump(asdict(change.budget))
                db.execute("UPDATE runs SET budget = ? WHERE id = ?", (plain, run))
            case SetGraph():
                db.execute("UPDATE runs SET graph = ? WHERE id = ?", (dump(change.graph), run))
            case SetStatus():
                return self._set_status(db, run, change)
            case TakeInbox():
                return self._take_inbox(db, run, change)
        return []

    def _take_inbox(self, db: sqlite3.Connection, run: str, take: TakeInbox) -> list[Event]:
        rows = db.execute(
            "SELECT * FROM inbox WHERE run = ? AND state = 'waiting' ORDER BY number", (run,)
        ).fetchall()
        found = [asdict(_directive(row)) for row in rows]
        db.execute("UPDATE inbox SET state = 'handled' WHERE run = ? AND state = 'waiting'", (run,))
        db.execute(
            "UPDATE ledger SET result = ? WHERE run = ? AND position = ? AND call = ?",
            (dump({"ok": found}), run, take.position, take.index),
        )
        return [
            self._append(db, run, Append("inbox.read", one, take.position, take.index))
            for one in found
        ]

    def _set_status(self, db: sqlite3.Connection, run: str, to: SetStatus) -> list[Event]:
        events = []
        if to.status in ENDED:
            late = db.execute(
                "SELECT * FROM inbox WHERE run = ? AND state = 'waiting' ORDER BY number", (run,)
            ).fetchall()
            for row in late:
                events.append(self._append(db, run, Append("inbox.late", asdict(_directive(row)))))
            db.execute(
                "UPDATE inbox SET state = 'late' WHERE run = ? AND state = 'waiting'", (run,)
            )
        db.execute(
            "UPDATE runs SET status = ?, note = ?, changed = ?, "
            "result = coalesce(?, result) WHERE id = ?",
            (to.status, to.note, time.time(), None if to.result is None else dump(to.result), run),
        )
        data: dict[str, Any] = {"status": to.status, "note": to.note}
        if to.result is not None:
            data["result"] = to.result
        return [*events, self._append(db, run, Append("run.status", data))]

    # -- inside a transaction ---------------------------------------------------------------------

    @staticmethod
    def _append(db: sqlite3.Connection, run: str, append: Append) -> Event:
        seq, now = _last(db, run) + 1, time.time()
        db.execute(
            "INSERT INTO events VALUES (?,?,?,?,?,?,?,?)",
            (run, seq, now, append.kind, append.position, append.index, VERSION, dump(append.data)),
        )
        return Event(run, seq, now, append.kind, append.position, append.data)

    @staticmethod
    def _row(db: sqlite3.Connection, run: str) -> sqlite3.Row:
        row: sqlite3.Row | None = db.execute("SELECT * FROM runs WHERE id = ?", (run,)).fetchone()
        if row is None:
            raise UsageError(f"there is no run {run!r}", "`agentkit runs list` shows them")
        return row

    def _status(self, db: sqlite3.Connection, run: str) -> str:
        return str(self._row(db, run)["status"])

    def _held(self, db: sqlite3.Connection, lease: Lease) -> sqlite3.Row:
        row = self._row(db, lease.run)
        if row["epoch"] != lease.epoch:
            raise LeaseLost(f"another process took over run {lease.run}")
        return row

    # -- contents ---------------------------------------------------------------------------------

    def put_blob(self, run: str, content: bytes) -> str:
        sha = hashlib.sha256(content).hexdigest()
        path = self.folder / "blobs" / run / sha
        if not path.exists():
            self._put(path, content)
        return sha

    def blob(self, run: str, sha256: str) -> bytes:
        try:
            return (self.folder / "blobs" / run / sha256).read_bytes()
        except OSError as error:
            raise StoreError(f"the artifact {sha256[:12]} is gone: {error}") from error

    @staticmethod
    def _put(path: Path, content: bytes) -> None:
        try:
            write_atomic(path, content)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error}", "free some disk") from error

    def artifact(self, run: str, name: str) -> Path:
        found = [a for a in self.artifacts(run) if a["name"] == name]
        if not found:
            known = ", ".join(sorted({a["name"] for a in self.artifacts(run)})) or "none"
            raise UsageError(f"run {run} has no artifact {name!r}", f"it has: {known}")
        path = self.folder / "artifacts" / run / name
        content = self.blob(run, found[-1]["sha256"])
        if not path.exists() or path.read_bytes() != content:
            self._put(path, content)
        return path

    def checkpoint(self, run: str) -> Path:
        return self.folder / "checkpoints" / f"{run}.db"

    def drop_checkpoint(self, run: str) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.checkpoint(run)}{suffix}").unlink(missing_ok=True)


def question(data: Mapping[str, Any]) -> Question:
    """A question from its event."""
    return Question(
        data["text"], tuple(data["options"]), data["kind"], data["default"], data["data"]
    )


def _last(db: sqlite3.Connection, run: str) -> int:
    found = db.execute("SELECT max(seq) FROM events WHERE run = ?", (run,)).fetchone()[0]
    return found or 0


def _new_id() -> str:
    """Sorts by time, easy to type the beginning of."""
    return f"{time.strftime('%m%d%H%M%S', time.gmtime())}{uuid.uuid4().hex[:6]}"


def _run(row: sqlite3.Row) -> RunRow:
    values = dict(row)
    for key in ("input", "recipe", "graph"):
        values[key] = json.loads(values[key])
    values["budget"] = Budget(**json.loads(values["budget"]))
    values["result"] = None if values["result"] is None else json.loads(values["result"])
    return RunRow(**values)


def _event(row: sqlite3.Row) -> Event:
    data = json.loads(row["data"])
    return Event(
        row["run"], row["seq"], row["time"], row["kind"], row["position"], data, row["version"]
    )


def _call(row: sqlite3.Row) -> Call:
    result = None if row["result"] is None else json.loads(row["result"])
    return Call(
        row["position"],
        row["call"],
        row["kind"],
        row["effect"],
        row["args"],
        row["tries"],
        row["seq"],
        result,
    )


def _directive(row: sqlite3.Row) -> Directive:
    return Directive(row["id"], row["text"], row["author"], json.loads(row["data"]))
