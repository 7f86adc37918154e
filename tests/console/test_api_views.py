"""Panels, files and screens of plugins: shown, and where they crash, named and alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agentkit.console.desk import Desk
from agentkit.kit import load
from agentkit.runs.store import Append, NewRun


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    kit = load(overrides=[f'host.store="{tmp_path}"'])
    registry = kit.host.registry
    registry.begin("others")
    registry.views("mine", "tests.console.panels:Mine", summary="my curve")
    registry.views("crashing", "tests.console.panels:Crashing", summary="crashes")
    registry.views("absent", "tests.console.nowhere:Nothing", summary="cannot be loaded")
    made = Desk(kit)
    yield made
    made.close()
    kit.close()


@pytest.fixture
def run(desk: Desk) -> str:
    row = desk.store.create(NewRun("tools", "a task", {"task": "a task"}, 0))
    lease = desk.store.take(row.id, 30)
    desk.store.write(lease, *(Append("mine.measured", {"value": n / 2}) for n in range(3)))
    desk.store.release(lease)
    return row.id


def test_a_panel_draws_events_that_the_host_does_not_know(desk: Desk, run: str) -> None:
    panels = {p["name"]: p for p in desk.views.panels(run)}
    mine = panels["mine.curve"]
    assert (mine["plugin"], mine["title"], mine["error"]) == ("others", "My curve", "")
    assert mine["blocks"][0]["series"] == {"value": [[0.0, 0.0], [1.0, 0.5], [2.0, 1.0]]}
    assert [r["kind"] for r in desk.folds.get(run).rows.all[1:]] == ["mine.measured"] * 3


def test_what_crashes_is_named_and_alone(desk: Desk, run: str) -> None:
    panels = {p["name"]: p for p in desk.views.panels(run)}
    assert panels["crashing"]["error"].startswith("KeyError") and not panels["crashing"]["blocks"]
    assert panels["crashing"]["plugin"] == "others"
    assert "cannot be loaded" in panels["absent"]["error"]
    assert desk.views.exports(run)["mine.txt"].make() == b"mine"
    assert "run.jsonl" in desk.views.exports(run)
    assert desk.views.screens(run) == {}
    with pytest.raises(Exception, match="no report yet"):
        desk.views.report(run)
