"""The console's experiment at a tiny size."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from agentkit.bench.console_hands import handling
from agentkit.bench.console_server import change
from agentkit.bench.consoling import CONSOLE, attacking, opening, shipped, watching
from agentkit.runs.sqlite import SqliteRunStore
from agentkit.runs.store import Append

pytestmark = pytest.mark.slow


def test_a_run_is_opened(tmp_path: Path) -> None:
    seen = opening(tmp_path, 300, 0)
    assert seen["cold"] > 0 and seen["warm"] > 0 and seen["bytes"] > 10_000


def test_a_run_is_told_things_and_does_them(tmp_path: Path) -> None:
    seen = handling(tmp_path, 1)
    assert seen.keys() == {"start", "steer", "pause", "resume", "stop"}
    with closing(SqliteRunStore(tmp_path / "runs")) as store:
        (row,) = store.runs(5)
        told = [event.data["status"] for event in store.tail(row.id, kinds=("run.status",))]
        assert [m.directive.text for m in store.messages(row.id)] == ["say less"]
    assert told.count("running") == 2 and told[-1] == "cancelled" and "paused" in told


@pytest.mark.slow
def test_attacks_are_tried_and_none_gets_through(tmp_path: Path) -> None:
    seen = attacking(tmp_path, 0, False)
    assert seen["tried"] > 200 and seen["through"] == []


@pytest.mark.slow
def test_cut_viewers_lose_and_double_nothing(tmp_path: Path) -> None:
    seen = watching(tmp_path, 3, 60, 0, True)
    assert seen["lost"] == seen["doubled"] == 0 and seen["connections"] > 3


def test_what_is_written_is_like_a_run(tmp_path: Path) -> None:
    import random

    made = [change(n, random.Random(n)) for n in range(40)]
    kinds = {one.kind for one in made if isinstance(one, Append)}
    assert {"node.entered", "todo.changed", "evidence.added", "model.done", "metric"} <= kinds
    size, packed = shipped()
    assert 0 < packed < size and CONSOLE.name == "console"
