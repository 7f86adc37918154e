"""A console's server in a process of its own, a program that was let in, and runs that are written
into its store by this process, as an agent's process would."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentkit.errors import BackendUnavailable
from agentkit.runs.sqlite import SqliteRunStore
from agentkit.runs.store import Append, Change, NewRun, SetStatus

TASKS, SPANS = 500, 2_000
JSON = {"Content-Type": "application/json"}
STARTING = 60.0  # seconds that the server may take to start


@dataclass
class Client:
    """A program that was let in."""

    port: int
    token: str
    cookie: str = ""
    csrf: str = ""

    def enter(self) -> None:
        with self._connected() as line:
            line.request("POST", "/api/session", json.dumps({"token": self.token}), JSON)
            answer = line.getresponse()
            self.csrf = str(json.loads(answer.read())["csrf"])
            self.cookie = str(answer.headers["set-cookie"]).split(";")[0]

    @contextlib.contextmanager
    def _connected(self) -> Iterator[http.client.HTTPConnection]:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            yield line
        finally:
            line.close()

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """(status, body) of the answer. body: sent as JSON, unless the headers say otherwise."""
        sent = {**(JSON if body is not None else {}), **(headers or {})}
        with self._connected() as line:
            line.request(method, path, None if body is None else json.dumps(body), sent)
            answer = line.getresponse()
            return answer.status, answer.read()

    def get(self, path: str) -> bytes:
        status, body = self.ask("GET", path, headers={"Cookie": self.cookie})
        if status != 200:
            raise BackendUnavailable(f"the console answered {status} to {path}")
        return body

    def follow(self, query: str, last: str = "") -> Iterator[tuple[str, str, Any]]:
        """(event, id, data) of a stream until it ends, or who listens does."""
        headers = {"Cookie": self.cookie, **({"Last-Event-ID": last} if last else {})}
        with self._connected() as line:
            line.request("GET", f"/api/stream?{query}", headers=headers)
            answer = line.getresponse()
            kind = id = data = ""
            while piece := answer.readline():
                text = piece.decode().rstrip("\n")
                name, _, value = text.partition(": ")
                if name == "event":
                    kind = value
                elif name == "id":
                    id = value
                elif name == "data":
                    data += value
                elif not text and data:
                    yield kind, id, json.loads(data)
                    kind = id = data = ""


@contextlib.contextmanager
def served(folder: Path, settings: str = "") -> Iterator[tuple[Client, SqliteRunStore]]:
    """A server over an empty store in that folder, and the store. settings: more of its file."""
    (folder / "agentkit.toml").write_text(f'[host]\nstore = "{folder}/runs"\n{settings}')
    store = SqliteRunStore(folder / "runs")
    process = subprocess.Popen(
        [sys.executable, "-m", "agentkit", "console", "--port", "0"],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield _let_in(process), store
    finally:
        process.terminate()
        process.wait(30)
        if process.stderr is not None:
            process.stderr.close()
        store.close()


def _let_in(process: subprocess.Popen[str]) -> Client:
    assert process.stderr is not None
    end = time.monotonic() + STARTING
    while time.monotonic() < end and (line := process.stderr.readline()):
        found = re.search(r":(\d+)/#token=(\S+)", line)
        if found:
            client = Client(int(found[1]), found[2])
            client.enter()
            return client
    raise BackendUnavailable("the console did not start")


# -- runs that are written ------------------------------------------------------------------------


def change(number: int, chance: random.Random) -> Change:
    """An event as a long research run writes them, of the usual sizes."""
    words = " ".join(chance.choices("wind water rye oak mill stone wheel river".split(), k=40))
    task, step = f"T{chance.randrange(TASKS) + 1}", f"{number // 20 + 1}:work#{number % 4}"
    match number % 10:
        case 0:
            return Append("node.entered", {}, step)
        case 1 | 2:
            status = chance.choice(["pending", "in_progress", "done"])
            return Append("todo.changed", {"id": task, "title": words[:60], "status": status}, step)
        case 3 | 4:
            span = {"id": f"s{number % (5 * SPANS)}", "facet": number % 20, "task": task}
            place = {"source": "docs", "document": f"{number % 90}.html", "start": 0, "end": 240}
            return Append("evidence.added", {**span, **place, "text": words, "score": 0.5}, step)
        case 5:
            prompt = [{"role": "user", "parts": [{"part": "text", "text": words * 8}]}]
            asked = {"role": "writer", "model": "small", "requests": [{"messages": prompt}]}
            return Append("model.asked", asked, step)
        case 6:
            usage = [{"prompt": 400, "completion": 50, "spent": 50}]
            told = {"texts": [words], "finish": ["stop"], "usage": usage, "path": [["small"]]}
            return Append("model.done", told, step)
        case 7:
            return Append("search.asked", {"source": "docs", "query": words[:80], "k": 10}, step)
        case 8:
            found = {"status": "ok", "reason": "", "documents": [f"{n}.html" for n in range(10)]}
            return Append("search.done", found, step)
    return Append("metric", {"name": "coverage", "value": chance.random(), "step": number}, step)


def write(store: SqliteRunStore, run: str, events: int, seed: int, pause: float = 0.0) -> None:
    """Writes a run from its beginning to its end."""
    chance, lease = random.Random(seed), store.take(run, 3600.0)
    store.write(lease, SetStatus("running"))
    made = [change(n, chance) for n in range(events - 3)]
    size = 1 if pause else 500
    for first in range(0, len(made), size):
        store.write(lease, *made[first : first + size])
        time.sleep(pause)
    store.write(lease, SetStatus("done", result={"text": "over"}))
    store.release(lease)


def begun(store: SqliteRunStore) -> str:
    return store.create(NewRun("research", "a long task", {"question": "a long task"}, 0)).id
