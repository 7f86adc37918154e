"""The gateway by itself, spoken to over a socket."""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator

import pytest
from sites import site

from agentkit.fetching import FetchSettings
from agentkit_web.gateway import Gateway

pytestmark = pytest.mark.slow


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    made = Gateway(FetchSettings(private=("127.0.0.1",), bytes=200_000, seconds=5))
    yield made
    made.close()


def ask(gateway: Gateway, line: str, word: str | None = None) -> bytes:
    port = int(gateway.proxy["server"].rpartition(":")[2])
    given = base64.b64encode(f"agentkit:{gateway.word if word is None else word}".encode())
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        head = f"{line}\r\nHost: x\r\nProxy-Authorization: Basic {given.decode()}\r\n\r\n"
        connection.sendall(head.encode())
        if line.startswith("CONNECT"):
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


def test_a_page_and_a_tunnel(gateway: Gateway) -> None:
    with site() as (base, asked):
        assert b"Otters eat crabs" in ask(gateway, f"GET {base}/otter HTTP/1.1")
        assert asked == ["/otter"]
        answer = ask(gateway, f"CONNECT {base.removeprefix('http://')} HTTP/1.1\r\nX: y")
        assert answer.startswith(b"HTTP/1.1 200")


def test_nobody_else_may_use_it(gateway: Gateway) -> None:
    with site() as (base, asked):
        assert b" 407 " in ask(gateway, f"GET {base}/otter HTTP/1.1", word="guess")
        assert not asked


@pytest.mark.parametrize(
    "line",
    [
        "CONNECT 10.0.0.1:443 HTTP/1.1",
        "CONNECT 169.254.169.254:80 HTTP/1.1",
        "GET http://127.0.0.2:80/ HTTP/1.1",
        "GET http://[::1]:80/ HTTP/1.1",
        "GET file:///etc/passwd HTTP/1.1",
        "GET / HTTP/1.1",
    ],
)
def test_what_is_refused(gateway: Gateway, line: str) -> None:
    assert b" 403 " in ask(gateway, line)
    assert gateway.refused


def test_what_makes_no_sense(gateway: Gateway) -> None:
    for line in ("nonsense", "GET", "CONNECT nowhere.invalid:443 HTTP/1.1"):
        assert b" 502 " in ask(gateway, line)


def test_too_much_over_one_connection(gateway: Gateway) -> None:
    with site() as (base, _):
        answer = ask(gateway, f"GET {base}/endless HTTP/1.1")
    assert len(answer) < 400_000 and "more than 200,000 bytes" in gateway.refused[-1]
