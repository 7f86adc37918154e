"""The run store: damage is kept aside, writers share it, nothing is half done."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from agentkit.errors import LeaseLost, StoreError, UsageError
from agentkit.runs import opening
from agentkit.runs.sqlite import SqliteRunStore
from agentkit.runs.store import Append, Finish, Intend, NewRun, SetStatus

pytestmark = pytest.mark.slow


def begin(store: SqliteRunStore, task: str = "t") -> str:
    return store.create(NewRun("a", task, {"task": task}, 0, {"use": "a"})).id


def damage(path: Path, how: str) -> None:
    if how == "header":
        path.write_bytes(b"\0" * 100 + path.read_bytes()[100:])
    elif how == "text":
        path.write_text("this is no database\n" * 400)
    elif how == "pages":
        content = bytearray(path.read_bytes())
        content[4096 : 4096 * 3] = b"\x5a" * (4096 * 2)
        path.write_bytes(content)


@pytest.mark.parametrize("how", ["header", "text", "pages"])
def test_a_damaged_store_is_kept_aside_and_a_new_one_begun(tmp_path: Path, how: str) -> None:
    store = SqliteRunStore(tmp_path)
    for number in range(50):
        begin(store, f"task {number} " * 30)
    store.close()
    damage(tmp_path / "runs.db", how)
    broken = (tmp_path / "runs.db").read_bytes()
    again = SqliteRunStore(tmp_path)
    assert again.runs() == [] and "is kept as" in again.notices[0]
    (aside,) = tmp_path.glob("runs.damaged-*.db")
    assert aside.read_bytes() == broken
    kept = begin(again)
    again.close()
    third = SqliteRunStore(tmp_path)
    assert [r.id for r in third.runs()] == [kept] and third.notices == []


def test_a_large_store_is_checked_after_a_page_did_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "CHECKED", 0)
    store = SqliteRunStore(tmp_path)
    for number in range(200):
        begin(store, f"task {number} " * 30)
    store.close()
    content = bytearray((tmp_path / "runs.db").read_bytes())
    content[4096 * 8 :] = b"\x5a" * (len(content) - 4096 * 8)
    (tmp_path / "runs.db").write_bytes(content)
    store = SqliteRunStore(tmp_path)
    assert store.notices == []
    with pytest.raises(StoreError, match=r"malformed\nthe next command keeps the damaged file"):
        store.runs(limit=1000)
    store.close()
    assert "was damaged" in SqliteRunStore(tmp_path).notices[0]


def test_a_locked_store_is_not_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SqliteRunStore(tmp_path)
    run = begin(store)
    monkeypatch.setattr(opening, "BUSY_SECONDS", 0.05)
    store._db.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(tmp_path / "runs.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    second = SqliteRunStore(tmp_path)  # opening needs no write lock
    assert second.get(run).id == run and second.notices == []
    with pytest.raises(StoreError, match=r"database is locked\nanother process holds it"):
        begin(store)
    other.execute("ROLLBACK")
    assert begin(store) and not list(tmp_path.glob("*.damaged*"))


def test_a_folder_that_cannot_be_had_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"runs\.db cannot be opened"):
        SqliteRunStore(tmp_path / "file" / "runs")


def test_a_store_of_a_newer_agentkit_is_left_alone(tmp_path: Path) -> None:
    SqliteRunStore(tmp_path).close()
    db = sqlite3.connect(tmp_path / "runs.db")
    db.execute("PRAGMA user_version = 99")
    db.close()
    before = (tmp_path / "runs.db").read_bytes()
    with pytest.raises(StoreError, match="written by a newer agentkit"):
        SqliteRunStore(tmp_path)
    assert (tmp_path / "runs.db").read_bytes() == before


def test_a_full_disk_loses_nothing_that_was_stored(tmp_path: Path) -> None:
    store = SqliteRunStore(tmp_path)
    run = begin(store)
    lease = store.take(run, 30)
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages + 3}")
    with pytest.raises(StoreError, match="free some disk"):
        for number in range(1000):
            store.write(
                lease, Intend("1:a", number, "emit", "none", ""), Append("note", {"n": "x" * 500})
            )
    last = store.last(run)
    assert len(store.calls(run, "1:a")) == last - 1  # both of a change or none
    store._db.execute("PRAGMA max_page_count = 100000")
    store.write(lease, Append("note", {}))
    assert store.last(run) == last + 1


def test_a_lease_that_was_taken_over_writes_nothing(tmp_path: Path) -> None:
    store = SqliteRunStore(tmp_path)
    run = begin(store)
    old = store.take(run, -1)
    new = store.take(run, 30)
    for write in (
        lambda: store.write(old, Append("note", {})),
        lambda: store.renew(old, 30),
        lambda: store.wanted(old),
    ):
        with pytest.raises(LeaseLost):
            write()
    store.release(old)
    assert store.get(run).owner == new.owner and store.last(run) == 1
    with pytest.raises(StoreError, match="is being driven"):
        store.take(run, 30)


def test_changes_are_all_or_none(tmp_path: Path) -> None:
    store = SqliteRunStore(tmp_path)
    run = begin(store)
    lease = store.take(run, 30)
    with pytest.raises(TypeError):
        store.write(lease, Append("note", {}), Append("note", {"bad": object()}))
    assert store.last(run) == 1
    store.write(lease, Intend("1:a", 0, "x", "none", "h"), Finish("1:a", 0, {"ok": 1}))
    store.write(lease, Intend("1:a", 0, "x", "none", "h"))
    assert store.calls(run, "1:a")[0].tries == 2


def test_ids_may_be_shortened_but_not_guessed(tmp_path: Path) -> None:
    store = SqliteRunStore(tmp_path)
    one, two = begin(store), begin(store)
    assert store.get(one[:-1]).id == one == store.get(one[-6:]).id and store.get("last").id == two
    for wrong, says in (
        (one[:2], "several runs"),
        ("zz", "no run"),
        ("%", "no run"),
        ("", "runs?"),
    ):
        with pytest.raises(UsageError, match=says):
            store.get(wrong)


def test_deleting_forgets_the_files_too(tmp_path: Path) -> None:
    store = SqliteRunStore(tmp_path)
    run, other = begin(store), begin(store)
    sha = store.put_blob(run, b"same")
    store.put_blob(other, b"same")
    store.delete(run)
    with pytest.raises(StoreError, match="is gone"):
        store.blob(run, sha)
    assert store.blob(other, sha) == b"same" and [r.id for r in store.runs()] == [other]


def test_nobody_answers_a_run_that_ended(tmp_path: Path) -> None:
    store = SqliteRunStore(tmp_path)
    run = begin(store)
    lease = store.take(run, 30)
    asked = {"text": "?", "options": [], "kind": "question", "default": None, "data": {}}
    store.write(lease, Intend("1:a", 0, "question", "none", ""))
    store.write(lease, Append("question.asked", asked, "1:a", 0), SetStatus("cancelled"))
    with pytest.raises(UsageError, match="has ended"):
        store.answer(run, "yes")


def writer(folder: Path, run: str, count: int) -> None:
    store = SqliteRunStore(folder)
    for number in range(count):
        store.send(run, f"{os.getpid()} {number}")
        store.create(NewRun("a", "t", {}, 0))
    store.close()


def test_processes_share_a_store(tmp_path: Path) -> None:
    store = SqliteRunStore(tmp_path)
    run = begin(store)
    store.close()
    context = multiprocessing.get_context("forkserver")
    children = [context.Process(target=writer, args=(tmp_path, run, 60)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0]
    store = SqliteRunStore(tmp_path)
    assert [e.seq for e in store.tail(run)] == list(range(1, 182))
    assert len({m.directive.id for m in store.messages(run)}) == 180
    assert len(store.runs(limit=1000)) == 181


RATE, COUNT = 200, 400  # events a second of each process, and how many


def worker(folder: Path, own: str, shared: str, gate: Any) -> None:
    """Drives a run of its own at a steady pace, as an agent's node does: intent, result, event."""
    store = SqliteRunStore(folder)
    lease = store.take(own, 30)
    gate.wait()
    began = time.monotonic()
    for number in range(COUNT):
        store.write(
            lease,
            Intend("1:a", number, "emit", "none", ""),
            Finish("1:a", number, {"ok": None}),
            Append("note", {"n": number, "text": "x" * 400}, "1:a", number),
            durable=number % 100 == 0,
        )
        if number % 20 == 0:
            store.send(shared, f"{own} {number}")
        time.sleep(max(0.0, began + (number + 1) / RATE - time.monotonic()))
    store.close()


@pytest.mark.slow
def test_two_processes_write_two_hundred_events_a_second_each(tmp_path: Path) -> None:
    store = SqliteRunStore(tmp_path)
    shared, *own = (begin(store) for _ in range(3))
    context = multiprocessing.get_context("forkserver")
    gate = context.Event()
    children = [context.Process(target=worker, args=(tmp_path, run, shared, gate)) for run in own]
    for child in children:
        child.start()
    gate.set()
    seen, last = 0, {run: 0 for run in own}
    while any(child.is_alive() for child in children):
        for run in own:  # a reader beside them sees every event once, in order
            for event in store.tail(run, last[run]):
                assert event.seq == last[run] + 1
                last[run], seen = event.seq, seen + 1
        children[0].join(0.02)
    assert [child.exitcode for child in children] == [0, 0]  # "database is locked" would be 1
    for run in own:
        notes = [e.data["n"] for e in store.tail(run, kinds=("note",))]
        assert notes == list(range(COUNT)) and store.last(run) == COUNT + 1
        assert len(store.ledger(run)) == COUNT
    assert len(store.messages(shared)) == 2 * COUNT // 20


def opener(folder: Path, gate: Any) -> None:
    gate.wait()
    store = SqliteRunStore(folder)
    store.create(NewRun("a", "t", {}, 0))
    store.close()


def test_processes_that_meet_a_damaged_store_agree_on_the_new_one(tmp_path: Path) -> None:
    store = SqliteRunStore(tmp_path)
    begin(store)
    store.close()
    damage(tmp_path / "runs.db", "text")
    context = multiprocessing.get_context("forkserver")
    gate = context.Event()
    children = [context.Process(target=opener, args=(tmp_path, gate)) for _ in range(4)]
    for child in children:
        child.start()
    gate.set()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * 4
    assert len(list(tmp_path.glob("runs.damaged-*.db"))) == 1
    assert len(SqliteRunStore(tmp_path).runs()) == 4
