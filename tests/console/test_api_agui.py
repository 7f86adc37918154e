"""The runs as AG-UI, read with the protocol's own models."""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Iterator
from typing import Any

import jsonpatch
import pytest
from ag_ui.core import Event, RunAgentInput, UserMessage
from pydantic import TypeAdapter

from tests.console.serving import QUESTION, Console

pytestmark = pytest.mark.slow

EVENTS: TypeAdapter[Event] = TypeAdapter(Event)


def told(console: Console, method: str, path: str, body: Any = None) -> list[Any]:
    return list(stream(console, method, path, body))


def stream(console: Console, method: str, path: str, body: Any = None) -> Iterator[Any]:
    connection = http.client.HTTPConnection("127.0.0.1", console.port, timeout=60)
    headers = {"Authorization": f"Bearer {console.token}", "Content-Type": "application/json"}
    try:
        data = None if body is None else body.model_dump_json(by_alias=True, exclude_none=True)
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        while line := answer.readline():
            if line.startswith(b"data: "):
                yield EVENTS.validate_python(json.loads(line[6:]))
    finally:
        connection.close()


def asked(thread: str, text: str, resume: Any = None) -> RunAgentInput:
    message = UserMessage(id=str(uuid.uuid4()), content=text)
    return RunAgentInput(
        thread_id=thread, run_id=str(uuid.uuid4()), messages=[message], resume=resume
    )


def state_of(events: list[Any]) -> Any:
    """What a client holds at the end."""
    state: Any = None
    for event in events:
        if event.type == "STATE_SNAPSHOT":
            state = event.snapshot
        elif event.type == "STATE_DELTA":
            patch = [p if isinstance(p, dict) else p.model_dump() for p in event.delta]
            state = jsonpatch.apply_patch(state, patch)
    return state


def test_a_whole_run(served: Console) -> None:
    thread = str(uuid.uuid4())
    events = told(served, "POST", "/api/agui/research", asked(thread, QUESTION))
    kinds = [event.type.value for event in events]
    assert kinds[0] == "RUN_STARTED" and kinds[-1] == "RUN_FINISHED"
    assert events[-1].outcome.type == "success" and "1821" in events[-1].result
    assert kinds.count("STEP_STARTED") == kinds.count("STEP_FINISHED") > 3
    assert kinds.count("TOOL_CALL_START") == kinds.count("TOOL_CALL_END") > 0
    console = served.enter()
    run = console.get("/api/runs?limit=1")["runs"][0]["id"]
    there = console.get(f"/api/runs/{run}")["state"]
    there.pop("run")
    assert state_of(events) == there
    again = told(served, "GET", f"/api/agui/runs/{run}/events")
    assert state_of(again) == there
    texts = [e.delta for e in again if e.type == "TEXT_MESSAGE_CONTENT"]
    assert any("1790" in text for text in texts)


def test_an_interrupt_is_answered(served: Console) -> None:
    console = served.enter()
    run = console.start(QUESTION, settings={"approve": True})
    console.until(run, lambda s: s.get("plan", {}).get("question"))
    events = told(served, "GET", f"/api/agui/runs/{run}/events")
    outcome = events[-1].outcome
    assert outcome.type == "interrupt" and len(outcome.interrupts) == 1
    (one,) = outcome.interrupts
    assert one.reason == "plan" and "T1" in one.message
    resume = [{"interruptId": one.id, "status": "resolved", "payload": "approve"}]
    events = told(served, "POST", "/api/agui/research", asked(run, "go on", resume))
    assert events[-1].outcome.type == "success"
    state = state_of(events)
    assert state["plan"]["state"] == "approved"
    assert {t["status"] for t in state["tasks"].values()} == {"done"}


def test_no_token_no_events(served: Console) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    for token in ("", "Bearer", "Bearer x", f"Basic {served.token}"):
        connection.request("POST", "/api/agui/research", "{}", {"Authorization": token})
        answer = connection.getresponse()
        assert (answer.status, answer.read()[:9]) == (401, b'{"error":')
    connection.close()


def test_what_is_no_input(served: Console) -> None:
    for body in ({}, {"threadId": "x"}, {"threadId": "x", "runId": "y", "messages": []}):
        answer = served.ask(
            "POST",
            "/api/agui/research",
            body,
            {"Authorization": f"Bearer {served.token}", "Cookie": ""},
        )
        assert answer.status == 422, answer.body
