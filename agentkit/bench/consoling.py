"""The console under load: a long run opened, many who look on, cut connections, what is shipped.

A server in a process of its own, as `agentkit console` starts it; runs are written into its store
by this process, as an agent's process would.
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from agentkit.bench.experiment import Bench, Experiment, Metric, Needs, Result, interval
from agentkit.errors import BackendUnavailable
from agentkit.runs.sqlite import SqliteRunStore
from agentkit.runs.store import Append, Change, NewRun, SetStatus

EVENTS = 10_000
TASKS, SPANS = 500, 2_000
VIEWERS = 50
CUTS = 50
GOAL = 2.0  # seconds to open a run of EVENTS events
STARTING = 60.0  # seconds that the server may take to start


@dataclass
class Client:
    """A program that was let in."""

    port: int
    cookie: str = ""

    def enter(self, token: str) -> None:
        body = json.dumps({"token": token})
        kind = {"Content-Type": "application/json"}
        with self._connected() as line:
            line.request("POST", "/api/session", body, kind)
            answer = line.getresponse()
            answer.read()
            self.cookie = str(answer.headers["set-cookie"]).split(";")[0]

    @contextlib.contextmanager
    def _connected(self) -> Iterator[http.client.HTTPConnection]:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            yield line
        finally:
            line.close()

    def get(self, path: str) -> bytes:
        with self._connected() as line:
            line.request("GET", path, headers={"Cookie": self.cookie})
            answer = line.getresponse()
            body = answer.read()
        if answer.status != 200:
            raise BackendUnavailable(f"the console answered {answer.status} to {path}")
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
def served(folder: Path) -> Iterator[tuple[Client, SqliteRunStore]]:
    """A server over an empty store in that folder, and the store."""
    (folder / "agentkit.toml").write_text(f'[host]\nstore = "{folder}/runs"\n')
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
            client = Client(int(found[1]))
            client.enter(found[2])
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


# -- what is measured -----------------------------------------------------------------------------


def opening(folder: Path, events: int, seed: int) -> dict[str, float]:
    """Seconds from asking a server that has just started for a long run to its state and the
    newest rows; again; and how large the answer is."""
    with served(folder) as (client, store):
        run = begun(store)
        write(store, run, events, seed)
        times = []
        for _ in range(2):
            start = time.perf_counter()
            state = client.get(f"/api/runs/{run}")
            client.get(f"/api/runs/{run}/timeline?before={events + 1}&limit=200")
            times.append(time.perf_counter() - start)
        return {"cold": times[0], "warm": times[1], "bytes": float(len(state))}


@dataclass
class Viewer:
    """Who looks on: how late each event came, and whether any was lost or came twice."""

    client: Client
    run: str
    events: int
    seq: int = 0
    lost: int = 0
    doubled: int = 0
    late: list[float] = field(default_factory=list)
    connections: int = 0

    def look(self, cuts: random.Random | None = None) -> None:
        """Until the last event. cuts: leaves after a few messages, and comes back."""
        last = ""
        while self.seq < self.events:
            self.connections += 1
            left = cuts.randint(1, 4) if cuts and self.connections <= CUTS else 10**9
            for kind, id, data in self.client.follow(f"runs={self.run}:0", last):
                if kind != "run":
                    continue
                last, left = id, left - 1
                for row in data["rows"]:
                    self.late.append(max(0.0, time.time() - row["time"]))
                    self.lost += max(0, row["seq"] - self.seq - 1)
                    self.doubled += row["seq"] <= self.seq
                    self.seq = max(self.seq, row["seq"])
                if left <= 0 or self.seq >= self.events:
                    break


def watching(folder: Path, viewers: int, events: int, seed: int, cut: bool) -> dict[str, float]:
    """A run is written while so many look on. cut: their connections break at random moments."""
    with served(folder) as (client, store):
        run = begun(store)
        crowd = [Viewer(client, run, events) for _ in range(viewers)]
        chances = [random.Random(f"{seed}/{n}") if cut else None for n in range(viewers)]
        threads = [
            threading.Thread(target=one.look, args=(chance,), daemon=True)
            for one, chance in zip(crowd, chances, strict=True)
        ]
        for thread in threads:
            thread.start()
        write(store, run, events, seed, pause=0.02)
        for thread in threads:
            thread.join(120)
        late = sorted(x for one in crowd for x in one.late)
        return {
            "lost": float(sum(one.lost + events - one.seq for one in crowd)),
            "doubled": float(sum(one.doubled for one in crowd)),
            "connections": float(sum(one.connections for one in crowd)),
            "median": statistics.median(late) if late else 0.0,
            "p95": late[int(0.95 * (len(late) - 1))] if late else 0.0,
        }


def shipped() -> tuple[int, int]:
    """Bytes of the front end's files, and of what of them a browser needs first, compressed."""
    folder = Path(str(files("agentkit.console") / "static"))
    whole = [p for p in folder.rglob("*") if p.is_file()] if folder.is_dir() else []
    first = [p for p in whole if p.suffix in (".html", ".js", ".css")]
    packed = sum(len(gzip.compress(p.read_bytes())) for p in first)
    return sum(p.stat().st_size for p in whole), packed


def console(bench: Bench) -> Result:
    quick = bench.scale == "quick"
    repeats, events = (1, 2_000) if quick else (5, EVENTS)
    viewers, watched = (10, 100) if quick else (VIEWERS, 400)
    opened, seen, cuts = [], [], []
    for number, seed in enumerate(bench.seeds[:repeats] if quick else bench.seeds):
        bench.progress.update(number, len(bench.seeds))

        def measured(key: str, work: Any, *args: Any) -> dict[str, float]:
            def do() -> dict[str, float]:
                with tempfile.TemporaryDirectory(dir=bench.out) as name:
                    return dict(work(Path(name), *args))

            return bench.once(f"{key} {args}", do)

        opened.append(measured("open", opening, events, seed))
        seen.append(measured("watch", watching, viewers, watched, seed, False))
        cuts.append(measured("cut", watching, 2 if quick else 4, watched, seed, True))
    size, packed = shipped()
    cold = interval([one["cold"] for one in opened], "s")
    lost = sum(one["lost"] + one["doubled"] for one in [*seen, *cuts])
    connections = sum(one["connections"] for one in cuts)
    word = "within" if cold.value <= GOAL else "above"
    return Result(
        {
            f"open {events} events, first time": cold,
            f"open {events} events, again": interval([one["warm"] for one in opened], "s"),
            "size of the answer": interval([one["bytes"] / 2**20 for one in opened], "MiB"),
            f"from written to seen, {viewers} viewers, median": interval(
                [one["median"] for one in seen], "s"
            ),
            f"from written to seen, {viewers} viewers, 95 %": interval(
                [one["p95"] for one in seen], "s"
            ),
            "events lost or doubled": Metric(lost, n=len(seen) + len(cuts)),
            "connections that were cut": Metric(connections, n=len(cuts)),
            "front end, all files": Metric(size / 2**20, unit="MiB"),
            "front end, first page, compressed": Metric(packed / 1024, unit="KiB"),
        },
        f"A run of {events} events opens in {cold.value:.2f} s on a server that never saw it "
        f"({word} the goal of {GOAL:g} s). {viewers} viewers of one run lost and doubled "
        f"{lost:g} events, those of {connections:g} connections that were cut at random moments "
        "included. Server, writer and viewers share this machine.",
    )


CONSOLE = Experiment(
    name="console",
    question="How fast does the console open a long run, and does it lose or double anything?",
    run=console,
    seeds=(0, 1, 2, 3, 4),
    needs={"normal": Needs(hours=0.15), "quick": Needs(hours=0.02)},
)
