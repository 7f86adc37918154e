"""The agent: plan, let a person see it, work on tasks side by side, look for gaps, write, verify.

    plan ──> approve ──> work (one per task) ──> gaps ──> write
                           ^                      │  ^      │
                           └── more to find out ──┘  └──────┘ a message asked for more

The state holds ids only; what was found out is folded from the run's events (`desk.py`), so a run
can be killed, resumed, forked and steered anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from pydantic import BaseModel, Field

from agentkit.capabilities import AgentInfo
from agentkit.errors import ConfigError
from agentkit_deep_research.approval import approve, explain
from agentkit_deep_research.desk import look
from agentkit_deep_research.inbox import Inbox, change
from agentkit_deep_research.limits import batch, reached
from agentkit_deep_research.planning import Planner
from agentkit_deep_research.searching import Searcher
from agentkit_deep_research.settings import ResearchSettings
from agentkit_deep_research.writing import Writer

if TYPE_CHECKING:
    from langgraph.graph import StateGraph

    from agentkit.capabilities import Runtime
    from agentkit.kit import Parts


class Question(BaseModel):
    """What to find out, in words."""

    question: str = Field(min_length=1, max_length=1_000_000)


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
    steps: int  # of the graph, done so far
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
                "planner": "proposes further things to find out",
                "writer": "puts sentences under the quotes, kept where these bear them out",
                "steerer": "reads messages that the grammar cannot; a person confirms",
            },
            ends=True,
        )
        self.inbox = Inbox(
            tuple(self._sources()),
            writes=settings.writer is not None,
            interprets=settings.steerer is not None,
        )

    def _sources(self) -> list[str]:
        """Names of the source parts; the folder at `path` becomes one of them."""
        kit, named = self.parts.kit, list(self.settings.sources)
        if self.settings.path is not None:
            folder = self.parts.resolve(self.settings.path, "path").resolve()
            name = f"{self.parts.name}-path"
            if name not in kit.names("source"):
                reads = self.settings.embedder or ""
                kit.define("source", name, use="folder", path=str(folder), embedder=reads)
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
        for name in ("plan", "approve", "work", "gaps", "write"):
            graph.add_node(name, node(getattr(self, name)))
        graph.add_edge(START, "plan")
        graph.add_edge("plan", "approve")
        graph.add_conditional_edges("approve", dispatch, ["work", "write"])
        graph.add_edge("work", "gaps")
        graph.add_conditional_edges("gaps", dispatch, ["work", "write"])
        graph.add_conditional_edges("write", more, ["gaps", END])
        return graph

    # -- nodes ------------------------------------------------------------------------------------

    def plan(self, state: State, rt: Runtime) -> State:
        """The question's facets become tasks; those that cannot be answered are said so at once."""
        rt.progress("taking the question apart")
        started = rt.now()
        self._planner(rt).begin(state["question"])
        return {"round": 1, "steps": 1, "started": started, "reason": "", "batch": []}

    def approve(self, state: State, rt: Runtime) -> State:
        """A person sees the plan where the settings say so; then the first tasks are chosen."""
        if self.settings.approve:
            rt.progress("waiting for the plan to be approved")
            approve(rt, self.inbox, self._planner(rt))
        rt.emit("round.began", {"round": 1})
        chosen = batch(self.inbox.take(rt), self.settings, "")
        return {"steps": state["steps"] + 1, "batch": chosen}

    def work(self, state: Work, rt: Runtime) -> State:
        """One task: searched for in its sources, its best sentences kept as evidence."""
        desk = look(rt)
        task = desk.todo.get(state["task"])
        if task is None or task.status != "pending":
            return {}
        rt.progress(f"{task.id} {task.title}")
        change(rt, task, status="in_progress", reason="")
        Searcher(rt, self.parts, self.settings, self.inbox, task).run(desk)
        return {}

    def gaps(self, state: State, rt: Runtime) -> State:
        """What is missing is searched for in other words, while limits allow. A round is over when
        none of its tasks is left."""
        rt.progress("looking for gaps")
        planner, turn = self._planner(rt), state["round"]
        self.inbox.take(rt)
        explain(rt, self.inbox, planner)
        desk = planner.asked_for(look(rt))
        left: list[str] = []
        most = desk.rules.limit("loops", self.settings.loops)
        if not desk.todo.ready() and not desk.finish:
            left = planner.close_gaps(desk, last=turn >= most)
            if look(rt).todo.ready():
                turn += 1
                rt.emit("round.began", {"round": turn})
        desk = look(rt)
        steps = state["steps"] + 2  # its own, and that of the tasks before it
        reason = reached(rt, self.settings, state["started"], desk, steps)
        open = (
            f"after {turn} of {most} rounds this was still open: {'; '.join(left)}" if left else ""
        )
        found: State = {"round": turn, "steps": steps, "reason": reason, "open": open}
        return {**found, "batch": batch(desk, self.settings, reason)}

    def write(self, state: State, rt: Runtime) -> State:
        """The last look into the inbox, then the report, each quote checked against its source."""
        desk = self.inbox.take(rt)
        if desk.waits and not desk.finish and not state["reason"]:
            return {"steps": state["steps"] + 1, "batch": []}
        writer = Writer(rt, self.parts, self.settings)
        report = writer.write(state["question"], desk, state["reason"] or state.get("open", ""))
        artifacts = writer.keep(report)
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
            "report": writer.text(report),
            "status": report.status,
            "reason": report.reason,
            "coverage": report.coverage,
            "citations": [c.model_dump() for c in citations],
            "not_found": [m.title for m in report.missing],
            "artifacts": artifacts,
        }

    def _planner(self, rt: Runtime) -> Planner:
        return Planner(rt, self.parts, self.settings, self.inbox.sources)
