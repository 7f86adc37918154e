"""Search over runs, forks, what has changed, taking messages back, other limits."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentkit.errors import UsageError
from agentkit.runs.sqlite import SqliteRunStore
from agentkit.runs.store import Append, Budget, NewRun, SetStatus


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteRunStore]:
    made = SqliteRunStore(tmp_path)
    yield made
    made.close()


def begun(store: SqliteRunStore, task: str, agent: str = "echo") -> str:
    return store.create(NewRun(agent, task, {"text": task}, 0)).id


def test_search_reads_task_messages_todo_and_result(store: SqliteRunStore) -> None:
    one, two, three, four = (begun(store, t) for t in ("ants", "bees", "cats", "dogs"))
    store.send(one, 'look for "honey"')
    lease = store.take(two, 30)
    store.write(lease, Append("todo.changed", {"id": "T1", "title": "honey is sweet"}))
    store.release(lease)
    lease = store.take(three, 30)
    store.write(lease, SetStatus("done", result={"text": "no honey"}))
    store.release(lease)
    assert {row.id for row in store.search("HONEY")} == {one, two, three}
    assert [row.id for row in store.search('"honey"')] == [one]
    assert [row.id for row in store.search("dog")] == [four]
    assert [row.id for row in store.search("", agent="other")] == []


@pytest.mark.parametrize("text", ["%", "_", "\\", "100%", "';--", "\N{HONEYBEE}"])
def test_no_letter_is_a_wildcard(store: SqliteRunStore, text: str) -> None:
    begun(store, "plain words")
    assert store.search(text) == []
    mine = begun(store, f"about {text} itself")
    assert [row.id for row in store.search(text)] == [mine]


def test_pages_follow_one_another_without_gap(store: SqliteRunStore) -> None:
    made = {begun(store, f"run {n}") for n in range(25)}
    seen: list[str] = []
    before = None
    while page := store.search("run", before=before, limit=10):
        seen += [row.id for row in page]
        before = (page[-1].created, page[-1].id)
    assert len(seen) == 25 and set(seen) == made


def test_children_and_heads(store: SqliteRunStore) -> None:
    parent = begun(store, "parent")
    forks = [store.fork(parent, 0).id for _ in range(2)]
    assert store.children(parent) == forks and store.children(forks[0]) == []
    heads = {head.run: head for head in store.heads()}
    assert heads[parent].seq == 1 and heads[forks[1]].status == "created"


def test_stamp_changes_with_every_write_of_anybody(store: SqliteRunStore, tmp_path: Path) -> None:
    stamps = [store.stamp()]
    run = begun(store, "one")
    stamps.append(store.stamp())
    store.send(run, "durable")
    stamps.append(store.stamp())
    other = sqlite3.connect(tmp_path / "runs.db")
    with other:
        other.execute("UPDATE runs SET note = 'x'")
    other.close()
    stamps.append(store.stamp())
    assert len(set(stamps)) == 4
    assert store.stamp() == stamps[-1]


def test_withdraw_only_what_waits(store: SqliteRunStore) -> None:
    run = begun(store, "one")
    sent = store.send(run, "never mind")
    store.withdraw(run, sent.id)
    assert [m.state for m in store.messages(run)] == ["withdrawn"]
    assert [e.kind for e in store.tail(run)][-1] == "inbox.withdrawn"
    with pytest.raises(UsageError, match="no message 'm1' that waits"):
        store.withdraw(run, sent.id)
    store.request(run, "cancel")
    assert [m.state for m in store.messages(run)] == ["withdrawn"]


def test_limits_reach_who_drives_and_are_heard_once(store: SqliteRunStore) -> None:
    run = begun(store, "one")
    lease = store.take(run, 30)
    store.limit(run, Budget(tokens=7))
    assert store.wanted(lease) == "limits"
    assert store.limits(lease) == Budget(tokens=7)
    assert store.wanted(lease) == ""
    store.request(run, "pause")
    store.limit(run, Budget(tokens=8))
    assert store.wanted(lease) == "pause" and store.get(run).budget == Budget(tokens=8)
    store.write(lease, SetStatus("done"))
    with pytest.raises(UsageError, match="has ended"):
        store.limit(run, Budget())


def test_an_end_that_was_asked_for_when_the_owner_left_is_not_lost(store: SqliteRunStore) -> None:
    run = begun(store, "one")
    lease = store.take(run, 30)
    store.write(lease, SetStatus("waiting", "1 question open"))
    store.request(run, "cancel")
    assert store.get(run).status == "waiting"
    store.release(lease)
    assert store.get(run).status == "cancelled" and store.get(run).control == ""
    assert [e.data["status"] for e in store.tail(run, kinds=("run.status",))][-1] == "cancelled"
