"""A model that sees, behind an OpenAI-compatible server, operates the phone in its own words.

The server is a fake that gives prepared replies: no vision model can be had here. What it is sent,
screenshot and all, is what a real one would be.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from agentkit.kit import Kit
from agentkit_color_agent.vision import Points, from_pixel, to_pixel

pytestmark = pytest.mark.slow

SIZE = (1080, 2400)


class Server(ThreadingHTTPServer):
    """Gives its replies in turn, and keeps what it was asked."""

    daemon_threads = True
    replies: list[str]
    asked: list[dict[str, Any]]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append(body)
        message = {"role": "assistant", "content": self.server.replies.pop(0)}
        made = {
            "id": "1", "object": "chat.completion", "created": 0, "model": "vision",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        }  # fmt: skip
        data = json.dumps(made).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), Handler)
    made.replies, made.asked = [], []
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def tap(dialect: str, point: tuple[float, float]) -> str:
    """A touch in a family's words."""
    x, y = (round(v, 4) if dialect == "showui" else int(v) for v in point)
    call = {"name": "mobile_use", "arguments": {"action": "click", "coordinate": [x, y]}}
    return {
        "mobile-use": f"Thought: go on.\n{json.dumps(call)}",
        "ui-tars": f"Thought: go on.\nAction: click(start_box='({x},{y})')",
        "showui": f"{{'action': 'CLICK', 'value': None, 'position': [{x}, {y}]}}",
    }[dialect]


DONE = {
    "mobile-use": '{"name": "mobile_use", "arguments": {"action":"terminate","status":"success"}}',
    "ui-tars": "Action: finished()",
    "showui": "{'action': 'TASK_COMPLETE', 'value': None, 'position': None}",
}


@pytest.mark.parametrize(
    ("dialect", "points"), [("mobile-use", "resized"), ("ui-tars", "thousand"), ("showui", "unit")]
)
def test_a_model_that_sees_turns_a_switch(
    kit: Kit, server: Server, dialect: str, points: Points
) -> None:
    """From the settings' first page to the switch, by points alone; a point off the screen is told
    to the model."""
    phone: Any = kit.environment("phone")
    task = next(t for t in phone.tasks("train") if t.id == "airplane-mode/1")
    phone.reset(task, 0)
    by_name = {a.__name__: a for a in phone.info.actions}

    def middle(label: str) -> tuple[float, float]:
        seen = phone.observe().data
        found = next(e for e in seen["elements"] if str(e.get("label", "")).startswith(label))
        left, top, right, bottom = found["bounds"]
        return from_pixel((left + right) // 2, (top + bottom) // 2, points, SIZE)

    # The way, found beforehand on another phone that looks the same.
    way = []
    for label in ("Settings", "Network", "Airplane mode"):
        way.append(middle(label))
        x, y = to_pixel(*way[-1], points, SIZE)
        phone.step(by_name["Tap"](x=x, y=y))
    off = (5000.0, 5000.0)
    server.replies = [tap(dialect, way[0]), tap(dialect, off), tap(dialect, way[1]),
                      tap(dialect, way[2]), DONE[dialect]]  # fmt: skip
    port = server.server_address[1]
    kit.define("environment", "seen", use="android", where="inside")
    kit.define("model", "eyes", use="openai", base_url=f"http://127.0.0.1:{port}/v1",
               model="vision", context=100_000)  # fmt: skip
    kit.define("agent", "sees", use="color-agent", model="eyes", environment="seen",
               sight="screen", dialect=dialect)  # fmt: skip
    run = kit.agent("sees").run("", task_id=task.id)
    assert run.result.success, run.result.report
    assert run.result.calls == {"model": 5} and run.result.steps == 3
    (rejected,) = kit.runs.tail(run.id, kinds=("reply.rejected",))
    assert "not on the screen" in rejected.data["reason"]
    content = server.asked[0]["messages"][1]["content"]
    (picture,) = [c for c in content if c["type"] == "image_url"]
    assert base64.b64decode(picture["image_url"]["url"].partition(",")[2]).startswith(b"\x89PNG")
