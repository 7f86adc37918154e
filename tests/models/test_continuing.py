"""Token ids over HTTP: what is asked for, and what a server may not leave out."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import agentkit
from agentkit.capabilities import Cancel, Continuations, Draw, Grammar, Request
from agentkit.errors import BackendUnavailable, ContextOverflow, Unsupported, UsageError
from agentkit.kit import Kit

pytestmark = pytest.mark.slow


class Server(ThreadingHTTPServer):
    """replies: by path, (status, document). The real thing is tried with power sampling; here each
    fault of a server is wanted, and no model gives those."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies: dict[str, tuple[int, Any]] = {}
        self.seen: list[tuple[str, Any]] = []
        self.hold = threading.Event()
        self.hold.set()

    def handle_error(self, *_: Any) -> None:
        """A client that left is no news."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, asked))
        self.server.hold.wait(20)
        status, document = self.server.replies.get(self.path, (404, {"detail": "Not Found"}))
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield made
        made.hold.set()
        made.shutdown()
        thread.join()


@pytest.fixture
def far(server: Server) -> Iterator[Continuations]:
    with agentkit.load(environ={}) as kit:
        yield declared(kit, server).ability(Continuations)


def declared(kit: Kit, server: Server, **settings: Any) -> Any:
    url = f"http://127.0.0.1:{server.server_port}/v1"
    asked = {"token_ids": True, "retries": 1, "backoff": 0.0, "max_logprobs": 2, "context": 64}
    kit.define("model", "far", use="openai", base_url=url, model="m", **{**asked, **settings})
    return kit.model("far")


def answer(**changes: Any) -> dict[str, Any]:
    logprobs = {
        "tokens": ["token_id:7", "token_id:9"],
        "token_logprobs": [-0.5, -3.0],
        "top_logprobs": [
            {"token_id:7": -0.5, "token_id:8": -1.0},
            {"token_id:9": -3.0, "token_id:7": -0.25, "token_id:8": -2.0},
        ],
    }
    choice = {"finish_reason": "stop", "logprobs": {**logprobs, **changes}}
    return {"choices": [choice], "usage": {"completion_tokens": 2}}


def test_ids_go_and_come_with_the_samplers_settings_off(server: Server, far: Continuations) -> None:
    server.replies["/v1/completions"] = (200, answer())
    (made,) = far.continued([(1, 2)], [5], [Draw(seed=3, temperature=0.25)])
    assert (made.ids, made.logp, made.finish, made.sure) == ((7, 9), (-0.5, -3.0), "stop", 2)
    assert made.top[1] == {9: -3.0, 7: -0.25, 8: -2.0}
    _, asked = server.seen[-1]
    assert (asked["prompt"], asked["max_tokens"], asked["temperature"]) == ([1, 2], 5, 0.25)
    assert (asked["top_k"], asked["top_p"], asked["min_p"], asked["logprobs"]) == (-1, 1, 0, 2)
    far.continued([(1, 2)], [5], [Draw(stop_ids=())])
    assert server.seen[-1][1]["ignore_eos"] is True
    far.continued([(1, 2)], [5], [Draw(stop_ids=(4,))])
    assert server.seen[-1][1]["stop_token_ids"] == [4]


def test_text_to_ids_and_back(server: Server, far: Continuations) -> None:
    server.replies["/tokenize"] = (200, {"tokens": [3, 4]})
    server.replies["/detokenize"] = (200, {"prompt": "hi"})
    assert far.render(Request.of("hi")) == far.encode("hi") == (3, 4)
    assert server.seen[0][1]["messages"][-1] == {"role": "user", "content": "hi"}
    assert server.seen[1][1] == {"model": "m", "prompt": "hi", "add_special_tokens": False}
    assert far.decode((3, 4)) == "hi"
    server.replies["/tokenize"] = (200, {"ids": [3]})
    with pytest.raises(BackendUnavailable, match="tokens"):
        far.encode("hi")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"top_logprobs": None}, "no log-probabilities"),
        ({"tokens": ["a", "b"]}, "tokens as ids"),
        ({"token_logprobs": [-0.5]}, "tokens as ids"),
        ({"tokens": ["token_id:7"], "token_logprobs": [-0.5], "top_logprobs": [{}]}, "end token"),
    ],
)
def test_what_a_server_must_not_leave_out(
    server: Server, far: Continuations, changes: dict[str, Any], said: str
) -> None:
    server.replies["/v1/completions"] = (200, answer(**changes))
    with pytest.raises(BackendUnavailable, match=said):
        far.continued([(1,)], [5], [Draw()])


@pytest.mark.parametrize(
    ("reply", "error", "said"),
    [
        ((200, {"choices": []}), BackendUnavailable, "without choices"),
        ((200, b"<html>"), BackendUnavailable, "2 tries"),
        ((404, {"detail": "no"}), BackendUnavailable, "404"),
        ((503, {"detail": "busy"}), BackendUnavailable, "busy.*2 tries"),
        ((400, {"error": {"message": "bad seed"}}), UsageError, "bad seed"),
        ((400, {"error": {"message": "maximum context length is 8"}}), ContextOverflow, "length"),
    ],
)
def test_faults_of_an_endpoint(
    server: Server, far: Continuations, reply: Any, error: type[Exception], said: str
) -> None:
    server.replies["/v1/completions"] = reply
    with pytest.raises(error, match=said):
        far.continued([(1,)], [5], [Draw()])


def test_whole_vocabularies(server: Server, far: Continuations) -> None:
    rows = [None, {"5": {"logprob": -0.1}}, {"6": {"logprob": -0.2}, "7": {"logprob": -1.9}}]
    document = {"choices": [{"prompt_logprobs": rows}]}
    server.replies["/v1/completions"] = (200, document)
    made = far.whole((4, 5), (7,))
    assert (made.logp, made.top, made.sure) == ((-1.9,), ({6: -0.2, 7: -1.9},), 2)
    assert server.seen[-1][1]["prompt_logprobs"] == -1
    for reply in ((400, {"error": {"message": "above max_logprobs"}}), (200, answer())):
        server.replies["/v1/completions"] = reply
        with pytest.raises(Unsupported, match="--max-logprobs"):
            far.whole((4, 5), (7,))


def test_what_cannot_be_is_refused(server: Server, far: Continuations) -> None:
    with pytest.raises(Unsupported, match="grammar"):
        far.continued([(1,)], [5], [Draw(grammar=Grammar("regex", "a"))])
    assert not server.seen
    with agentkit.load(environ={}) as kit, pytest.raises(Unsupported, match="continuations"):
        declared(kit, server, token_ids=False).ability(Continuations)


def test_a_silent_server_can_be_left(server: Server, far: Continuations) -> None:
    server.hold.clear()
    cancel = Cancel()
    threading.Timer(0.2, cancel.set).start()
    (made,) = far.continued([(1,)], [5], [Draw()], cancel=cancel)
    assert made.finish == "cancelled" and made.ids == ()
