"""The console under load: a long run opened, many who look on, cut connections, what is shipped.

A server in a process of its own, as `agentkit console` starts it; runs are written into its store
by this process, as an agent's process would.
"""

from __future__ import annotations

import gzip
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from agentkit.bench import console_browser as browser
from agentkit.bench.console_attacks import attack
from agentkit.bench.console_hands import handling
from agentkit.bench.console_server import Client, begun, served, write
from agentkit.bench.experiment import Bench, Experiment, Metric, Needs, Result, interval

EVENTS = 10_000
VIEWERS = 50
CUTS = 50
GOAL = 2.0  # seconds to open a run of EVENTS events


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


def browsing(folder: Path, events: int, seed: int) -> dict[str, float]:
    """What `console_browser.seen` measures, of a long run."""
    with served(folder) as (client, store):
        run = begun(store)
        write(store, run, events, seed)
        return browser.seen(client, run, events)


def attacking(folder: Path, seed: int, texts: bool) -> dict[str, Any]:
    """Attacks that were tried, and the names of those that got through."""
    with served(folder) as (client, store):
        run = begun(store)
        write(store, run, 50, seed)
        tried = [attack(client, run, seed), *([browser.texts(client, store)] if texts else [])]
        through = [name for one in tried for name in one.through]
        return {"tried": sum(one.number for one in tried), "through": through}


def shipped() -> tuple[int, int]:
    """Bytes of the front end's files, and of what of them a browser needs first, compressed."""
    folder = Path(str(files("agentkit.console") / "static"))
    whole = [p for p in folder.rglob("*") if p.is_file()] if folder.is_dir() else []
    first = [p for p in whole if p.suffix in (".html", ".js", ".css")]
    packed = sum(len(gzip.compress(p.read_bytes())) for p in first)
    return sum(p.stat().st_size for p in whole), packed


def console(bench: Bench) -> Result:
    quick, eyes = bench.scale == "quick", browser.available()
    events, viewers, watched = (2_000, 10, 100) if quick else (EVENTS, VIEWERS, 400)
    seeds = bench.seeds[:1] if quick else bench.seeds
    opened, seen, cuts, eyed, attacked, hands = [], [], [], [], [], []
    for number, seed in enumerate(seeds):
        bench.progress.update(number, len(seeds))

        def measured(key: str, work: Any, *args: Any) -> dict[str, Any]:
            def do() -> dict[str, Any]:
                with tempfile.TemporaryDirectory(dir=bench.out) as name:
                    return dict(work(Path(name), *args))

            return bench.once(f"{key} {args}", do)

        opened.append(measured("open", opening, events, seed))
        if eyes:
            eyed.append(measured("browse", browsing, events, seed))
        seen.append(measured("watch", watching, viewers, watched, seed, False))
        cuts.append(measured("cut", watching, 2 if quick else 4, watched, seed, True))
        attacked.append(measured("attack", attacking, seed, eyes))
        hands.append(measured(f"hands {seed}", handling, 2 if quick else 5))
    lost = sum(one["lost"] + one["doubled"] for one in [*seen, *cuts])
    connections = sum(one["connections"] for one in cuts)
    tried = sum(one["tried"] for one in attacked)
    through = [name for one in attacked for name in one["through"]]
    metrics = {
        **(_eyes(eyed, events) if eyes else {}),
        f"server: open {events} events, first time": _spread(opened, "cold"),
        f"server: open {events} events, again": _spread(opened, "warm"),
        "size of the answer": interval([one["bytes"] / 2**20 for one in opened], "MiB"),
        f"from written to seen, {viewers} viewers, median": _spread(seen, "median"),
        f"from written to seen, {viewers} viewers, 95 %": _spread(seen, "p95"),
        "events lost or doubled": Metric(lost, n=len(seen) + len(cuts)),
        "connections that were cut": Metric(connections, n=len(cuts)),
        "attacks tried": Metric(tried, n=len(attacked)),
        "attacks that got through": Metric(len(through), n=len(attacked)),
        **_hands(hands),
        "front end, all files": Metric(shipped()[0] / 2**20, unit="MiB"),
        "front end, first page, compressed": Metric(shipped()[1] / 1024, unit="KiB"),
    }
    cold = metrics.get(f"browser: open {events} events") or _spread(opened, "cold")
    where = "in a browser" if eyes else "over HTTP (no browser was at hand)"
    got = f" What got through: {', '.join(through[:5])}." if through else ""
    return Result(
        metrics,
        f"A run of {events} events opens {where} in {cold.value:.2f} s, from a server that never "
        f"saw it ({'within' if cold.value <= GOAL else 'above'} the goal of {GOAL:g} s). {viewers} "
        f"viewers of one run lost and doubled {lost:g} events, those of {connections:g} connections"
        f" that were cut at random moments included. Of {tried} attacks {len(through)} got through."
        f"{got} Server, writer, viewers and browser share this machine.",
    )


def _spread(rows: Sequence[Mapping[str, float]], key: str, unit: str = "s") -> Metric:
    return interval([row[key] for row in rows], unit)


def _hands(rows: Sequence[Mapping[str, list[float]]]) -> dict[str, Metric]:
    """What a person waits for."""
    named = {
        "start": "from `agentkit console` to let in",
        "steer": "from a message to its sight",
        "pause": "from a pause, in a model's answer, to its sight",
        "resume": "from going on to the model's being asked",
        "stop": "from a stop, in a model's answer, to its sight",
    }
    return {
        words: interval([second for row in rows for second in row[name]], "s")
        for name, words in named.items()
    }


def _eyes(rows: Sequence[Mapping[str, float]], events: int) -> dict[str, Metric]:
    """What only a browser tells."""
    return {
        f"browser: open {events} events": _spread(rows, "shown"),
        "browser: of it the page's own work": _spread(rows, "work"),
        "browser: first paint": _spread(rows, "paint"),
        "browser: from frame to frame while it scrolls, 95 %": _spread(rows, "frame"),
        f"browser: elements of a page of {events} events": _spread(rows, "elements", ""),
    }


CONSOLE = Experiment(
    name="console",
    question="How fast does the console open and show a long run, does it lose or double anything, "
    "and does any attack get through?",
    run=console,
    seeds=(0, 1, 2, 3, 4),
    needs={"normal": Needs(hours=0.25), "quick": Needs(hours=0.03)},
)
