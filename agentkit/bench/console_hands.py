"""How soon the console does what a person says: a server that is started, a message that is seen,
a run that is paused, goes on and is stopped, each seen in the stream that a page listens to."""

from __future__ import annotations

import json
import queue
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agentkit.bench.console_server import Client, served
from agentkit.errors import BackendUnavailable

# An agent that is in the middle of a model's answer whenever somebody wants something of it.
BUSY = """
[models.slow]
use = "scripted"
choose = "request"
pace = 0.02
answers = ["{words}"]

[agents.busy]
use = "tools"
model = "slow"
tools = []
"""
WORDS = 5_000  # of the answer: a hundred seconds, which nobody waits for
PATIENCE = 120.0  # seconds for anything


class Hand:
    """A person at a page: says something, and looks until it is seen there."""

    def __init__(self, client: Client, run: str) -> None:
        self.client, self.run = client, run
        self._seen: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for kind, _, data in self.client.follow(f"runs={self.run}:0"):
            if kind == "run":
                self._seen.put(data)

    def until(self, good: Callable[[dict[str, Any]], bool]) -> None:
        """Waits for a message of the stream.

        Raises:
            BackendUnavailable: it does not come.
        """
        end = time.monotonic() + PATIENCE
        while (left := end - time.monotonic()) > 0:
            try:
                if good(self._seen.get(timeout=left)):
                    return
            except queue.Empty:
                break
        raise BackendUnavailable(f"the console did not show what became of {self.run}")

    def say(self, kind: str, good: Callable[[dict[str, Any]], bool], **args: Any) -> float:
        """Seconds from a command to the sight of what came of it."""
        start = time.perf_counter()
        told(self.client, f"/api/runs/{self.run}/commands", {"kind": kind, "args": args})
        self.until(good)
        return time.perf_counter() - start


def told(client: Client, path: str, body: dict[str, Any]) -> Any:
    """The answer to a POST."""
    proof = {"Cookie": client.cookie, "X-CSRF": client.csrf}
    status, said = client.ask("POST", path, {"client_id": str(uuid.uuid4()), **body}, proof)
    if status >= 300:
        raise BackendUnavailable(f"the console answered {status} to {body}: {said[:200]!r}")
    return json.loads(said)


def became(status: str) -> Callable[[dict[str, Any]], bool]:
    """Whether a message of the stream says that the run is in that state now."""
    return lambda data: any(
        row["kind"] == "run.status" and row["text"].split(" ")[0] == status for row in data["rows"]
    )


def asks(data: dict[str, Any]) -> bool:
    return any(row["kind"] == "model.asked" for row in data["rows"])


def heard(data: dict[str, Any]) -> bool:
    return any(path[0] == "messages" for path, _ in data["set"])


def handling(folder: Path, times: int) -> dict[str, list[float]]:
    """Seconds until each thing was done, so many times."""
    settings = BUSY.format(words="word " * WORDS)
    started = time.perf_counter()
    with served(folder, settings) as (client, _):
        seen: dict[str, list[float]] = {"start": [time.perf_counter() - started]}
        for number in range(times):
            made = told(client, "/api/runs", {"agent": "busy", "task": f"talk {number}"})
            hand = Hand(client, str(made["run"]["id"]))
            hand.until(asks)
            took = {
                "steer": hand.say("steer", heard, text="say less"),
                "pause": hand.say("pause", became("paused")),
                "resume": hand.say("resume", asks),
                "stop": hand.say("stop", became("cancelled")),
            }
            for name, seconds in took.items():
                seen.setdefault(name, []).append(seconds)
        return seen
