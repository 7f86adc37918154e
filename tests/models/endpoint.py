"""A real HTTP server on this machine that speaks the OpenAI protocol, and misbehaves on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jsonschema

from agentkit.capabilities import CallContext, Completion, LanguageModel, Message, Request, Text
from agentkit.errors import ContextOverflow

CANDIDATES = ("true", '"red"', '{"sure": true, "colour": "red"}', "[true, false]")
CANDIDATES += ('{"answer": "yes"}', "7")
Fault = Callable[["Handler"], None]


class Endpoint(ThreadingHTTPServer):
    """plan: what the next requests meet in place of an answer, one each. seen: what was asked, in
    order of arrival. broken: set when a client left in the middle of an answer."""

    daemon_threads = True

    def __init__(self, model: LanguageModel) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.model, self.lock = model, threading.Lock()
        self.plan: list[Fault] = []
        self.seen: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.broken = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


@contextmanager
def serving(model: LanguageModel) -> Iterator[Endpoint]:
    with Endpoint(model) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class Handler(BaseHTTPRequestHandler):
    server: Endpoint
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        context = self.server.model.info.context
        self.document(200, {"data": [{"id": "other"}, {"id": "ref", "max_model_len": context}]})

    def do_POST(self) -> None:
        self.asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.seen.append(self.asked)
            self.server.keys.append(self.headers.get("Authorization", ""))
            fault = self.server.plan.pop(0) if self.server.plan else None
        try:
            if self.path != "/v1/chat/completions":
                self.document(404, {"detail": "Not Found"})
            elif fault is not None:
                fault(self)
            else:
                self.answer()
        except OSError:
            self.server.broken.set()
            self.close_connection = True

    # -- answers ----------------------------------------------------------------------------------

    def answer(self) -> None:
        """What the model says, as a stream."""
        try:
            made = self.completion()
        except ContextOverflow as error:
            message = f"This model's maximum context length is exceeded: {error.message}"
            self.document(400, {"error": {"message": message, "type": "invalid_request_error"}})
            return
        self.begin_stream()
        for index, choice in enumerate((made, *made.others)):
            self.send_choice(index, choice)
        usage = {
            "prompt_tokens": made.usage.prompt,
            "completion_tokens": made.usage.completion,
        }
        self.event({"choices": [], "usage": usage})
        self.event("[DONE]")
        self.end_stream()

    def send_choice(self, index: int, choice: Completion) -> None:
        entries = list(choice.logprobs)
        for place in range(0, len(choice.text), 3):
            self.chunk(choice.text[place : place + 3], index)
        for entry in entries:
            top = [{"token": t, "logprob": p} for t, p in entry.top]
            content = {"token": entry.token, "logprob": entry.logprob, "top_logprobs": top}
            self.chunk("", index, logprobs={"content": [content]})
        self.chunk("", index, finish_reason=choice.finish)

    def completion(self) -> Completion:
        asked = self.asked
        messages = [Message(m["role"], (Text(m["content"] or ""),)) for m in asked["messages"]]
        wanted = asked.get("response_format", {}).get("json_schema", {}).get("schema")
        request = Request(
            tuple(messages),
            max_tokens=asked["max_tokens"],
            temperature=asked["temperature"],
            stop=tuple(asked.get("stop", ())),
            n=asked.get("n", 1),
            logprobs=asked.get("top_logprobs", 0) if asked.get("logprobs") else None,
            context=CallContext(seed=asked.get("seed", 0)),
        )
        made = self.server.model.generate([request])[0]
        if wanted is None:
            return made
        fits = jsonschema.validators.validator_for(wanted)(wanted)
        return Completion(next(c for c in CANDIDATES if fits.is_valid(json.loads(c))))

    # -- pieces that faults are made of -----------------------------------------------------------

    def document(self, status: int, content: Any, **headers: str) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, text: str, index: int = 0, **rest: Any) -> None:
        self.event({"choices": [{"index": index, "delta": {"content": text}, **rest}]})

    def event(self, data: Any) -> None:
        self.raw(f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode())

    def raw(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def end_stream(self) -> None:
        self.wfile.write(b"0\r\n\r\n")

    def hang_up(self) -> None:
        self.close_connection = True
        self.connection.close()
