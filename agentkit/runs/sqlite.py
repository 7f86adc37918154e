"""The run store on SQLite: one file, write-ahead log, every change one immediate transaction."""

from __future__ import annotations

import hashlib
import json
import os
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
from agentkit.runs import lease as leases
from agentkit.runs.events import VERSION, Event
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
    RunRow,
    SetGraph,
    SetStatus,
    TakeInbox,
)

SCHEMA = 1
BUSY_SECONDS = 30.0


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
            self._db = self._open()
            self._durable = self._connect("FULL")
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"the run store {self.path} cannot be opened: {error}") from error

    def close(self) -> None:
        with self._lock:
            self._db.close()
            self._durable.close()

    # -- opening ----------------------------------------------------------------------------------

    def _connect(self, synchronous: str) -> sqlite3.Connection:
        db = sqlite3.connect(
            self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA synchronous = {synchronous}")
        return db

    def _open(self) -> sqlite3.Connection:
        try:
            db = self._connect("NORMAL")
            if db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("its pages do not fit together")
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            aside = self._set_aside()
            self.notices.append(f"the run store was damaged ({error}); it is kept as {aside}")
            db = self._connect("NORMAL")
        self._migrate(db)
        return db

    def _set_aside(self) -> Path:
        aside = self.path.with_name(f"runs.damaged-{time.time_ns()}.db")
        for suffix in ("", "-wal", "-shm"):
            part = Path(f"{self.path}{suffix}")
            if part.exists():
                os.replace(part, f"{aside}{suffix}")
        return aside

    def _migrate(self, db: sqlite3.Connection) -> None:
        db.execute("BEGIN IMMEDIATE")
        try:
            have = db.execute("PRAGMA user_version").fetchone()[0]
            if have > SCHEMA:
                raise StoreError(
                    f"{self.path} was written by a newer agentkit (schema {have}, known {SCHEMA})",
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
                raise StoreError(
                    f"the run store {self.path} cannot be written: {error}",
                    "free some disk, then `agentkit runs resume`; nothing stored was lost",
                ) from error

    def _rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            try:
                return self._db.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise StoreError(f"the run store {self.path} cannot be read: {error}") from error

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
        rows = self._rows(
            "SELECT * FROM events WHERE run = ? AND seq > ? AND seq <= ? ORDER BY seq",
            run,
            after,
            2**62 if upto is None else upto,
        )
        return [_event(row) for row in rows if not kinds or row["kind"] in kinds]

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
            number = db.execute("SELECT count(*) FROM inbox WHERE run = ?", (run,)).fetchone()[0]
            made = Directive(f"m{number + 1}", text, author, data)
            db.execute(
                "INSERT INTO inbox VALUES (?,?,?,?,?,?,?,'waiting')",
                (run, made.id, number + 1, author, text, dump(data), time.time()),
            )
            self._append(db, run, Append("inbox.received", asdict(made)))
        return made

    def answer(self, run: str, answer: str, number: int | None = None) -> OpenQuestion:
        with self._change(durable=True) as db:
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
                status = SetStatus("cancelled" if control == "cancel" else "paused", "by request")
                self._set_status(db, run, status)
            else:
                db.execute("UPDATE runs SET control = ? WHERE id = ?", (control, run))

    def fork(self, run: str, step: int) -> RunRow:
        old, made, now = self.get(run), _new_id(), time.time()

        def kept(position: str) -> bool:
            return bool(position) and int(position.split(":")[0]) <= step

        with self._change() as db:
            new = NewRun(old.agent, old.task, old.input, old.seed, old.recipe, old.budget)
            self._insert(db, made, new, now, old.id, step)
            rows = db.execute("SELECT * FROM ledger WHERE run = ?", (old.id,)).fetchall()
            done = {
                (r["position"], r["call"])
                for r in rows
                if r["result"] is not None and kept(r["position"])
            }
            renumbered, seq = {0: 0}, 0
            events = db.execute("SELECT * FROM events WHERE run = ? ORDER BY seq", (old.id,))
            for r in events.fetchall():
                if (r["position"], r["call"]) in done or r["kind"] == "run.created":
                    seq += 1
                    db.execute(
                        "INSERT INTO events VALUES (?,?,?,?,?,?,?,?)",
                        (
                            made,
                            seq,
                            r["time"],
                            r["kind"],
                            r["position"],
                            r["call"],
                            r["version"],
                            r["data"],
                        ),
                    )
                renumbered[r["seq"]] = seq
            for r in rows:
                if (r["position"], r["call"]) in done:
                    db.execute(
                        "INSERT INTO ledger VALUES (?,?,?,?,?,?,?,?,?)",
                        (
                            made,
                            r["position"],
                            r["call"],
                            r["kind"],
                            r["effect"],
                            r["args"],
                            r["tries"],
                            renumbered[r["seq"]],
                            r["result"],
                        ),
                    )
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

    def renew(self, lease: Lease, ttl: float) -> str:
        with self._change() as db:
            row = self._held(db, lease)
            db.execute("UPDATE runs SET until = ? WHERE id = ?", (time.time() + ttl, lease.run))
        return str(row["control"])

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
        data = {"status": to.status, "note": to.note}
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

    def put_blob(self, content: bytes) -> str:
        sha = hashlib.sha256(content).hexdigest()
        path = self.folder / "blobs" / sha[:2] / sha
        if not path.exists():
            try:
                write_atomic(path, content)
            except OSError as error:
                raise StoreError(f"{path} cannot be written: {error}", "free some disk") from error
        return sha

    def blob(self, sha256: str) -> bytes:
        try:
            return (self.folder / "blobs" / sha256[:2] / sha256).read_bytes()
        except OSError as error:
            raise StoreError(f"the artifact {sha256[:12]} is gone: {error}") from error


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
