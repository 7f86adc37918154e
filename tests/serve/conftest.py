"""Servers on this machine: the real application, socket and all, in a thread of the test."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from agentkit.host import Host
from agentkit.kit import Kit
from agentkit.serve.app import Api, Limits
from agentkit.serve.served import Served
from agentkit.serve.server import Server
from agentkit.settings import Settings
from agentkit.testing.tiny import tiny_model_folder

TOKEN = "a-token-for-tests"
Serve = Callable[..., Server]


def client(server: Server, **settings: Any) -> OpenAI:
    """The official client."""
    return OpenAI(base_url=server.url, **{"api_key": TOKEN, "max_retries": 0, **settings})


def until(true: Callable[[], object], what: str) -> None:
    """Waits for something that is bound to happen; how soon does not matter."""
    for _ in range(3000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError(f"in 30 s it did not come to this: {what}")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model_folder(tmp_path_factory.mktemp("tiny") / "model", context=2048)


@contextmanager
def serving(kit: Kit, *names: str, **limits: Any) -> Iterator[Server]:
    """A server of the kit's models that listens already."""
    server = Server(Api(Served(kit, names), TOKEN, Limits(**limits)), "127.0.0.1", 0, drain=5)
    thread = threading.Thread(target=server.serve_here, daemon=True)
    thread.start()
    until(lambda: server.started, "the server listens")
    try:
        yield server
    finally:
        server.stop()
        server.stop()
        thread.join(30)


@pytest.fixture(scope="module")
def serve() -> Iterator[Serve]:
    """`serve(kit)` is such a server; all are stopped at the end."""
    with ExitStack() as stack:
        yield lambda kit, *names, **limits: stack.enter_context(serving(kit, *names, **limits))


@pytest.fixture(scope="module")
def tiny_kit(tiny: Path) -> Iterator[Kit]:
    """A real model of a few kilobytes, the same sharpened, and a script."""
    with Kit(Host.load(), Settings()) as kit:
        kit.define("model", "tiny", use="transformers", model=str(tiny), dtype="fp32", threads=1)
        kit.define("model", "sharp", use="power-sampling", base="tiny", block=4, steps=1)
        kit.define("model", "script", use="scripted", answers=["one two three"])
        yield kit
