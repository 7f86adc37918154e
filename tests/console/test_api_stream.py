"""The stream: nothing lost, nothing doubled, wherever it is cut and however many listen."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from agentkit.runs.sqlite import SqliteRunStore
from agentkit.runs.store import Append, NewRun, SetStatus
from tests.console.serving import Console

pytestmark = pytest.mark.slow


class Listener:
    """A client that applies what it is told, as API.md says, and checks that it fits."""

    def __init__(self, console: Console, run: str) -> None:
        snapshot = console.get(f"/api/runs/{run}")
        self.console, self.run = console, run
        self.seq: int = snapshot["seq"]
        self.state: dict[str, Any] = snapshot["state"]
        self.rows: list[int] = []
        self.first = self.seq
        self.last = ""
        self.connections = 0

    def listen(self, messages: int = 10**9, until: int = 10**9, seconds: float = 60) -> None:
        """Connects once and takes so many messages, or until it has seen that event."""
        self.connections += 1
        for kind, id, data in follow(self.console, f"runs={self.run}:{self.first}", self.last):
            if id:
                self.last = id
            if kind == "run":
                self.take(data)
                messages -= 1
            if messages <= 0 or self.seq >= until:
                return

    def take(self, data: dict[str, Any]) -> None:
        assert data["from"] == self.seq, "there is a gap, or something came twice"
        for path, value in data["set"]:
            place = self.state
            for key in path[:-1]:
                place = place.setdefault(key, {})
            if value is None:
                place.pop(path[-1], None)
            else:
                place[path[-1]] = value
        self.rows += [row["seq"] for row in data["rows"]]
        self.seq = data["seq"]


def follow(console: Console, query: str, last: str = "") -> Iterator[tuple[str, str, Any]]:
    """(event, id, data) of a stream, until it ends."""
    connection = http.client.HTTPConnection("127.0.0.1", console.port, timeout=60)
    headers = {"Cookie": console.cookie, **({"Last-Event-ID": last} if last else {})}
    try:
        connection.request("GET", f"/api/stream?{query}", headers=headers)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        assert "no-transform" in answer.headers["cache-control"]
        kind, id, data = "", "", ""
        while line := answer.readline():
            text = line.decode().rstrip("\n")
            if text.startswith("event: "):
                kind = text[7:]
            elif text.startswith("id: "):
                id = text[4:]
            elif text.startswith("data: "):
                data += text[6:]
            elif not text and data:
                yield kind, id, json.loads(data)
                kind, id, data = "", "", ""
    finally:
        connection.close()


@pytest.fixture(scope="module")
def store(console: Console) -> Iterator[SqliteRunStore]:
    made = SqliteRunStore(console.folder / "runs")
    yield made
    made.close()


def written(store: SqliteRunStore, events: int, pause: float = 0.0, seed: int = 0) -> Any:
    """A run that another process writes, and the thread that does."""
    row = store.create(NewRun("research", "a task", {"question": "a task"}, 0))
    lease = store.take(row.id, 60)
    chance = random.Random(seed)

    def write() -> None:
        store.write(lease, SetStatus("running"))
        for n in range(events - 3):
            id = f"T{chance.randrange(40) + 1}"
            made = {
                0: Append("todo.changed", {"id": id, "title": f"{n}", "status": "pending"}),
                1: Append("evidence.added", {"id": f"s{n}", "task": id, "text": f"quote {n}"}),
                2: Append("metric", {"name": "loss", "value": 1 / (n + 1), "step": n}),
                3: Append("node.entered", {}, f"{n + 1}:work"),
            }[n % 4]
            store.write(lease, made)
            if pause:
                time.sleep(pause)
        store.write(lease, SetStatus("done", result={"text": "it is over"}))
        store.release(lease)

    return row.id, threading.Thread(target=write)


def same(listener: Listener) -> None:
    """The client's state is the server's own, and every row came once."""
    listener.listen(messages=1)  # what the run's own row says comes without an event
    there = listener.console.get(f"/api/runs/{listener.run}")
    assert listener.seq == there["seq"]
    assert listener.state == there["state"]
    assert listener.rows == list(range(listener.first + 1, listener.seq + 1))


def test_a_late_listener_gets_all(console: Console, store: SqliteRunStore) -> None:
    run, writer = written(store, 450)
    listener = Listener(console, run)
    writer.start()
    writer.join()
    listener.listen(until=450)
    same(listener)
    assert listener.state["run"]["status"] == "done" and listener.state["metrics"]["loss"]


def test_cut_at_fifty_random_moments(console: Console, store: SqliteRunStore) -> None:
    run, writer = written(store, 600, pause=0.01, seed=1)
    chance = random.Random(7)
    listener = Listener(console, run)
    writer.start()
    while listener.seq < 600:
        if listener.connections < 55:
            listener.listen(messages=chance.randint(1, 3), until=600)
        else:
            listener.listen(until=600)
    writer.join()
    assert listener.connections >= 30
    same(listener)


def test_loaded_anew_at_random_moments(console: Console, store: SqliteRunStore) -> None:
    """A reload takes the snapshot and goes on from its number: the end is the same for all."""
    run, writer = written(store, 500, pause=0.01, seed=2)
    chance = random.Random(3)
    writer.start()
    listeners = []
    for _ in range(50):
        listener = Listener(console, run)
        if listener.seq < 500:
            listener.listen(messages=1)
        listeners.append(listener)
        time.sleep(chance.random() * 0.05)
    writer.join()
    for listener in listeners[::7]:
        if listener.seq < 500:
            listener.listen(until=500)
        same(listener)


@pytest.mark.slow
def test_fifty_viewers(console: Console, store: SqliteRunStore) -> None:
    run, writer = written(store, 200, pause=0.01, seed=4)
    listeners = [Listener(console, run) for _ in range(50)]
    threads = [threading.Thread(target=one.listen, kwargs={"until": 200}) for one in listeners]
    for thread in threads:
        thread.start()
    writer.start()
    for thread in threads:
        thread.join(60)
    writer.join()
    assert [one.seq for one in listeners] == [200] * 50
    for one in listeners[:3]:
        same(one)
    assert all(one.rows == listeners[0].rows for one in listeners)


def test_two_runs_the_list_and_the_inbox_in_one(console: Console, store: SqliteRunStore) -> None:
    one, first = written(store, 20, seed=5)
    two, second = written(store, 20, seed=6)
    seen: dict[str, int] = {one: 0, two: 0}
    listed: set[str] = set()
    inbox = None
    first.start()
    second.start()
    for kind, id, data in follow(console, f"runs={one}:0,{two}:0&list=1&inbox=1"):
        if kind == "run":
            assert data["from"] == seen[data["run"]] and f"{data['run']}:{data['seq']}" in id
            seen[data["run"]] = data["seq"]
        elif kind == "runs":
            listed |= {r["id"] for r in data["runs"]}
        elif kind == "inbox":
            inbox = data["questions"]
        if set(seen.values()) == {20} and {one, two} <= listed and inbox is not None:
            break
    first.join()
    second.join()


def test_a_deleted_run_is_gone(console: Console, store: SqliteRunStore) -> None:
    run, writer = written(store, 5)
    writer.start()
    writer.join()
    messages = follow(console, f"runs={run}:0&list=1")
    assert next(m for m in messages if m[0] == "run")
    store.delete(run)
    kinds: set[str] = set()
    for kind, _, data in messages:
        kinds.add(kind)
        if kind == "gone":
            assert data == {"run": run}
            break
    messages.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("query", ["runs=nope:0", "runs=a:b", "runs=" + ",".join("abcdefghi")])
def test_streams_of_nothing(console: Console, query: str) -> None:
    answer = console.ask("GET", f"/api/stream?{query}")
    assert answer.status in (404, 422)
