"""Runs that are odd, read past the server: a clock that was put back, ten thousand tasks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentkit.console.fold import RunFold
from agentkit.runs.drive import spent
from agentkit.runs.sqlite import SqliteRunStore
from agentkit.runs.store import Append, NewRun, SetStatus

pytestmark = pytest.mark.slow

MANY = 10_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteRunStore]:
    made = SqliteRunStore(tmp_path)
    yield made
    made.close()


def test_a_clock_that_is_put_back_costs_no_order_and_no_time(
    store: SqliteRunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = store.create(NewRun("research", "x", {"question": "x"}, 0)).id
    lease = store.take(run, 60)
    start = time.time()
    made = (
        (0.0, SetStatus("running")),
        (5.0, Append("node.entered", {}, "1:plan")),
        (-3600.0, Append("node.entered", {}, "2:work")),
        (-3590.0, Append("todo.changed", {"id": "T1", "title": "a", "status": "done"}, "2:work")),
        (-3580.0, SetStatus("paused")),
        (-3500.0, SetStatus("running")),
        (10.0, SetStatus("done", result={"report": "x"})),
    )
    seconds = []
    for at, change in made:
        monkeypatch.setattr("agentkit.runs.changes.time.time", lambda at=at: start + at)
        store.write(lease, change)
        fold = RunFold(store, run, {})
        fold.update()
        seconds.append(fold.tree.get("meter", "seconds"))
    monkeypatch.undo()
    assert seconds == [0.0, 5.0, 5.0, 5.0, 5.0, 5.0, 10.0]
    assert spent(store, run).seconds == pytest.approx(10.0)
    assert [row["seq"] for row in fold.rows.all] == list(range(1, store.last(run) + 1))
    assert fold.tree.get("now") is None


@pytest.mark.slow
def test_a_plan_of_ten_thousand_tasks(store: SqliteRunStore) -> None:
    run = store.create(NewRun("research", "x", {"question": "x"}, 0)).id
    lease = store.take(run, 600)
    tasks = [Append("todo.changed", {"id": f"T{n}", "title": f"task {n}"}) for n in range(MANY)]
    store.write(lease, *tasks)
    fold = RunFold(store, run, {})
    seen = fold.update()
    assert fold.tree.get("order") == [f"T{n}" for n in range(MANY)]
    store.write(lease, Append("todo.changed", {"id": "T7", "title": "the seventh"}))
    changes, rows = fold.changes(seen, fold.update())
    assert [path for path, _ in changes] == [("tasks", "T7")] and len(rows) == 1
    store.write(lease, Append("todo.changed", {"id": "T9999", "priority": 5}))
    fold.update()
    assert fold.tree.get("order")[:2] == ["T9999", "T0"]
