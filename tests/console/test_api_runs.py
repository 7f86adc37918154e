"""A run over the API: started, read, steered, paused, forked; each seen in the store's own log."""

from __future__ import annotations

from typing import Any

from tests.console.serving import QUESTION, Console


def test_a_run_from_question_to_report(console: Console) -> None:
    run = console.start()
    state = console.ended(run)
    assert state["run"]["driven"] is False or state["run"]["status"] == "done"
    assert [t["status"] for t in state["tasks"].values()] == ["done", "done"]
    assert state["report"]["artifact"] == "report.json"
    texts = " ".join(s["text"] for s in state["evidence"].values())
    assert "1821" in texts and "1790" in texts
    assert state["meter"]["steps"] > 3 and state["meter"]["running"] is False
    listed = console.get("/api/runs?q=windmill")["runs"]
    assert listed[0]["id"] == run and listed[0]["done"] == listed[0]["tasks"] == 2
    about: dict[str, Any] = console.get("/api/about")
    assert about["agents"] >= 1
    assert console.get(f"/api/runs/{run}/events/1")["kind"] == "run.created"
    assert QUESTION in console.get(f"/api/runs/{run}")["state"]["run"]["task"]
