"""The console's experiment at a tiny size."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentkit.bench.console_server import change
from agentkit.bench.consoling import CONSOLE, attacking, opening, shipped, watching
from agentkit.runs.store import Append


def test_a_run_is_opened(tmp_path: Path) -> None:
    seen = opening(tmp_path, 300, 0)
    assert seen["cold"] > 0 and seen["warm"] > 0 and seen["bytes"] > 10_000


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
