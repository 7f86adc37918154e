"""What a node sees of the log: every event, read from the store once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from agentkit.kit import Kit
from agentkit.runs.events import Event
from agentkit.runs.session import Session
from agentkit.runs.sqlite import SqliteRunStore
from agentkit.runs.store import Append, Budget, NewRun


def test_each_event_is_read_once_however_often_it_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteRunStore(tmp_path)
    run = store.create(NewRun("echo", "x", {}, 0)).id
    lease = store.take(run, 30)
    session = Session(cast(Kit, None), store, lease, "echo", 0, Budget(), lambda event: None)
    read: list[int] = []
    plain = store.tail

    def tail(*args: Any, **named: Any) -> list[Event]:
        found = plain(*args, **named)
        read.extend(event.seq for event in found)
        return found

    monkeypatch.setattr(store, "tail", tail)
    for number in range(50):
        kind = "mine" if number % 2 else "other"
        last = store.write(lease, Append(kind, {"n": number}))[-1].seq
        seen = session.past(("mine",), last)
        assert [e.data["n"] for e in seen] == list(range(1, number + 1, 2))
        assert len(session.past((), last)) == number + 2
    assert [e.data["n"] for e in session.past(("mine",), 11)] == [1, 3, 5, 7, 9]
    assert len(read) == 25 + 51
    store.close()
