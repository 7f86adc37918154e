"""`agentkit bench research-kills`: research killed at any moment, resumed, and compared.

A process drives a run and kills itself with SIGKILL right after the n-th event was stored, for an n
that is uniform over the events of an undisturbed run: so every node is hit, and calls are cut
between their intent and their result. Every fourth kill comes from the parent process instead, at a
uniform moment of time. What counts is looked at from outside: the stored events, and a file to
which the scripted model adds a line for each call that it answers.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from agentkit.bench import Bench, Experiment, Metric, Needs, Result
from agentkit.capabilities import Request
from agentkit.capabilities.analyzer import Table
from agentkit.errors import AgentkitError
from agentkit.runs.sqlite import SqliteRunStore
from agentkit.runs.store import NewRun
from agentkit.seeds import derive
from agentkit_deep_research.evidence import Span
from agentkit_deep_research.experiments.moments import At, made, watched
from agentkit_deep_research.experiments.needles import company
from agentkit_deep_research.experiments.steering import question_of
from agentkit_deep_research.verify import verify

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    from agentkit.kit import Kit

Mode = Literal["scripted", "real model"]
WEIGHTS = "smollm2-135m"
LOG = "AGENTKIT_RESEARCH_KILLS_LOG"
A_RUN = 4  # kills of one run at most
PAPERS = 40


def answer(request: Request) -> str:
    """The scripted model: the same request, the same answer; each call leaves a line in a file."""
    if log := os.environ.get(LOG):
        with Path(log).open("a") as file:
            file.write(f"{request.context.seed}\n")
    if request.grammar is not None:
        return '{"tasks": ["Who leads the canteen?"]}'
    asked = request.messages[-1].text
    if "Quotes (JSON):" in asked:
        quotes = json.loads(asked.split("Quotes (JSON):\n", 1)[1])
        return str(quotes[0]).split("\n", 1)[0] if quotes else "Nothing."
    return "project lead budget"


def kit_of(folder: Path, seed: int, mode: Mode) -> Kit:
    """A kit over the folder's store, the same in every process."""
    roles = dict.fromkeys(("planner", "writer", "keywords"), "model")
    kit = made(folder / "runs", company(seed), only=PAPERS, approve=True, width=2, **roles)
    if mode == "scripted":
        kit.define("model", "model", use="scripted", function=f"{__name__}:answer")
    else:
        kit.define("model", "model", use="transformers", model=WEIGHTS, device="cpu", threads=1)
    return kit


def create(folder: Path, seed: int, mode: Mode) -> str:
    question, _ = question_of(company(seed), random.Random(seed))
    with kit_of(folder, seed, mode) as kit:
        recipe = kit.recipe("agent", "research")
        new = NewRun("research", question, {"question": question}, seed, recipe)
        return kit.runs.create(new).id


def drive(folder: Path, run: str, seed: int, mode: Mode, at: int) -> None:
    """Drives a run to its end and approves its plan; dies after the event of that number, 0: not.
    What a process of its own does."""
    os.environ[LOG] = str(folder / "calls")
    with kit_of(folder, seed, mode) as kit:
        if kit.runs.get(run).status == "done":
            return
        die = At(at, lambda event: os.kill(os.getpid(), signal.SIGKILL))
        with watched(kit, die):
            going = kit.resume(run)
            going.wait()
            while going.status == "waiting":
                going.answer("approve")
                going.wait()


@dataclass(slots=True)
class Tally:
    """What was seen. moments: what each kill hit."""

    runs: int = 0
    kills: int = 0
    lost: int = 0
    repeated: int = 0
    doubled: int = 0
    wrong: int = 0
    differing: int = 0
    moments: list[str] = field(default_factory=list)

    def add(self, other: Mapping[str, Any]) -> None:
        for name, value in other.items():
            setattr(self, name, getattr(self, name) + value)

    @property
    def faults(self) -> int:
        return self.lost + self.repeated + self.doubled + self.wrong + self.differing


FAULTS = {
    "lost": "events lost",
    "repeated": "finished calls repeated",
    "doubled": "evidence or tasks doubled",
    "wrong": "quotes wrong",
    "differing": "reports differing",
}


class Killer:
    """One run, killed a few times and then let go, beside an undisturbed one."""

    def __init__(self, folder: Path, seed: int, mode: Mode) -> None:
        self.folder, self.seed, self.mode = folder, seed, mode
        self.chance = random.Random(derive(seed, f"kills {mode}"))
        self._spawn = multiprocessing.get_context("forkserver")
        self._spawn.set_forkserver_preload([__name__, "langgraph.graph"])
        self.tally = Tally(runs=1)

    def go(self, kills: int) -> Tally:
        """Runs both; gives what was seen."""
        quiet = self.folder / "undisturbed"
        oracle = create(quiet, self.seed, self.mode)
        began = time.monotonic()
        self._process(quiet, oracle, 0).join()
        took = time.monotonic() - began
        with _store(quiet) as store:
            whole, want = store.get(oracle).result, _events(store, oracle)
            moments = sum(want.values())
        loud = self.folder / "killed"
        run = create(loud, self.seed, self.mode)
        for number in range(kills):
            finished = self._finished(loud, run)
            calls = _lines(loud / "calls")
            timed = number % 4 == 3
            left = max(2, moments - self._done(loud, run))
            child = self._process(loud, run, 0 if timed else self.chance.randrange(1, left))
            if timed:
                child.join(self.chance.uniform(0.05, took))
                child.kill()
            child.join()
            self._repeated(finished, _lines(loud / "calls")[len(calls) :])
            with _store(loud) as store:
                if store.get(run).status == "done":
                    break
                last = store.tail(run)[-1:]
            self.tally.kills += 1
            self.tally.moments += [_moment(e.kind, e.position) for e in last] or ["at the start"]
        finished, calls = self._finished(loud, run), _lines(loud / "calls")
        self._process(loud, run, 0).join()
        self._repeated(finished, _lines(loud / "calls")[len(calls) :])
        self._compare(loud, run, whole, want)
        return self.tally

    def _process(self, folder: Path, run: str, at: int) -> BaseProcess:
        child = self._spawn.Process(target=drive, args=(folder, run, self.seed, self.mode, at))
        child.start()
        return child

    def _done(self, folder: Path, run: str) -> int:
        with _store(folder) as store:
            return sum(_events(store, run).values())

    def _finished(self, folder: Path, run: str) -> set[str]:
        """Seeds of the model calls whose result is in the ledger."""
        with _store(folder) as store:
            done = {(c.position, c.index) for c in store.ledger(run) if c.result is not None}
            rows = store._rows(
                "SELECT position, call, data FROM events WHERE run = ? AND kind = 'model.asked'",
                run,
            )
            return {
                str(json.loads(row["data"])["requests"][0]["seed"])
                for row in rows
                if (row["position"], row["call"]) in done
            }

    def _repeated(self, finished: set[str], made: list[str]) -> None:
        self.tally.repeated += sum(line in finished for line in made)

    def _compare(self, folder: Path, run: str, whole: Any, want: Counter[Any]) -> None:
        with _store(folder) as store:
            row, have, events = store.get(run), _events(store, run), store.tail(run)
        numbers = [e.seq for e in events]
        self.tally.lost += max(numbers, default=0) - len(numbers) + sum((want - have).values())
        # A call that was cut short is asked for once more: nothing of it was finished.
        extra = {k: n for k, n in (have - want).items() if not str(k[0]).endswith(".asked")}
        self.tally.doubled += sum(extra.values())
        self.tally.differing += row.status != "done" or row.result != whole
        self.tally.wrong += self._wrong(row.result or {})

    def _wrong(self, result: Mapping[str, Any]) -> int:
        """Citations that do not stand in their source."""
        citations = result.get("citations", ())
        spans = [(c["number"], Span.cited(c)) for c in citations]
        with kit_of(self.folder / "killed", self.seed, "scripted") as kit:
            return len(verify(spans, lambda s, d: kit.source(s).open(d)).faults)


def _store(folder: Path) -> Any:
    from contextlib import closing

    return closing(SqliteRunStore(folder / "runs"))


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _events(store: SqliteRunStore, run: str) -> Counter[tuple[str, str, str]]:
    """Events by kind, position and content, those of the run's outer life left out."""
    return Counter(
        (e.kind, e.position, json.dumps(dict(e.data), sort_keys=True, default=str))
        for e in store.tail(run)
        if not e.kind.startswith(("run.", "inbox.", "question.", "error", "clock."))
    )


def _moment(kind: str, position: str) -> str:
    node = position.split(":")[-1].split("#")[0] if position else "between nodes"
    return f"{node} after {kind}"


def kill_run(folder: Path, mode: Mode, number: int, kills: int, seed: int) -> dict[str, Any]:
    """One run killed up to so many times, as JSON."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    own = derive(seed, f"research-kills {mode}", number) % 100_000
    try:
        return asdict(Killer(folder, own, mode).go(kills))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def kills(bench: Bench) -> Result:
    amounts: dict[Mode, int] = {"scripted": 200, "real model": 5}
    if bench.scale == "quick":
        amounts = {"scripted": 8}
    tallies: dict[Mode, Tally] = {}
    left_out = ""
    total, done = sum(amounts.values()), 0
    for mode, wanted in amounts.items():
        if mode == "real model" and (left_out := _lacking(bench.kit)):
            continue
        tally = tallies[mode] = Tally()
        while tally.kills < wanted:
            number, left = tally.runs, min(A_RUN, wanted - tally.kills)
            folder = bench.out / f"{mode.replace(' ', '-')}-{number}"
            key = f"{mode} {number}: {left} kills, seed {bench.seeds[0]}"
            seen = bench.once(
                key,
                lambda m=mode, n=number, k=left, f=folder: kill_run(f, m, n, k, bench.seeds[0]),  # type: ignore[misc]
            )
            tally.add(seen)
            done += seen["kills"]
            bench.progress.update(min(done, total), total)
    return result(tallies, left_out)


def _lacking(kit: Kit) -> str:
    try:
        kit.define("model", "kills-real", use="transformers", model=WEIGHTS)
        kit.model("kills-real")
    except AgentkitError as error:
        return f" The real model was left out: {error.message}."
    return ""


def result(tallies: Mapping[Mode, Tally], left_out: str) -> Result:
    metrics: dict[str, Metric] = {}
    for mode, tally in tallies.items():
        metrics[f"kills ({mode})"] = Metric(tally.kills, unit="kills")
        for name, words in FAULTS.items():
            metrics[f"{words} ({mode})"] = Metric(getattr(tally, name), n=tally.kills)
    moments = Counter(m for t in tallies.values() for m in t.moments)
    nodes = sorted({m.split(" after ")[0] for m in moments})
    verdict = (
        f"{sum(t.kills for t in tallies.values())} kills with SIGKILL hit {len(moments)} different "
        f"moments in the nodes {', '.join(nodes)}; "
        f"{sum(t.faults for t in tallies.values())} faults in all against an undisturbed run with "
        "the same seed. Three in four kills come right after a stored event that was drawn "
        "uniformly, one in four at a uniform moment of time. "
        "The paper's own code keeps no checkpoint, so that there is no figure of theirs." + left_out
    )
    hit = Table("What the kills hit", ("moment", "kills"), tuple(moments.most_common()))
    return Result(metrics, verdict, tables=[hit])


EXPERIMENT = Experiment(
    name="research-kills",
    question="Is anything of a research lost, repeated, doubled or cited wrongly by a kill?",
    run=kills,
    needs={
        "normal": Needs(weights=(WEIGHTS,), hours=0.4),
        "quick": Needs(hours=0.02),
    },
)
