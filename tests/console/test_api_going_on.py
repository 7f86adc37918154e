"""Nothing is lost on the way: a server that ends in between, two hundred messages from three people
whose connections break, a model whose server is gone."""

from __future__ import annotations

import json
import random
import threading
from pathlib import Path

import pytest

from tests.console.serving import NOTES, QUESTION, SETTINGS, Console, serve, stop, stop_runs
from tests.console.test_api_runs import events
from tests.console.test_api_stream import Listener

MESSAGES, PEOPLE, CUTS = 200, 3, 20
GONE = """
[models.gone]
use = "openai"
base_url = "http://127.0.0.1:9/v1"
model = "nobody"
"""

pytestmark = pytest.mark.slow


def test_a_paused_run_goes_on_under_another_server(tmp_path: Path) -> None:
    first = serve(tmp_path)
    console = first.enter()
    run = console.start(QUESTION, budget={"steps": 3})
    console.until(run, lambda s: s["run"]["status"] == "paused")
    before = events(console, run)
    stop(first)
    second = serve(tmp_path)
    try:
        console = second.enter()
        state = console.state(run)
        assert state["run"]["status"] == "paused" and events(console, run) == before
        console.command(run, "resume", budget={"steps": None})
        console.ended(run)
        whole = console.start(QUESTION)
        console.ended(whole)
        one, two = (console.get(f"/api/runs/{id}/report") for id in (run, whole))
        assert one == two
    finally:
        stop(second)
        stop_runs(tmp_path)


def test_of_two_hundred_messages_none_is_lost(console: Console) -> None:
    run = console.start(QUESTION, settings={"approve": True})
    console.until(run, lambda s: s["run"]["status"] == "waiting")
    tabs = [Listener(console, run) for _ in range(PEOPLE)]

    def talk(number: int) -> None:
        chance = random.Random(number)
        for n in range(number, MESSAGES, PEOPLE):
            console.command(run, "steer", text=f"exclude word{n}")
            if tabs[number].connections < CUTS and chance.random() < 0.5:
                tabs[number].listen(messages=1)

    people = [threading.Thread(target=talk, args=(n,)) for n in range(PEOPLE)]
    for one in people:
        one.start()
    for one in people:
        one.join(120)
    last = console.get(f"/api/runs/{run}")["seq"]
    for tab in tabs:
        if tab.seq < last:
            tab.listen(until=last)
        said = [m["text"] for m in tab.state["messages"].values()]
        assert sorted(said) == sorted(f"exclude word{n}" for n in range(MESSAGES))
    console.command(run, "budget.set", steps=3)  # what comes after they were read is not looked at
    console.command(run, "plan.approve")
    state = console.until(run, lambda s: s["run"]["status"] == "paused", 300)
    console.command(run, "stop")
    assert {m["state"] for m in state["messages"].values()} == {"applied"}
    assert len(events(console, run, "message.ended")) == MESSAGES


def test_a_model_whose_server_is_gone_is_named_and_costs_no_report(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    for name, text in NOTES.items():
        (tmp_path / "notes" / name).write_text(text)
    (tmp_path / "agentkit.toml").write_text(SETTINGS.format(folder=tmp_path) + GONE)
    served = serve(tmp_path)
    try:
        console = served.enter()
        run = console.start(QUESTION, settings={"writer": "gone"})
        console.until(run, lambda s: s["run"]["status"] == "done", 300)
        panels = json.dumps(console.get(f"/api/runs/{run}/panels"))
        assert "127.0.0.1:9/v1: cannot connect" in panels, panels
        report = json.dumps(console.get(f"/api/runs/{run}/report"))
        assert "1821" in report and "1790" in report
    finally:
        stop(served)
        stop_runs(tmp_path)
