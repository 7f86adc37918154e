"""Bad input, bad clients, too many of them, and a server that is told to stop."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import openai
import pytest

from agentkit.capabilities import Request
from agentkit.host import Host
from agentkit.kit import Kit
from agentkit.serve.server import Server
from agentkit.settings import Settings
from agentkit.testing.scripted import ScriptedModel
from tests.serve.conftest import TOKEN, Serve, client, until

pytestmark = pytest.mark.slow

HEADERS = {"Authorization": f"Bearer {TOKEN}"}
ASK: Any = {"model": "script", "messages": [{"role": "user", "content": "x"}]}


@pytest.fixture(scope="module")
def server(tiny_kit: Kit, serve: Serve) -> Server:
    return serve(tiny_kit, body=1 << 20)


def post(server: Server, content: bytes, **headers: str) -> httpx.Response:
    url = f"{server.url}/chat/completions"
    return httpx.post(url, content=content, headers={**HEADERS, **headers}, timeout=60)


def metric(server: Server, line: str) -> float:
    text = httpx.get(f"{server.url[:-3]}/metrics", headers=HEADERS).text
    found = [one for one in text.splitlines() if one.startswith(line)]
    return sum(float(one.rsplit(" ", 1)[1]) for one in found)


# -- what comes in -----------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", "Bearer é"])
def test_nothing_is_served_without_the_token(server: Server, given: str) -> None:
    headers = {"Authorization": given.encode()} if given else {}
    for path in ("/v1/models", "/metrics"):
        refused = httpx.get(server.url[:-3] + path, headers=headers)
        assert refused.status_code == 401 and refused.headers["WWW-Authenticate"] == "Bearer"
        assert refused.json()["error"]["code"] == "invalid_api_key"
    refused = httpx.post(f"{server.url}/chat/completions", json=ASK, headers=headers)
    assert refused.status_code == 401
    assert httpx.get(server.url[:-3] + "/health").json() == {"status": "ok"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"model": "script", "messages": "x"}',
        b'{"model": "script", "messages": [5]}',
        b'{"model": 5, "messages": []}',
        b'{"messages": [{"role": "user", "content": "x"}]}',
        b'{"model": "script", "temperature": NaN, "messages": [{"role": "user", "content": "x"}]}',
        b'{"model": "tiny", "messages": [{"role": "user", "content": "\\ud800"}]}',
    ],
)
def test_malformed_bodies_are_refused_in_the_form_of_an_error(
    server: Server, content: bytes
) -> None:
    refused = post(server, content)
    assert refused.status_code == 400
    error = refused.json()["error"]
    assert error["type"] == "invalid_request_error" and error["message"]
    assert "Traceback" not in refused.text


def test_a_body_that_is_too_large_is_refused_while_the_client_sends(server: Server) -> None:
    long = json.dumps({**ASK, "messages": [{"role": "user", "content": "x" * (10 << 20)}]})
    for content in (long.encode(), (1 << 20) * b"x" + b"x"):
        refused = post(server, content)
        assert refused.status_code == 413
        assert refused.json()["error"]["code"] == "request_too_large"


def test_a_prompt_of_a_megabyte_is_refused_for_its_length(server: Server) -> None:
    body = {"model": "tiny", "messages": [{"role": "user", "content": "x " * 500_000}]}
    refused = post(server, json.dumps(body).encode())
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "context_length_exceeded"


def test_a_body_that_does_not_come_is_given_up(tiny_kit: Kit, serve: Serve) -> None:
    server = serve(tiny_kit, patience=0.2)
    with dial(server) as line:
        line.sendall(head(1000) + b"{")
        assert line.recv(4096).startswith(b"HTTP/1.1 408")


# -- how many ----------------------------------------------------------------------------------


class Gate:
    """A model that answers when it is let, and says what it was asked."""

    def __init__(self) -> None:
        self.open, self.asked = threading.Event(), 0

    def __call__(self, request: Request) -> str:
        self.asked += 1
        assert self.open.wait(60)
        return "done"


def gated() -> tuple[Kit, Gate]:
    gate, kit = Gate(), Kit(Host.load(), Settings())
    kit.add("model", "gate", ScriptedModel.of(gate))
    return kit, gate


def test_a_full_line_refuses_and_says_when_to_come_again(serve: Serve) -> None:
    kit, gate = gated()
    server = serve(kit, at_once=2, waiting=3)
    asked = {**ASK, "model": "gate"}
    made: list[int] = []

    def ask() -> None:
        made.append(post(server, json.dumps(asked).encode()).status_code)

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    until(lambda: server.api.workers.waiting == 3 and gate.asked == 2, "two at work, three in line")
    with pytest.raises(openai.RateLimitError) as caught:
        client(server).chat.completions.create(**asked)
    assert int(caught.value.response.headers["Retry-After"]) >= 1
    assert metric(server, "agentkit_waiting") == 3
    gate.open.set()
    for thread in threads:
        thread.join(60)
    assert made == [200] * 5
    # The official client tries again by itself.
    made_then = client(server, max_retries=2).chat.completions.create(**asked)
    assert made_then.choices[0].message.content == "done"


@pytest.mark.slow
def test_a_thousand_connections_are_answered_or_refused(serve: Serve) -> None:
    kit, gate = gated()
    server = serve(kit, at_once=8, waiting=100)
    body = json.dumps({**ASK, "model": "gate"}).encode()
    lines = [dial(server) for _ in range(1000)]
    try:
        for line in lines:
            line.sendall(head(len(body)) + body)
        until(lambda: metric(server, "agentkit_requests_total{") >= 892, "the rest is refused")
        assert httpx.get(server.url[:-3] + "/health").status_code == 200
        gate.open.set()
        answers = [status(line) for line in lines]
    finally:
        for line in lines:
            line.close()
    assert answers.count(200) == 108 and answers.count(429) == 892
    until(lambda: not server.api.workers.running, "all are gone")


# -- clients that leave, or do not listen ------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_who_leaves_frees_the_slot_at_once(
    tiny_kit: Kit, serve: Serve, server: Server, stream: bool
) -> None:
    before = metric(server, "agentkit_clients_left_total")
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": ENDLESS}}
    asked = {**ASK, "model": "tiny", "max_tokens": 900, "stream": stream, "response_format": form}
    body = json.dumps(asked).encode()
    line = dial(server)
    line.sendall(head(len(body)) + body)
    engine = tiny_kit.model("tiny")._core.backend  # type: ignore[attr-defined]
    until(lambda: any(row.ids for row in engine._rows), "it writes")
    if stream:
        assert line.recv(64).startswith(b"HTTP/1.1 200")
    (row,) = engine._rows
    line.close()
    until(lambda: not server.api.workers.running, "the slot is free")
    assert row.finish == "cancelled" and 0 < len(row.ids) < 900
    until(lambda: metric(server, "agentkit_clients_left_total") == before + 1, "it is counted")


ENDLESS = {"type": "string", "minLength": 880, "maxLength": 895}


def test_who_leaves_while_waiting_is_never_answered(serve: Serve) -> None:
    kit, gate = gated()
    server = serve(kit, at_once=1, waiting=4)
    body = json.dumps({**ASK, "model": "gate"}).encode()
    lines = [dial(server) for _ in range(3)]
    for line in lines:
        line.sendall(head(len(body)) + body)
    until(lambda: server.api.workers.waiting == 2 and gate.asked == 1, "two wait")
    for line in lines[1:]:
        line.close()
    until(lambda: metric(server, "agentkit_clients_left_total") == 2, "both are missed")
    gate.open.set()
    assert status(lines[0]) == 200
    until(lambda: not server.api.workers.running, "nothing is left to do")
    assert gate.asked == 1


def test_who_does_not_read_is_cut_off(serve: Serve) -> None:
    """More text than the system's buffers hold, and a client that takes none of it."""
    kit = Kit(Host.load(), Settings())
    words = " ".join(["x" * 50_000] * 400)
    kit.add("model", "long", ScriptedModel.of(words, pace=0.002))
    server = serve(kit, patience=0.3)
    body = json.dumps({**ASK, "model": "long", "stream": True, "max_tokens": 400}).encode()
    line = dial(server)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.sendall(head(len(body)) + body)
    until(lambda: metric(server, 'agentkit_requests_total{model="long"') >= 1, "it is cut off")
    assert metric(server, 'agentkit_requests_total{model="long",route="/v1/chat/completions",'
                          'status="408"}') == 1  # fmt: skip
    line.close()


# -- faults and the end ------------------------------------------------------------------------


def test_a_fault_in_a_model_is_one_request_s_fault(serve: Serve, caplog: Any) -> None:
    def answer(request: Request) -> str:
        if "fail" in request.messages[-1].text:
            raise ZeroDivisionError("secret words of the inside")
        return "fine"

    kit = Kit(Host.load(), Settings())
    kit.add("model", "m", ScriptedModel.of(answer))
    api = client(serve(kit))
    with pytest.raises(openai.InternalServerError) as caught:
        messages: Any = [{"role": "user", "content": "fail"}]
        api.chat.completions.create(model="m", messages=messages)
    assert "ZeroDivisionError" in str(caught.value) and "secret" not in str(caught.value)
    assert "secret words" in caplog.text
    made = api.chat.completions.create(**{**ASK, "model": "m"})
    assert made.choices[0].message.content == "fine"


@pytest.fixture
def started(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`agentkit serve` as a process of its own, with a model that takes 2 s for an answer."""
    words = " ".join(["word"] * 40)
    (tmp_path / "agentkit.toml").write_text(
        f'[models.slow]\nuse = "scripted"\nanswers = ["{words}"]\npace = 0.05\n'
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "agentkit", "serve", "slow", "--port", "0"],
        cwd=tmp_path,
        env={**os.environ, "AGENTKIT_TOKEN": TOKEN},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    for line in process.stderr:
        if line.startswith("http"):
            break
    try:
        yield process, line.split()[0]
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_lets_answers_end(
    started: tuple[subprocess.Popen[str], str], number: signal.Signals
) -> None:
    process, url = started
    api = openai.OpenAI(base_url=url, api_key=TOKEN, max_retries=0)
    stream = api.chat.completions.create(**{**ASK, "model": "slow"}, stream=True)
    pieces = [next(stream), next(stream)]
    process.send_signal(number)
    pieces += list(stream)
    said = "".join(chunk.choices[0].delta.content or "" for chunk in pieces)
    assert said.split() == ["word"] * 40
    assert pieces[-1].choices[0].finish_reason == "stop"
    assert process.wait(30) == 0
    with pytest.raises(openai.APIConnectionError):
        api.models.list()


@pytest.mark.slow
def test_a_second_stop_does_not_wait(started: tuple[subprocess.Popen[str], str]) -> None:
    process, url = started
    api = openai.OpenAI(base_url=url, api_key=TOKEN, max_retries=0)
    stream = api.chat.completions.create(**{**ASK, "model": "slow"}, stream=True)
    next(stream)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    pieces = []
    try:
        pieces += list(stream)
    except (openai.APIError, httpx.HTTPError):
        pass
    assert len(pieces) < 40


def test_wrong_starts_say_what_is_wrong(tmp_path: Path) -> None:
    def run(*words: str, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "agentkit", "serve", *words],
            cwd=tmp_path,
            env={**os.environ, "AGENTKIT_TOKEN": token},
            capture_output=True,
            text=True,
            timeout=60,
        )

    (tmp_path / "agentkit.toml").write_text('[models.s]\nuse = "scripted"\nanswers = ["a"]\n')
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = run("s", "--port", str(taken.getsockname()[1]))
    assert busy.returncode == 5 and "cannot listen" in busy.stderr
    unknown = run("ss")
    assert unknown.returncode == 3 and "did you mean 's'" in unknown.stderr
    assert run("s", token="short").returncode == 3


# -- bytes by hand -----------------------------------------------------------------------------


def dial(server: Server) -> socket.socket:
    parts = urlsplit(server.url)
    assert parts.hostname and parts.port
    return socket.create_connection((parts.hostname, parts.port), timeout=60)


def head(length: int) -> bytes:
    return (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {TOKEN}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def status(line: socket.socket) -> int:
    return int(line.recv(65536).split()[1])
