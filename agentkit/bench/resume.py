"""Kills a run from another process at any moment, resumes it, and counts what was lost or doubled.

The counting looks at the ledger's arguments and at lines in files outside, never at the host's own
counters.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal

from agentkit.bench import trial
from agentkit.bench.experiment import Bench, Experiment, Metric, Needs, Result
from agentkit.capabilities.analyzer import Table
from agentkit.errors import UsageError
from agentkit.runs.sqlite import SqliteRunStore
from agentkit.runs.store import NewRun
from agentkit.seeds import derive

Mode = Literal["plain", "checkpoint deleted", "node renamed", "real model"]
WEIGHTS = "smollm2-135m"  # of the mode "real model"; a scripted one answers in the others
SECONDS = 0.02  # of work for one call of the scripted model
RENAMED = {"work": "labour", "weigh": "ponder"}
MESSAGES = 3  # sent to each run at random times


@dataclass(slots=True)
class Tally:
    """What was seen. hits: of each kill, the run, the seconds from the start of the process that
    was killed, and what it was doing."""

    runs: int = 0
    kills: int = 0
    lost: int = 0
    repeated: int = 0
    doubled: int = 0
    missing: int = 0
    unread: int = 0
    differing: int = 0
    messages: int = 0
    hits: list[tuple[int, float, str]] = field(default_factory=list)

    def add(self, other: Mapping[str, Any]) -> None:
        """Adds what was seen of further runs, as `asdict` or JSON give it."""
        for name, value in other.items():
            setattr(self, name, getattr(self, name) + value)

    @property
    def faults(self) -> int:
        counts = (self.lost, self.repeated, self.doubled, self.missing, self.unread, self.differing)
        return sum(counts)


def drive(
    folder: Path, run: str, seconds: float, renamed: bool, ready: Connection | None = None
) -> None:
    """Drives a run to its end, answering its questions: what the killed processes do."""
    if renamed:
        trial.NAMES.update(RENAMED)
    with trial.kit(folder, seconds) as kit:
        if ready is not None:
            # So that the clock starts with the run itself.
            import langgraph.graph  # noqa: F401

            if "real" in json.dumps(kit.runs.get(run).recipe):
                import torch
                import transformers  # noqa: F401

                torch.set_num_threads(1)
            ready.send("ready")
        going = kit.resume(run)
        while True:
            for _ in going:
                pass
            if going.status != "waiting":
                break
            answer(kit.runs, run)
            going.resume()


def answer(store: Any, run: str) -> None:
    """Answers the last open question, by what it asks alone."""
    for asked in store.questions(run)[-1:]:
        store.answer(run, "yes" if len(asked.question.text) % 2 else "no", asked.number)


def create(folder: Path, seconds: float, seed: int, mode: Mode = "plain") -> str:
    real: dict[str, Any] = {"weights": WEIGHTS, "rounds": 2} if mode == "real model" else {}
    with trial.kit(folder, seconds, **real) as kit:
        recipe = kit.recipe("agent", "trial")
        return kit.runs.create(NewRun("trial", "fish", {"task": "fish"}, seed, recipe)).id


class Killer:
    """One run, killed again and again by another process than its own."""

    def __init__(self, folder: Path, seed: int, mode: Mode, seconds: float, length: float) -> None:
        """length: seconds that an undisturbed run takes."""
        self.folder, self.mode, self._seconds, self._length = folder, mode, seconds, length
        self._chance = random.Random(derive(seed, f"kill {mode}"))
        self._seed = seed
        self._spawn = multiprocessing.get_context("forkserver")
        self._spawn.set_forkserver_preload(["agentkit.bench.resume", "langgraph.graph"])
        self.run = create(folder, seconds, seed, mode)
        self.store = SqliteRunStore(folder / "runs")
        self._told: dict[int, tuple[str, str]] = {}
        self._sent: set[str] = set()
        self._calls = 0
        self.repeated = 0
        self.hits: list[tuple[float, str]] = []

    def go(self, kills: int) -> int:
        """Kills it up to so many times, then lets it end. Returns how often it was killed."""
        done = 0
        while done < kills and self._attempt(self._chance.uniform(0.0, self._length)):
            done += 1
        self._attempt(None)
        self.store.close()
        return done

    def _attempt(self, seconds: float | None) -> bool:
        """Starts a process that drives the run, and kills it after so many seconds of its work.
        Returns whether it was killed before the run ended."""
        finished = self._finished()
        row = self.store.get(self.run)
        if row.status == "done":
            return False
        renamed = self.mode == "node renamed" and bool(row.graph) and self._chance.random() < 0.7
        if self.mode == "checkpoint deleted" and self._chance.random() < 0.7:
            self.store.drop_checkpoint(self.run)
        ours, theirs = self._spawn.Pipe()
        child = self._spawn.Process(
            target=drive, args=(self.folder, self.run, self._seconds, renamed, theirs)
        )
        child.start()
        theirs.close()
        killed = False
        try:
            ours.recv()
            killed = self._watch(child, seconds)
        except EOFError:
            pass
        child.join()
        self._count_repeated(finished)
        return killed

    def _watch(self, child: BaseProcess, seconds: float | None) -> bool:
        """Reads along and sends messages until it is time to kill."""
        end = None if seconds is None else time.monotonic() + seconds
        while child.is_alive() and (end is None or time.monotonic() < end):
            self._look()
            if len(self._sent) < MESSAGES and self._chance.random() < 0.02:
                try:
                    self._sent.add(self.store.send(self.run, "be quick").id)
                except UsageError:
                    break  # it has ended
            child.join(0.005)
        if end is not None:
            child.kill()
        child.join()
        self._look()
        ended = self.store.get(self.run).status == "done"
        if not ended and end is not None:
            self.hits.append((round(seconds or 0.0, 3), self._at()))
        return not ended

    def _look(self) -> None:
        for event in self.store.tail(self.run, max(self._told, default=0)):
            self._told[event.seq] = (event.kind, event.position)

    def _at(self) -> str:
        """What the last event says was going on: the kind and the node, without numbers."""
        if not self._told:
            return "start"
        kind, position = self._told[max(self._told)]
        nodes = [part.split(":")[1].split("#")[0] for part in position.split("/") if ":" in part]
        return f"{'/'.join(nodes) or 'run'} after {kind}"

    # -- counting ---------------------------------------------------------------------------------

    def _finished(self) -> set[int]:
        """Seeds of the model calls whose result is in the ledger."""
        done = {(c.position, c.index) for c in self.store.ledger(self.run) if c.result is not None}
        sql = "SELECT position, call, data FROM events WHERE run = ? AND kind = 'model.asked'"
        rows = self.store._rows(sql, self.run)
        return {
            json.loads(row["data"])["requests"][0]["seed"]
            for row in rows
            if (row["position"], row["call"]) in done
        }

    def _count_repeated(self, finished: set[int]) -> None:
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        self.repeated += sum(int(line) in finished for line in lines[self._calls :])
        self._calls = len(lines)


@dataclass(frozen=True, slots=True)
class Oracle:
    """An undisturbed run: what must come out. events: how often each happens, messages left out."""

    seconds: float
    report: Any
    events: Counter[tuple[str, str, str]]
    effects: list[str]


def undisturbed(folder: Path, seed: int, seconds: float, mode: Mode = "plain") -> Oracle:
    run = create(folder, seconds, seed, mode)
    spawn = multiprocessing.get_context("forkserver")
    spawn.set_forkserver_preload(["agentkit.bench.resume", "langgraph.graph"])
    ours, theirs = spawn.Pipe()
    child = spawn.Process(target=drive, args=(folder, run, seconds, False, theirs))
    child.start()
    ours.recv()
    began = time.monotonic()
    child.join()
    took = time.monotonic() - began
    store = SqliteRunStore(folder / "runs")
    found = Oracle(took, store.get(run).result, events(store, run), effects(folder, run))
    store.close()
    return found


def events(store: SqliteRunStore, run: str) -> Counter[tuple[str, str, str]]:
    """Events by kind, position and content; those that depend on when people act are left out."""
    return Counter(
        (e.kind, e.position, json.dumps(dict(e.data), sort_keys=True))
        for e in store.tail(run)
        if not e.kind.startswith(("run.", "inbox.", "question.", "error"))
        and "heard" not in str(e.data.get("text", ""))
    )


def effects(folder: Path, run: str) -> list[str]:
    """Keys of the effects in the world, without the run's id."""
    path = folder / "world"
    lines = path.read_text().splitlines() if path.exists() else []
    return sorted(line.split("\t")[0].partition("/")[2] for line in lines if line.startswith(run))


Once = Callable[[str, Callable[[], dict[str, Any]]], dict[str, Any]]


def measured(key: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    return measure()


def kill_run(out: Path, mode: Mode, number: int, kills: int, seed: int, seconds: float) -> Tally:
    """Kills one run up to so many times, and compares it with an undisturbed one."""
    own = derive(seed, "resume", number)
    folder = out / f"{mode.replace(' ', '-')}-{number}"
    shutil.rmtree(folder, ignore_errors=True)
    oracle = undisturbed(folder / "undisturbed", own, seconds, mode)
    killer = Killer(folder / "killed", own, mode, seconds, oracle.seconds)
    tally = Tally(runs=1, kills=killer.go(kills))
    tally.hits = [(number, *hit) for hit in killer.hits]
    _compare(tally, killer, oracle)
    shutil.rmtree(folder, ignore_errors=True)
    return tally


def kill_many(
    out: Path, mode: Mode, kills: int, seed: int, seconds: float = SECONDS, once: Once = measured
) -> Tally:
    """Kills runs until so many kills hit one at work.

    Args:
        once: measures one run under a key, or knows it already.
    """
    tally = Tally()
    while tally.kills < kills:
        left, number = min(4, kills - tally.kills), tally.runs

        def one(number: int = number, left: int = left) -> dict[str, Any]:
            return asdict(kill_run(out, mode, number, left, seed, seconds))

        tally.add(once(f"{mode} {number}: {left} kills, seed {seed}", one))
    return tally


def _compare(tally: Tally, killer: Killer, oracle: Oracle) -> None:
    store = SqliteRunStore(killer.folder / "runs")
    stored = {e.seq: (e.kind, e.position) for e in store.tail(killer.run)}
    gaps = sum(seq not in stored for seq in range(1, max(stored, default=0) + 1))
    gone = sum(stored.get(seq) != what for seq, what in killer._told.items())
    have, want = events(store, killer.run), oracle.events
    seeds = "model.asked"  # asked twice where the kill came before the answer: not lost, not extra
    tally.lost += gaps + gone + sum((want - have).values())
    tally.repeated += killer.repeated
    tally.repeated += sum(
        n for (kind, *_), n in (have - want).items() if kind != seeds and kind != "tool.asked"
    )
    done = Counter(effects(killer.folder, killer.run))
    tally.doubled += sum(n - 1 for n in done.values())
    tally.missing += len(set(oracle.effects) ^ set(done))
    tally.differing += store.get(killer.run).result != oracle.report
    messages = store.messages(killer.run)
    reads = Counter(
        e.data["id"] for e in store.tail(killer.run, kinds=("inbox.read", "inbox.late"))
    )
    tally.unread += sum(reads[m.directive.id] != 1 for m in messages)
    tally.messages += len(messages)
    store.close()


COUNTED = {
    "lost": "events lost",
    "repeated": "finished calls repeated",
    "doubled": "effects doubled",
    "missing": "effects missing",
    "unread": "messages unread",
    "differing": "reports differing",
}


def resume(bench: Bench) -> Result:
    amounts: dict[Mode, int] = {
        "plain": 40,
        "checkpoint deleted": 20,
        "node renamed": 20,
        "real model": 3,
    }
    if bench.scale == "quick":
        amounts = {"plain": 4, "checkpoint deleted": 3, "node renamed": 3, "real model": 1}
    total, done = sum(amounts.values()), 0
    tallies: dict[Mode, Tally] = {}

    def once(key: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        nonlocal done
        seen = bench.once(key, measure)
        done += seen["kills"]
        bench.progress.update(done, total)
        return seen

    for mode, kills in amounts.items():
        tallies[mode] = kill_many(bench.out, mode, kills, bench.seeds[0], once=once)
    metrics: dict[str, Metric] = {}
    for mode, tally in tallies.items():
        metrics[f"kills ({mode})"] = Metric(tally.kills, unit="kills")
        metrics[f"faults ({mode})"] = Metric(tally.faults, unit="faults", n=tally.kills)
    rows = [
        (mode, t.runs, t.kills, t.messages, *(getattr(t, name) for name in COUNTED))
        for mode, t in tallies.items()
    ]
    hits = [(mode, *hit) for mode, tally in tallies.items() for hit in tally.hits]
    verdict = (
        f"{sum(t.kills for t in tallies.values())} kills with SIGKILL from another process, each "
        f"at a seeded uniform moment, hit {len({hit[-1] for hit in hits})} different moments of "
        f"the graph; {sum(t.faults for t in tallies.values())} faults in all against an "
        "undisturbed run with the same seed. A model call that was cut short is made again: "
        f"nothing of it was finished. The real model is {WEIGHTS}; the others are scripted."
    )
    return Result(
        metrics,
        verdict,
        tables=[
            Table("Kills", ("mode", "runs", "kills", "messages", *COUNTED.values()), tuple(rows)),
            Table("What each kill hit", ("mode", "run", "after s", "moment"), tuple(hits)),
        ],
    )


RESUME = Experiment(
    name="resume",
    question="Is anything lost, repeated or doubled when a run is killed at any moment?",
    run=resume,
    needs={
        "normal": Needs(weights=(WEIGHTS,), hours=0.1),
        "quick": Needs(weights=(WEIGHTS,), hours=0.03),
    },
)
