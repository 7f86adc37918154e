"""A console's server in a process of its own, and runs that work without any model."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SETTINGS = """
[host]
store = "{folder}/runs"

[host.prices]
said = [1.0, 2.0]

[models.said]
use = "scripted"
answers = ["one", "two", "three"]

[sources.notes]
use = "folder"
path = "{folder}/notes"
embedder = ""

[agents.research]
use = "deep-research"
sources = ["notes"]
embedder = ""
width = 1
"""
NOTES = {
    "wind.md": "# Wind\n\nThe windmill of Aldern was built in 1821. It grinds rye.\n\n"
    "The windmill of Aldern belongs to the village since 1950.\n",
    "water.md": "# Water\n\nThe watermill of Bern was built in 1790. It saws oak.\n",
    "<script>alert(1)<.md": "# <img src=x onerror=alert(2)>\n\nThe tidal mill of Carn was built in "
    "1640 by <b>monks</b>. It mills <svg onload=alert(3)> salt.\n",
}
QUESTION = "When was the windmill of Aldern built, and when was the watermill of Bern built?"


@dataclass
class Answer:
    """What the server said."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Console:
    """A running server and a session with it."""

    folder: Path
    port: int
    token: str
    process: subprocess.Popen[str] | None
    viewer: str = ""
    cookie: str = ""
    csrf: str = ""
    more: dict[str, str] = field(default_factory=dict)

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"Cookie": self.cookie, "X-CSRF": self.csrf, **self.more, **(headers or {})}
        data: bytes | None = None
        if isinstance(body, bytes):
            data = body
        elif body is not None:
            data = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, data, {k: v for k, v in sent.items() if v})
            got = connection.getresponse()
            return Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status == 200, (path, answer.status, answer.body[:500])
        return answer.json

    def enter(self, token: str = "") -> Console:
        answer = self.ask("POST", "/api/session", {"token": token or self.token})
        assert answer.status == 200, answer.body
        cookie, csrf = answer.headers["set-cookie"].split(";")[0], answer.json["csrf"]
        return Console(self.folder, self.port, self.token, self.process, self.viewer, cookie, csrf)

    def start(self, task: str = QUESTION, **more: Any) -> str:
        body = {"client_id": str(uuid.uuid4()), "agent": "research", "task": task, **more}
        answer = self.ask("POST", "/api/runs", body)
        assert answer.status == 201, answer.body
        return str(answer.json["run"]["id"])

    def command(
        self, run: str, kind: str, version: int | None = None, status: int = 202, **args: Any
    ) -> Any:
        body = {"client_id": str(uuid.uuid4()), "kind": kind, "args": args}
        if version is not None:
            body["expected_version"] = version
        answer = self.ask("POST", f"/api/runs/{run}/commands", body)
        assert answer.status == status, (kind, answer.status, answer.body)
        return answer.json

    def state(self, run: str) -> Any:
        return self.get(f"/api/runs/{run}")["state"]

    def until(self, run: str, good: Callable[[Any], Any], seconds: float = 60) -> Any:
        """The state, once it is so."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            state = self.state(run)
            if good(state):
                return state
            time.sleep(0.05)
        log = self.folder / "runs" / "console" / "runs" / f"{run}.log"
        said = log.read_text() if log.exists() else ""
        raise AssertionError(f"never so: {state['run']} {state.get('notices')} {said[-1500:]}")

    def ended(self, run: str, status: str = "done") -> Any:
        return self.until(run, lambda s: s["run"]["status"] == status)


def serve(folder: Path, *words: str, port: int = 0) -> Console:
    """A server over a folder, as the command line starts it."""
    if not (folder / "agentkit.toml").exists():
        (folder / "notes").mkdir(parents=True, exist_ok=True)
        for name, text in NOTES.items():
            (folder / "notes" / name).write_text(text)
        (folder / "agentkit.toml").write_text(SETTINGS.format(folder=folder))
    env = {**os.environ, "AGENTKIT_DATA": str(folder / "data"), "OMP_NUM_THREADS": "1"}
    env.pop("AGENTKIT_TOKEN", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "agentkit", "console", "--port", str(port), "--viewer", *words],
        cwd=folder,
        env=env,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    found: list[tuple[int, str]] = []
    while len(found) < 2:
        line = process.stderr.readline()
        assert line, "the console did not start"
        match = re.search(r"http://127\.0\.0\.1:(\d+)/\S*#token=(\S+)", line)
        if match:
            found.append((int(match[1]), match[2]))
    return Console(folder, found[0][0], found[0][1], process, found[1][1])


def stop(console: Console, by: int = signal.SIGTERM) -> None:
    assert console.process is not None
    console.process.send_signal(by)
    console.process.wait(20)
    assert console.process.stderr is not None
    console.process.stderr.close()


def stop_runs(folder: Path) -> None:
    """Ends the processes of runs that a test left behind: those that hold a run's lock."""
    locks = {str(path) for path in (folder / "runs" / "console" / "runs").glob("*.lock")}
    for links in Path("/proc").glob("[0-9]*/fd"):
        try:
            held = {os.readlink(link) for link in links.iterdir()}
        except OSError:
            continue
        if held & locks:
            os.kill(int(links.parent.name), signal.SIGKILL)
