"""A server that speaks vLLM's completions over a real model of this process: it draws and tells
probabilities from the model's own logits, and can be told to misbehave as servers do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import torch

import agentkit
from agentkit.capabilities import LanguageModel, Message, Request, Tokens, Weights
from agentkit.kit import Kit
from agentkit.testing.tiny import tiny_model_folder


class Server(ThreadingHTTPServer):
    """mode: "" as it should be, or what is wrong. whole: whether prompt_logprobs may be all. seen:
    what was asked."""

    daemon_threads = True

    def __init__(self, model: LanguageModel) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.tokens, self.weights = model.ability(Tokens), model.ability(Weights)
        self.lock = threading.Lock()
        self.mode, self.whole = "", True
        self.seen: list[dict[str, Any]] = []

    def handle_error(self, *_: Any) -> None:
        """A client that left is no news."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    @torch.no_grad()
    def logp(self, ids: list[int]) -> torch.Tensor:
        """(T, V) in nats."""
        with self.lock, self.weights.borrow("read") as module:
            logits = module(input_ids=torch.tensor([ids])).logits[0]
        return torch.log_softmax(logits.double(), -1)


@contextmanager
def serving(model: LanguageModel) -> Iterator[Server]:
    with Server(model) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.document({"data": [{"id": "tiny", "max_model_len": 1024}]})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append(asked)
        if self.path == "/tokenize":
            self.document({"tokens": self.tokenized(asked)})
        elif self.path == "/detokenize":
            self.document({"prompt": self.server.tokens.decode(asked["tokens"])})
        elif self.path != "/v1/completions" or self.server.mode == "chat only":
            self.document({"detail": "Not Found"}, 404)
        elif asked.get("prompt_logprobs") == -1 and not self.server.whole:
            self.document({"error": {"message": "prompt_logprobs above max_logprobs"}}, 400)
        else:
            self.document(self.completed(asked))

    def tokenized(self, asked: dict[str, Any]) -> list[int]:
        if "messages" not in asked:
            return list(self.server.tokens.encode(asked["prompt"]))
        messages = [Message.of(m["role"], m["content"]) for m in asked["messages"]]
        return list(self.server.tokens.render(Request(tuple(messages))))

    def completed(self, asked: dict[str, Any]) -> dict[str, Any]:
        noise = torch.Generator().manual_seed(asked["seed"])
        ids, end = list(asked["prompt"]), 258
        count, finish = asked["logprobs"], "length"
        names: list[str] = []
        chosen: list[float] = []
        top: list[dict[str, float]] = []
        for _ in range(asked["max_tokens"]):
            raw = self.server.logp(ids)[-1]
            sharp = torch.log_softmax(raw / asked["temperature"], -1)
            token = int(torch.multinomial(sharp.exp(), 1, generator=noise))
            told = sharp if self.server.mode == "processed" else raw
            best = torch.topk(told, count)
            names.append(f"token_id:{token}")
            chosen.append(float(told[token]))
            pairs = {f"token_id:{i}": float(v) for i, v in zip(best.indices.tolist(), best.values)}
            top.append({names[-1]: chosen[-1]} | pairs)
            ids.append(token)
            if token == end:
                finish = "stop"
                break
        told_of = None if self.server.mode == "no logprobs" else {
            "tokens": names, "token_logprobs": chosen, "top_logprobs": top
        }  # fmt: skip
        choice: dict[str, Any] = {"text": "", "finish_reason": finish, "logprobs": told_of}
        if asked.get("prompt_logprobs") == -1:
            rows = self.server.logp(asked["prompt"])[:-1]
            whole = [{str(i): {"logprob": float(v)} for i, v in enumerate(row)} for row in rows]
            choice["prompt_logprobs"] = [None, *whole]
        return {"choices": [choice], "usage": {"completion_tokens": len(names)}}

    def document(self, content: Any, status: int = 200) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    """A kit with the model `tiny`."""
    with agentkit.load(environ={}) as made:
        folder = tiny_model_folder(tmp_path_factory.mktemp("tiny") / "model")
        made.define("model", "tiny", use="transformers", model=str(folder), dtype="fp32")
        yield made


@pytest.fixture()
def server(local: Kit) -> Iterator[Server]:
    """`tiny` behind HTTP."""
    with serving(local.model("tiny")) as made:
        yield made
