"""The agent: plan, work on tasks side by side, look for gaps, write, verify.

    plan ──> work (one per task) ──> gaps ──> write
                ^                     │  ^      │
                └── more to find out ─┘  └──────┘ a message asked for more

The state holds ids only; what was found out is folded from the run's events (`desk.py`), so a run
can be killed, resumed, forked and steered anywhere.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypedDict

from pydantic import BaseModel, Field

from agentkit.capabilities import AgentInfo, Source, Vocabulary
from agentkit.errors import AgentkitError, ConfigError
from agentkit_deep_research import roles
from agentkit_deep_research.desk import Desk, change, look, take
from agentkit_deep_research.directives import mentions
from agentkit_deep_research.facets import Facet, facets
from agentkit_deep_research.gaps import Enough, absent, gap, other_words
from agentkit_deep_research.ranking import rarity_of
from agentkit_deep_research.report import Report, compose, markdown
from agentkit_deep_research.searching import Searcher
from agentkit_deep_research.settings import ResearchSettings
from agentkit_deep_research.todo import PRIORITY, Origin, Task, render
from agentkit_deep_research.verify import verify
from agentkit_deep_research.words import content, folded

if TYPE_CHECKING:
    from langgraph.graph import StateGraph

    from agentkit.capabilities import Runtime
    from agentkit.kit import Parts

ENOUGH = Enough()


class Question(BaseModel):
    """What to find out, in words."""

    question: str = Field(min_length=1, max_length=10_000)


class Citation(BaseModel):
    """A quoted place: bytes start to end of a document whose stored text has that hash."""

    number: int
    source: str
    document: str
    title: str
    link: str
    text: str
    start: int
    end: int
    sha256: str


class Answer(BaseModel):
    """The report (Markdown) and what it stands on. coverage: share of facets with quotes, 0..1."""

    report: str
    status: str
    reason: str = ""
    coverage: float = 0.0
    citations: list[Citation] = []
    not_found: list[str] = []
    artifacts: list[str] = []


class State(TypedDict, total=False):
    question: str
    round: int
    started: float
    batch: list[str]
    reason: str  # a limit that ended the search
    open: str  # what the last round left open
    report: str
    status: str
    coverage: float
    citations: list[dict[str, Any]]
    not_found: list[str]
    artifacts: list[str]


class Work(TypedDict):
    task: str


class DeepResearch:
    """See the module."""

    input, output = Question, Answer

    def __init__(self, settings: ResearchSettings, parts: Parts) -> None:
        self.settings, self.parts = settings, parts
        self.info = AgentInfo(
            parts.name,
            "answers from documents, in quotes that are checked",
            {
                "embedder": "compares the meaning of question and sentence",
                "ranker": "scores sentences by how likely the question is after them",
                "keywords": "adds search words",
            },
        )
        self.sources = self._sources()

    def _sources(self) -> list[str]:
        """Names of the source parts; the folder at `path` becomes one of them."""
        kit, named = self.parts.kit, list(self.settings.sources)
        if self.settings.path is not None:
            folder = self.parts.resolve(self.settings.path, "path").resolve()
            name = f"{self.parts.name}-path"
            if name not in kit.names("source"):
                kit.define("source", name, use="folder", path=str(folder))
            named.append(name)
        found = named or kit.names("source")
        if not found:
            raise ConfigError(
                f"agents.{self.parts.name} has nothing to search",
                "name a folder: `agentkit research QUESTION --source FOLDER`, or declare "
                "[sources.NAME] in agentkit.toml",
            )
        return found

    def build(self, parts: Parts) -> StateGraph[Any, Any, Any, Any]:
        from langgraph.graph import END, START, StateGraph
        from langgraph.types import Send

        from agentkit.runs import node

        def dispatch(state: State) -> Any:
            return [Send("work", {"task": id}) for id in state["batch"]] or "write"

        def more(state: State) -> str:
            return END if state.get("report") else "gaps"

        graph: StateGraph[Any, Any, Any, Any] = StateGraph(State)
        graph.add_node("plan", node(self.plan))
        graph.add_node("work", node(self.work))
        graph.add_node("gaps", node(self.gaps))
        graph.add_node("write", node(self.write))
        graph.add_edge(START, "plan")
        graph.add_conditional_edges("plan", dispatch, ["work", "write"])
        graph.add_edge("work", "gaps")
        graph.add_conditional_edges("gaps", dispatch, ["work", "write"])
        graph.add_conditional_edges("write", more, ["gaps", END])
        return graph

    # -- nodes ------------------------------------------------------------------------------------

    def plan(self, state: State, rt: Runtime) -> State:
        """The question's facets become tasks; those that cannot be answered are said so at once."""
        rt.progress("taking the question apart")
        started = rt.now() if self.settings.seconds is not None else 0.0
        for facet in facets(state["question"]):
            self._add(rt, look(rt), facet, "question")
        return {"round": 1, "started": started, "reason": "", "batch": self._batch(take(rt), "")}

    def work(self, state: Work, rt: Runtime) -> State:
        """One task: searched for in every source, its best sentences kept as evidence."""
        desk = look(rt)
        task = desk.todo.get(state["task"])
        if task is None or task.status != "pending":
            return {}
        rt.progress(f"{task.id} {task.title}")
        change(rt, task, status="in_progress", reason="")
        Searcher(rt, self.parts, self.settings, self.sources, task).run(desk)
        return {}

    def gaps(self, state: State, rt: Runtime) -> State:
        """What is missing is searched for in other words, while limits allow."""
        rt.progress("looking for gaps")
        desk = self._asked_for(rt, take(rt))
        turn, most = state["round"], desk.rules.limit("loops", self.settings.loops)
        left_out = []
        for number, facet in enumerate(desk.facets):
            spans = [
                s
                for s in desk.evidence.of_facet(number)
                if desk.rules.against(s.text, s.about) is None
            ]
            tasks = desk.todo.of_facet(number)
            stopped = all(t.status in ("cancelled", "blocked") for t in tasks)
            if stopped or any(t.status == "pending" for t in tasks):
                continue
            why = gap(facet, spans, ENOUGH)
            if why != desk.gaps.get(number, ""):
                rt.emit("gap.found", {"facet": number, "why": why})
            tried = [t.query for t in tasks] + [q.query for q in desk.queries]
            ideas = other_words(facet, spans, tried)[:2] if why else []
            if ideas and turn >= most:
                left_out.append(facet.title)
                continue
            for idea in ideas:
                parent = tasks[0].id
                self._task(rt, number, facet.title, idea, "gap", parent=parent, reason=why)
        desk = look(rt)
        reason = self._limit(rt, state, desk)
        batch = self._batch(desk, reason)
        open = "; ".join(left_out)
        left = f"after {turn} of {most} rounds this was still open: {open}" if open else ""
        return {"round": turn + 1, "batch": batch, "reason": reason, "open": left}

    def write(self, state: State, rt: Runtime) -> State:
        """The last look into the inbox, then the report, each quote checked against its source."""
        desk = take(rt)
        if not desk.finish and (self._unheard(desk) or desk.todo.pending()) and not state["reason"]:
            return {"batch": []}
        desk = self._too_late(rt, desk)
        rt.progress("writing and verifying")
        report = self._report(rt, state, desk)
        text = markdown(report)
        rt.artifact("report.md", text, "text/markdown")
        rt.artifact("report.json", json.dumps(report.to_json(), indent=1), "application/json")
        rt.artifact("todo.md", render(desk.todo), "text/markdown")
        citations = [
            Citation(
                number=q.number,
                source=q.span.source,
                document=q.span.document,
                title=q.span.title,
                link=q.link,
                text=q.span.text,
                start=q.span.start,
                end=q.span.end,
                sha256=q.span.sha256,
            )
            for q in report.quotes
        ]
        return {
            "report": text,
            "status": report.status,
            "reason": report.reason,
            "coverage": report.coverage,
            "citations": [c.model_dump() for c in citations],
            "not_found": [m.title for m in report.missing],
            "artifacts": ["report.md", "report.json", "todo.md"],
        }

    # -- tasks ------------------------------------------------------------------------------------

    def _add(self, rt: Runtime, desk: Desk, facet: Facet, origin: Origin, why: str = "") -> None:
        """A facet with its first task; blocked where a word that it needs occurs nowhere."""
        number = len(desk.facets)
        counts, total = self._count(rt, facet)
        rt.emit(
            "facet.found",
            {
                "facet": number,
                "text": facet.text,
                "context": list(facet.context),
                "kind": facet.kind,
                "entities": list(facet.entities),
                "counts": counts,
                "passages": total,
            },
        )
        nowhere = absent(facet, counts, rarity_of(counts, total)) if total else []
        if nowhere:
            rt.emit("word.absent", {"facet": number, "words": nowhere})
        self._task(rt, number, facet.title, facet.query, origin, reason=why, nowhere=nowhere)

    def _task(
        self,
        rt: Runtime,
        facet: int,
        title: str,
        query: str,
        origin: Origin,
        *,
        parent: str = "",
        reason: str = "",
        nowhere: list[str] | None = None,
    ) -> None:
        desk = look(rt)
        if len(desk.todo) >= self.settings.tasks:
            if origin == "person":
                why = f"the limit of {self.settings.tasks} tasks is reached"
                rt.emit("directive.rejected", {"text": title, "reason": why})
            return
        if nowhere:
            shown = ", ".join(map(repr, nowhere))
            reason = f"{shown} occur{'s' if len(nowhere) == 1 else ''} nowhere in the sources"
        task = Task(
            desk.todo.next_id(),
            title,
            query,
            facet,
            status="blocked" if nowhere else "pending",
            priority=PRIORITY[origin],
            order=len(desk.todo),
            origin=origin,
            parent=parent,
            reason=reason,
            author="user" if origin == "person" else "agent",
        )
        rt.emit("todo.changed", task.to_json())

    def _count(self, rt: Runtime, facet: Facet) -> tuple[dict[str, int], int]:
        """In how many passages each of a facet's words occurs, and how many passages there are; a
        total of 0 where a source cannot tell."""
        words = content(facet.query)

        def do() -> dict[str, Any]:
            kit = self.parts.kit
            found: list[Source] = [kit.source(name) for name in self.sources]
            able = [s for s in found if isinstance(s, Vocabulary)]
            if len(able) < len(found):
                return {"counts": {}, "total": 0}
            counts = {w: sum(s.document_frequency(w) for s in able) for w in words}
            common = sum(s.document_frequency("the") for s in able)
            documents = sum(s.info.documents or 0 for s in found)
            return {"counts": counts, "total": max(common, documents, *counts.values(), 0)}

        try:
            made = rt.record("vocabulary", {"words": words}, roles.contained(do))
        except AgentkitError as error:  # the search will meet it too, and tell
            rt.progress(f"words could not be counted: {error.message}")
            return {}, 0
        return dict(made["counts"]), int(made["total"])

    def _asked_for(self, rt: Runtime, desk: Desk) -> Desk:
        """Turns what people added into tasks, and gives every facet a task about each new focus."""
        for text, author in self._unheard(desk):
            for facet in facets(text):
                self._add(rt, look(rt), facet, "person", f"{author} said: add: {text}")
            rt.emit("directive.heard", {"value": text})
        for rule in desk.rules.standing("focus"):
            if rule.id in desk.focused:
                continue
            for number, facet in enumerate(desk.facets):
                query = f"{facet.query} {rule.value}"
                if number not in desk.absent and not desk.said_before(query):
                    title = f"{facet.title} ({rule.value})"
                    self._task(rt, number, title, query, "person", reason=f"{rule.id}: {rule.text}")
            rt.emit("directive.heard", {"rule": rule.id})
        return look(rt)

    def _unheard(self, desk: Desk) -> list[tuple[str, str]]:
        return desk.asked[desk.heard :]

    def _batch(self, desk: Desk, reason: str) -> list[str]:
        """The tasks to run next, none where the search is over."""
        if reason or desk.finish:
            return []
        return [t.id for t in desk.todo.pending()[: self.settings.width]]

    def _models(self) -> bool:
        return any(self.parts.names(role) for role in self.info.roles)

    def _limit(self, rt: Runtime, state: State, desk: Desk) -> str:
        """Which limit ends the search, "" where none does."""
        s = self.settings
        if desk.finish:
            return desk.finish
        if s.seconds is not None and rt.now() - state["started"] >= s.seconds:
            return f"the limit of {s.seconds:g} seconds was reached"
        opened = len({span.place for span in desk.evidence})
        if opened >= s.pages:
            return f"the limit of {s.pages} pages was reached"
        if s.tokens is not None and self._models() and desk.tokens >= s.tokens:
            return f"the limit of {s.tokens} tokens was reached"
        return ""

    # -- the report -------------------------------------------------------------------------------

    def _too_late(self, rt: Runtime, desk: Desk) -> Desk:
        """What can no longer be followed is rejected, visibly."""
        for text, _ in self._unheard(desk):
            why = "the search is over: " + (desk.finish or "a limit was reached")
            rt.emit("directive.rejected", {"text": f"add: {text}", "reason": why})
            rt.emit("directive.heard", {"value": text})
        for rule in desk.rules.standing():
            hidden = [s for s in desk.evidence if desk.rules.against(s.text, s.about) is rule]
            if hidden:
                rt.emit("directive.applied", {"id": rule.id, "spans": len(hidden)})
        for rule in desk.rules.standing("focus"):
            if not any(mentions(f"{s.text}\n{s.about}", rule.value) for s in desk.evidence):
                text = f"Nothing that was found speaks of {rule.value!r} ({rule.id}): see the rest."
                rt.emit("warning", {"text": text})
        return look(rt)

    def _report(self, rt: Runtime, state: State, desk: Desk) -> Report:
        reason = desk.finish or state["reason"] or state.get("open", "")
        quotes = desk.rules.limit("quotes", self.settings.quotes)
        unsure = desk.rules.limit("quotes", self.settings.unsure)
        question = folded(state["question"])
        report = compose(question, desk, quotes=quotes, unsure=unsure, reason=reason)
        verdict = verify([(q.number, q.span) for q in report.quotes], rt.open)
        checked = {
            "checked": verdict.checked,
            "faults": [[f.number, f.span, f.reason] for f in verdict.faults],
        }
        rt.emit("report.verified", checked)
        return replace(report, verdict=verdict)
