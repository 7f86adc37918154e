"""`agentkit bench research-steering`: does a message sent at any moment do what it says?

The paper is named after steering and never measured it. Scripted acts of a dozen kinds are sent at
seeded moments, uniform over all events of an undisturbed run: while it plans, between a query and
its hits, while it looks for gaps, writes and verifies. For each is looked at: did it end in a state
with a reason, once; was its effect there from then on; did what it excluded stay out of the report.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from agentkit.bench import Bench, Experiment, Metric, Needs, Result, interval, proportion
from agentkit.capabilities.analyzer import Table
from agentkit.runs.events import Event
from agentkit.seeds import derive
from agentkit_deep_research.experiments.moments import At, length, made, watched
from agentkit_deep_research.experiments.needles import Company, company
from agentkit_deep_research.report import Report
from agentkit_deep_research.report_command import reopened, stored, todo_of
from agentkit_deep_research.terms import mentions
from agentkit_deep_research.todo import render

if TYPE_CHECKING:
    from agentkit.kit import Kit

FACETS = 5  # questions in one
KEPT = ("applied", "rejected", "superseded")


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run as the checks see it. read: the number of the event at which the message was
    read, in the run that read it; before: what the undisturbed report says."""

    report: Report
    events: Sequence[Event]
    read: int
    state: str
    term: str

    def data(self, *kinds: str) -> list[Mapping[str, Any]]:
        return [e.data for e in self.events if e.kind in kinds]

    def after(self, *kinds: str) -> list[Mapping[str, Any]]:
        """Events after the message was read."""
        return [e.data for e in self.events if e.kind in kinds and e.seq > self.read]


@dataclass(frozen=True, slots=True)
class Act:
    """A kind of message. text: {term} is something that the papers say. works: whether its effect
    is there; only asked where it was applied."""

    name: str
    text: str
    works: Callable[[Run], bool]


def _excluded(run: Run) -> bool:
    queries = [str(q["query"]) for q in run.after("query.done")]
    return _found_of(run, run.term) == 0 and not any(mentions(q, run.term) for q in queries)


def _excluded_for_one(run: Run) -> bool:
    queries = [str(q["query"]) for q in run.after("query.done") if q["task"] == "T2"]
    quoted = [q.span.text for q in run.report.quotes if q.span.task == "T2"]
    return not any(mentions(text, run.term) for text in [*queries, *quoted])


def _found_of(run: Run, term: str) -> int:
    return sum(mentions(f"{q.span.text}\n{q.span.about}", term) for q in run.report.quotes)


def _focused(run: Run) -> bool:
    told = any("Nothing that was found speaks of" in limit for limit in run.report.limits)
    return told or any(d["query"].endswith(run.term) for d in run.data("query.done"))


def _added(run: Run) -> bool:
    titles = [s.title for s in run.report.sections] + [m.title for m in run.report.missing]
    return any("canteen" in title for title in titles)


def _stopped(run: Run) -> bool:
    asked = any(q["task"] == "T2" for q in run.after("query.done"))
    return not asked and not any(q.span.task == "T2" for q in run.report.quotes)


def _first(run: Run) -> bool:
    started = [d["id"] for d in run.after("todo.changed") if d["status"] == "in_progress"]
    return started[:1] == ["T4"]


def _few(run: Run) -> bool:
    both = {n for _, values in run.report.conflicts for _, n in values}
    return all(
        len(s.quotes) <= 1
        or any(q.span.via for q in s.quotes)
        or {q.number for q in s.quotes} <= both
        for s in run.report.sections
    )


def _partial(run: Run) -> bool:
    return run.report.status == "partial" and not run.after("query.done")


def _without_rumours(run: Run) -> bool:
    asked = any(q["source"] == "rumours" for q in run.after("query.done"))
    return not asked and all(q.span.source != "rumours" for q in run.report.quotes)


def _edited(run: Run) -> bool:
    return not any(q.span.task == "T3" for q in run.report.quotes)


ACTS: tuple[Act, ...] = (
    Act("exclude a name", "exclude {term}", _excluded),
    Act("exclude for one task", "for T2: exclude {term}", _excluded_for_one),
    Act("focus", "focus on {term}", _focused),
    Act("add a question", "add: When does the canteen open?", _added),
    Act("stop a task", "stop T2", _stopped),
    Act("put one first", "T4 first", _first),
    Act("fewer quotes", "quotes 1", _few),
    Act("finish", "finish", _partial),
    Act("leave out a source", "without source rumours", _without_rumours),
    Act("edit the todo list", "", _edited),
    Act("nonsense", "make it more purple", lambda r: False),
    Act("lift no rule", "remove D9", lambda r: False),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of one act. at: kind of the event after which it was sent. queries, seconds:
    between sending and reading. matter: quotes of what was excluded, in the report."""

    act: str
    at: str
    node: str
    state: str
    reason: str
    times: int
    effect: bool | None
    queries: int
    seconds: float
    revised: bool
    matter: int


def question_of(papers: Company, chance: Random) -> tuple[str, str]:
    """Several planted questions as one, and the name that one of them is about."""
    plain = [n for n in papers.needles if n.kind in ("plain", "superseded")]
    chosen = chance.sample(plain, FACETS)
    term = chosen[1].question.rstrip("?").split()[-1]
    if not term[0].isupper() or "-" in term:
        term = next(w for w in chosen[1].question.split()[1:] if w[0].isupper()).strip("?")
    return " ".join(n.question for n in chosen), term


def one(folder: Path, act: Act, number: int, seed: int) -> Seen:
    """Sends one act at one moment of one run, and looks at what came of it."""
    chance = Random(derive(seed, act.name, number))
    papers = company(chance.randrange(1000))
    question, term = question_of(papers, chance)
    with made(folder / f"{act.name.replace(' ', '-')}-{number}", papers) as kit:
        moment = chance.randrange(1, length(kit, question) + 1)
        sent: dict[str, Any] = {}

        def send(event: Event) -> None:
            todo = render(todo_of(kit.runs, event.run))
            more = {} if act.text else {"todo": re.sub(r"\[.\] T3", "[-] T3", todo)}
            directive = kit.runs.send(event.run, act.text.format(term=term), **more)
            sent.update(id=directive.id, seq=event.seq, at=event.kind, time=time.time())
            sent["node"] = event.position.split(":")[-1].split("#")[0]

        with watched(kit, At(moment, send)):
            run = kit.agent("research").run(question, seed=1)
            run.wait()
        assert run.status == "done", run.row.note
        revised = kit.runs.messages(run.id)[0].state == "late"
        if revised:  # too late for this report: taken up by the next revision of it
            run = kit.resume(reopened(kit.runs, run.id, ""))
            run.wait()
        return _look(kit, run.id, act, sent, term, revised)


def _look(kit: Kit, run: str, act: Act, sent: Mapping[str, Any], term: str, revised: bool) -> Seen:
    events = kit.runs.tail(run)
    reads = [e for e in events if e.kind == "inbox.read"]
    ends = [e.data for e in events if e.kind == "message.ended"]
    state = ends[-1]["state"] if ends else "lost"
    read = reads[-1].seq if reads else 0
    seen = Run(stored(kit.runs, run), events, read, state, term)
    since = 0 if revised else int(sent["seq"])
    obeyed = [d for d in seen.data("directive.added", "directive.followed", "directive.removed")]
    return Seen(
        act.name,
        str(sent["at"]),
        str(sent["node"]),
        state,
        str(ends[-1]["reason"]) if ends else "",
        max(len(reads), len(obeyed)),
        act.works(seen) if state == "applied" else None,
        sum(e.kind == "query.done" and since < e.seq < read for e in events),
        0.0 if revised or not reads else max(0.0, reads[-1].time - float(sent["time"])),
        revised,
        _found_of(seen, term) if act.name == "exclude a name" and state == "applied" else 0,
    )


def steering(bench: Bench) -> Result:
    """All acts at as many moments each."""
    moments = 1 if bench.scale == "quick" else 5
    seen: list[Seen] = []
    total = moments * len(ACTS)
    with tempfile.TemporaryDirectory() as folder:
        for act in ACTS:
            for number in range(moments):
                key = f"{act.name} {number}, seed {bench.seeds[0]}"
                found = bench.once(
                    key,
                    lambda a=act, n=number: asdict(one(Path(folder), a, n, bench.seeds[0])),  # type: ignore[misc]
                )
                seen.append(Seen(**found))
                bench.progress.update(len(seen), total)
    return result(seen)


def result(seen: Sequence[Seen]) -> Result:
    """Figures, table and verdict of what was seen."""
    answered = sum(s.state in KEPT and bool(s.reason) for s in seen)
    applied = [s for s in seen if s.effect is not None]
    lost, twice = sum(s.state == "lost" for s in seen), sum(s.times > 1 for s in seen)
    matter = sum(s.matter for s in seen)
    live = [s for s in seen if not s.revised]
    metrics = {
        "answered": proportion(answered, len(seen)),
        "lost": Metric(lost, n=len(seen), unit="acts"),
        "applied twice": Metric(twice, n=len(seen), unit="acts"),
        "effect there": proportion(sum(bool(s.effect) for s in applied), len(applied)),
        "excluded matter in reports": Metric(matter, n=len(seen), unit="quotes"),
        "came too late, taken up by a revision": Metric(
            sum(s.revised for s in seen), n=len(seen), unit="acts"
        ),
    }
    if live:
        metrics["queries before effect"] = interval([float(s.queries) for s in live], "queries")
        metrics["seconds before effect"] = interval([s.seconds for s in live], "s")
    verdict = (
        f"{len(seen)} scripted acts of {len({s.act for s in seen})} kinds, each at a seeded moment "
        f"uniform over the events of its run, after {len({s.at for s in seen})} kinds of events in "
        f"{len({s.node for s in seen})} nodes. The paper measured no steering, so there is no "
        "figure of theirs to compare with. Time to effect is until the message was read, on "
        "sources in memory: with slow sources it is the time that one query takes. The effect of "
        "each kind is checked by rules made for it by the authors of the grammar, on corpora made "
        "from seeds; what people would say in their own words is not measured here."
    )
    columns = ("act", "sent after", "in", "became", "effect", "queries before", "revised")
    rows = tuple((s.act, s.at, s.node, s.state, s.effect, s.queries, s.revised) for s in seen)
    return Result(metrics, verdict, tables=[Table("Acts", columns, rows)])


EXPERIMENT = Experiment(
    name="research-steering",
    question="Does a steering message, sent at any moment, do what it says, once, and visibly?",
    claim="",
    run=steering,
    needs={"normal": Needs(hours=0.05), "quick": Needs(hours=0.01)},
)
