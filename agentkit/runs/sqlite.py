"""The run store on SQLite: one file, write-ahead log, every change one immediate transaction."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from agentkit.capabilities.agent import Directive
from agentkit.errors import LeaseLost, StoreError, UsageError
from agentkit.runs import changes, finding, forking, rows
from agentkit.runs import lease as leases
from agentkit.runs.contents import Contents
from agentkit.runs.events import Event
from agentkit.runs.finding import Head
from agentkit.runs.opening import connect, open_store, suspect
from agentkit.runs.rows import dump
from agentkit.runs.store import (
    ENDED,
    Append,
    Budget,
    Call,
    Change,
    Lease,
    Message,
    NewRun,
    OpenQuestion,
    RunRow,
    SetStatus,
)
from agentkit.unicode import valid


class SqliteRunStore:
    """A `RunStore` in `folder`: runs.db, and blobs by their hash beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "runs.db"
        self.notices: list[str] = []
        self._contents = Contents(folder)
        self._lock = threading.RLock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = open_store(self.path, self.notices)
            self._durable = connect(self.path, "FULL")
            self._watch = connect(self.path, "NORMAL")  # writes nothing: see `stamp`
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"the run store {self.path} cannot be opened: {error}") from error

    def close(self) -> None:
        with self._lock:
            self._db.close()
            self._durable.close()
            self._watch.close()

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

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._db
            except sqlite3.Error as error:
                raise self._fault("read", error) from error

    def _rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self._reading() as db:
            return db.execute(sql, values).fetchall()

    # -- reading ----------------------------------------------------------------------------------

    def get(self, run: str) -> RunRow:
        if run == "last":
            found = self._rows("SELECT * FROM runs ORDER BY created DESC LIMIT 1")
        else:
            found = self._rows("SELECT * FROM runs WHERE id = ?", run) or self._rows(
                "SELECT * FROM runs "
                "WHERE ?1 IN (substr(id, 1, length(?1)), substr(id, -length(?1)))",
                run,
            )
        exact = [r for r in found if r["id"] == run] or found
        if len(exact) != 1:
            many = "several runs" if len(exact) > 1 else "no run"
            raise UsageError(f"{many} with the id {run!r}", "`agentkit runs list` shows them")
        return rows.run(exact[0])

    def runs(self, limit: int = 50, agent: str = "") -> list[RunRow]:
        found = self._rows(
            "SELECT * FROM runs WHERE ?1 IN ('', agent) ORDER BY created DESC, id LIMIT ?2",
            agent,
            limit,
        )
        return [rows.run(row) for row in found]

    def tail(
        self, run: str, after: int = 0, kinds: Sequence[str] = (), upto: int | None = None
    ) -> list[Event]:
        chosen = f"AND kind IN ({', '.join('?' * len(kinds))})" if kinds else ""
        found = self._rows(
            f"SELECT * FROM events WHERE run = ? AND seq > ? AND seq <= ? {chosen} ORDER BY seq",
            run,
            after,
            2**62 if upto is None else upto,
            *kinds,
        )
        return [rows.event(row) for row in found]

    def last(self, run: str) -> int:
        return int(
            self._rows("SELECT max(seq) AS seq FROM events WHERE run = ?", run)[0]["seq"] or 0
        )

    def own(self, run: str, position: str, after: int, before: int) -> list[Event]:
        found = self._rows(
            "SELECT * FROM events WHERE run = ? AND position = ? AND seq > ? AND call < ? "
            "ORDER BY seq",
            run,
            position,
            after,
            before,
        )
        return [rows.event(row) for row in found]

    def calls(self, run: str, position: str) -> dict[int, Call]:
        found = self._rows("SELECT * FROM ledger WHERE run = ? AND position = ?", run, position)
        return {row["call"]: rows.call(row) for row in found}

    def ledger(self, run: str) -> list[Call]:
        found = self._rows("SELECT * FROM ledger WHERE run = ? ORDER BY position, call", run)
        return [rows.call(row) for row in found]

    def search(
        self,
        text: str = "",
        agent: str = "",
        before: tuple[float, str] | None = None,
        limit: int = 50,
    ) -> list[RunRow]:
        with self._reading() as db:
            return [rows.run(r) for r in finding.search(db, text, agent, before, limit)]

    def children(self, run: str) -> list[str]:
        found = self._rows("SELECT id FROM runs WHERE parent = ? ORDER BY created, id", run)
        return [row["id"] for row in found]

    def heads(self, limit: int = 200) -> list[Head]:
        with self._reading() as db:
            return finding.heads(db, limit)

    def stamp(self) -> int:
        # SQLite tells a connection of everybody's changes but its own; this one makes none.
        with self._reading():
            return int(self._watch.execute("PRAGMA data_version").fetchone()[0])

    def questions(self, run: str) -> list[OpenQuestion]:
        found = self._rows(
            "SELECT e.* FROM events e JOIN ledger l ON l.run = e.run AND l.position = e.position "
            "AND l.call = e.call WHERE e.run = ? AND e.kind = 'question.asked' "
            "AND l.result IS NULL ORDER BY e.seq",
            run,
        )
        return [
            OpenQuestion(r["seq"], r["position"], r["call"], rows.question(json.loads(r["data"])))
            for r in found
        ]

    def messages(self, run: str) -> list[Message]:
        found = self._rows("SELECT * FROM inbox WHERE run = ? ORDER BY number", run)
        return [Message(rows.directive(row), row["sent"], row["state"]) for row in found]

    def artifacts(self, run: str) -> list[Mapping[str, Any]]:
        return [
            dict(r) for r in self._rows("SELECT * FROM artifacts WHERE run = ? ORDER BY seq", run)
        ]

    # -- what anyone may do to a run --------------------------------------------------------------

    def create(self, new: NewRun) -> RunRow:
        run = _new_id()
        with self._change() as db:
            changes.insert(db, run, new)
            changes.append(db, run, Append("run.created", {"agent": new.agent, "task": new.task}))
        return self.get(run)

    def send(self, run: str, text: str, *, author: str = "user", **data: Any) -> Directive:
        with self._change(durable=True) as db:
            status = changes.row(db, run)["status"]
            if status in ENDED:
                raise UsageError(
                    f"run {run} is {status}: nobody would read the message", "start another run"
                )
            sql = "SELECT coalesce(max(number), 0) + 1 FROM inbox WHERE run = ?"
            number = db.execute(sql, (run,)).fetchone()[0]
            made = Directive(f"m{number}", valid(text), valid(author), data)
            db.execute(
                "INSERT INTO inbox VALUES (?,?,?,?,?,?,?,'waiting')",
                (run, made.id, number, made.author, made.text, dump(data), time.time()),
            )
            changes.append(db, run, Append("inbox.received", asdict(made)))
        return made

    def withdraw(self, run: str, message: str) -> None:
        with self._change() as db:
            changed = db.execute(
                "UPDATE inbox SET state = 'withdrawn' WHERE run = ? AND id = ? "
                "AND state = 'waiting'",
                (run, message),
            )
            if changed.rowcount != 1:
                raise UsageError(
                    f"run {run} has no message {message!r} that waits",
                    "what the agent has read cannot be taken back; send another message",
                )
            changes.append(db, run, Append("inbox.withdrawn", {"id": message}))

    def answer(
        self, run: str, answer: str, number: int | None = None, *, author: str = "user"
    ) -> OpenQuestion:
        with self._change(durable=True) as db:
            if changes.row(db, run)["status"] in ENDED:
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
            changes.finish(db, run, one.position, one.index, {"ok": answer})
            data = {"number": one.number, "answer": answer, "author": author}
            changes.append(db, run, Append("question.answered", data, one.position, one.index))
        return one

    def request(self, run: str, control: Literal["pause", "cancel"]) -> None:
        with self._change() as db:
            row = changes.row(db, run)
            if row["status"] in ENDED:
                raise UsageError(f"run {run} is {row['status']} already")
            if leases.lapsed(row["owner"], row["until"]):
                if control == "pause" and row["status"] not in ("created", "running"):
                    raise UsageError(f"run {run} is not at work: it is {row['status']}")
                status = SetStatus("cancelled" if control == "cancel" else "paused", "by request")
                changes.set_status(db, run, status)
            else:
                db.execute("UPDATE runs SET control = ? WHERE id = ?", (control, run))

    def limit(self, run: str, budget: Budget) -> None:
        plain = asdict(budget)
        with self._change() as db:
            if changes.row(db, run)["status"] in ENDED:
                raise UsageError(f"run {run} has ended: it needs no limits")
            db.execute(
                "UPDATE runs SET budget = ?, control = CASE control WHEN '' THEN 'limits' "
                "ELSE control END WHERE id = ?",
                (dump(plain), run),
            )
            changes.append(db, run, Append("budget.changed", plain))

    def fork(self, run: str, step: int) -> RunRow:
        if step < 0:
            raise UsageError(f"there is no step {step}", "0 is before the first node")
        old, made = self.get(run), _new_id()
        with self._change() as db:
            new = NewRun(old.agent, old.task, old.input, old.seed, old.recipe, old.budget)
            changes.insert(db, made, new, old.id, step)
            for sha in forking.copy(db, old.id, made, step):
                self.put_blob(made, self.blob(old.id, sha))
            changes.append(db, made, Append("run.forked", {"parent": old.id, "step": step}))
        return self.get(made)

    def delete(self, run: str) -> None:
        with self._change() as db:
            row = changes.row(db, run)
            if not leases.lapsed(row["owner"], row["until"]):
                raise UsageError(f"run {run} is being driven", "pause it first")
            for table in ("events", "ledger", "inbox", "artifacts"):
                db.execute(f"DELETE FROM {table} WHERE run = ?", (run,))
            db.execute("DELETE FROM runs WHERE id = ?", (run,))
        self._contents.delete(run)

    # -- what only its owner may do ---------------------------------------------------------------

    def take(self, run: str, ttl: float) -> Lease:
        me = leases.owner()
        with self._change() as db:
            row = changes.row(db, run)
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
            changes.held(db, lease)
            db.execute("UPDATE runs SET until = ? WHERE id = ?", (time.time() + ttl, lease.run))

    def wanted(self, lease: Lease) -> str:
        found = self._rows("SELECT epoch, control FROM runs WHERE id = ?", lease.run)
        if not found or found[0]["epoch"] != lease.epoch:
            raise LeaseLost(f"another process took over run {lease.run}")
        return str(found[0]["control"])

    def limits(self, lease: Lease) -> Budget:
        with self._change() as db:
            changes.held(db, lease)
            db.execute(
                "UPDATE runs SET control = '' WHERE id = ? AND control = 'limits'", (lease.run,)
            )
            found = changes.row(db, lease.run)["budget"]
        return Budget(**json.loads(found))

    def release(self, lease: Lease) -> None:
        with self._change() as db:
            db.execute(
                "UPDATE runs SET owner = '', until = 0 WHERE id = ? AND epoch = ?",
                (lease.run, lease.epoch),
            )
            # Somebody may have asked the owner to end the run just when it stopped to wait.
            asked = db.execute(
                "UPDATE runs SET control = '' WHERE id = ? AND epoch = ? AND control = 'cancel' "
                "AND status NOT IN ('done', 'cancelled')",
                (lease.run, lease.epoch),
            )
            if asked.rowcount:
                changes.set_status(db, lease.run, SetStatus("cancelled", "by request"))

    def write(self, lease: Lease, *to_make: Change, durable: bool = False) -> list[Event]:
        events: list[Event] = []
        with self._change(durable) as db:
            before = changes.held(db, lease)
            for change in to_make:
                events += changes.apply(db, lease.run, change, before)
                before = events[-1].seq if events else before
        return events

    # -- contents ---------------------------------------------------------------------------------

    def put_blob(self, run: str, content: bytes) -> str:
        return self._contents.put(run, content)

    def blob(self, run: str, sha256: str) -> bytes:
        return self._contents.get(run, sha256)

    def artifact(self, run: str, name: str) -> Path:
        hashes = {a["name"]: a["sha256"] for a in self.artifacts(run)}  # the latest of each name
        if name not in hashes:
            known = ", ".join(sorted(hashes)) or "none"
            raise UsageError(f"run {run} has no artifact {name!r}", f"it has: {known}")
        return self._contents.named(run, name, hashes[name])

    def checkpoint(self, run: str) -> Path:
        return self._contents.checkpoint(run)

    def drop_checkpoint(self, run: str) -> None:
        self._contents.drop_checkpoint(run)


def _new_id() -> str:
    """Sorts by time; its last six letters are short to type."""
    return f"{time.strftime('%y%m%d-%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:6]}"
