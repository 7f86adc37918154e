"""An agent that uses everything a run can do, for the experiments and tests on resuming.

plan -> 3 x Send(work = subgraph look -> weigh) -> gap -> act -> (loop) -> report. It makes model
calls, emits, asks questions in the midst of nodes and inside Send branches and subgraphs, reads its
inbox, folds views of the log, and has effects in the outside world: lines in a file.
"""

from __future__ import annotations

import hashlib
import operator
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from pydantic import BaseModel

from agentkit.capabilities import (
    AgentInfo,
    Cancel,
    Completion,
    Effect,
    LanguageModel,
    ModelInfo,
    OnDelta,
    Request,
    Runtime,
    ToolInfo,
    Usage,
)
from agentkit.capabilities.language_model import Delta
from agentkit.errors import Unsupported
from agentkit.host import Host
from agentkit.kit import Kit, Parts
from agentkit.registry import Registry
from agentkit.runs.events import Event
from agentkit.settings import HostSettings, PartSettings, Settings

if TYPE_CHECKING:
    from langgraph.graph import StateGraph

WORKERS = 3
TOKENS = 8  # of an answer of a real model
NAMES = {"work": "work", "weigh": "weigh"}
"""Names of two nodes, one in the subgraph, to see what happens when code renames them."""


def register(registry: Registry) -> None:
    """The parts of this page, for a kit that wants them."""
    here = __name__
    registry.model(
        "trial",
        f"{here}:TrialModel",
        settings=f"{here}:TrialModelSettings",
        needs={"base": "model"},
    )
    registry.tool("trial-post", f"{here}:Post", settings=f"{here}:PostSettings")
    registry.agent(
        "trial",
        f"{here}:Trial",
        settings=f"{here}:TrialSettings",
        needs={"model": "model", "tool": "tool"},
    )


def kit(folder: Path, seconds: float = 0.0, weights: str = "", **settings: Any) -> Kit:
    """A kit with model, tool and agent "trial" and all else in `folder`: runs, the file "world"
    with the effects, the file "calls" with the model's calls.

    Args:
        seconds: of work for one call.
        weights: a model that answers in earnest; made-up words by default.
        settings: of the agent.
    """
    host = Host.load({"AGENTKIT_PLUGINS": ""})
    host.registry.begin("agentkit")
    register(host.registry)
    made = Kit(host, Settings(host=HostSettings(store=folder / "runs")))
    calls, base = str(folder / "calls"), "real" if weights else None
    made.define("model", "trial", use="trial", seconds=seconds, calls=calls, base=base)
    if weights:
        made.define("model", "real", use="transformers", model=weights, device="cpu", threads=1)
    made.define("tool", "post", use="trial-post", path=str(folder / "world"), seconds=seconds)
    made.define("agent", "trial", use="trial", **settings)
    return made


# -- the model: deterministic in (prompt, seed), takes its time ------------------------------------


class TrialModelSettings(PartSettings):
    """seconds: of work for one call. calls: a file that gets a line, the seed, for each call.
    base: the model that answers, a few tokens each time; without one the words are made up."""

    seconds: float = 0.0
    calls: Path | None = None
    base: str | None = None


class TrialModel:
    def __init__(self, settings: TrialModelSettings, parts: Parts) -> None:
        self.info = ModelInfo(parts.name, context=4096)
        self._seconds, self._calls = settings.seconds, settings.calls
        self._base: LanguageModel | None = parts["base"]

    def generate(
        self,
        requests: Sequence[Request],
        *,
        on_delta: OnDelta | None = None,
        cancel: Cancel | None = None,
    ) -> list[Completion]:
        if self._calls is not None:
            with self._calls.open("a") as file:
                file.writelines(f"{request.context.seed}\n" for request in requests)
        if self._base is not None:
            short = [replace(request, max_tokens=TOKENS) for request in requests]
            return self._base.generate(short, on_delta=on_delta, cancel=cancel)
        made = []
        for index, request in enumerate(requests):
            text = f"{request.messages[-1].text}/{request.context.seed}"
            words = hashlib.sha256(text.encode()).hexdigest()[:12]
            for start in range(0, 12, 4):
                if self._seconds:
                    time.sleep(self._seconds / 3)
                if cancel:
                    return [Completion("", "cancelled") for _ in requests]
                if on_delta:
                    on_delta(Delta(index, words[start : start + 4]))
            made.append(Completion(words, usage=Usage(3, 3, 3), path=(self.info.name,)))
        return made

    def ability(self, kind: type) -> Any:
        raise Unsupported(f"models.{self.info.name} has no {kind.__name__}")


# -- the world: a file, one line an effect ---------------------------------------------------------


class PostSettings(PartSettings):
    """seconds: before the effect and after it."""

    path: Path
    seconds: float = 0.0


class PostArgs(BaseModel):
    text: str


class Post:
    def __init__(self, settings: PostSettings, parts: Parts) -> None:
        self.info = ToolInfo("post", "writes a line", PostArgs, Effect.OUTSIDE)
        self._path, self._seconds = settings.path, settings.seconds

    def call(self, args: PostArgs, rt: Runtime) -> str:
        time.sleep(self._seconds / 2)
        with self._path.open("a") as file:
            file.write(f"{rt.key}\t{args.text}\n")
        time.sleep(self._seconds / 2)
        return "posted"

    def find(self, key: str) -> str | None:
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        return "posted" if any(line.split("\t")[0] == key for line in lines) else None


# -- the agent -------------------------------------------------------------------------------------


class TrialSettings(PartSettings):
    """rounds: loops. asks: whether it asks people."""

    model: str = "trial"
    tool: str = "post"
    rounds: int = 4
    asks: bool = True


class Task(BaseModel):
    task: str


class Report(BaseModel):
    report: str


class State(TypedDict, total=False):
    task: str
    round: int
    notes: Annotated[list[str], operator.add]
    report: str


class Branch(TypedDict, total=False):
    item: str
    round: int
    look: str
    note: str


class Trial:
    info = AgentInfo("trial", "uses everything a run can do")
    input: type[BaseModel] = Task
    output: type[BaseModel] = Report

    def __init__(self, settings: TrialSettings, parts: Parts) -> None:
        self._settings = settings

    def build(self, parts: Parts) -> StateGraph[Any, Any, Any, Any]:
        from langgraph.graph import END, START, StateGraph
        from langgraph.types import Send

        from agentkit.runs import node, subgraph

        work, weigh, rounds = NAMES["work"], NAMES["weigh"], self._settings.rounds

        def fan(state: State) -> list[Any]:
            items = [f"{state['task']} {n}" for n in range(WORKERS)]
            return [Send(work, {"item": i, "round": state["round"]}) for i in items]

        def more(state: State) -> str:
            return "plan" if state["round"] < rounds else "report"

        inner = StateGraph(Branch)
        inner.add_node("look", node(self.look))
        inner.add_node(weigh, node(self.weigh))
        inner.add_edge(START, "look")
        inner.add_edge("look", weigh)
        inner.add_edge(weigh, END)

        graph = StateGraph(State)
        graph.add_node("plan", node(self.plan))
        graph.add_node(work, subgraph(inner, out=lambda end: {"notes": [end["note"]]}))
        graph.add_node("gap", node(self.gap))
        graph.add_node("act", node(self.act))
        graph.add_node("report", node(self.report))
        graph.add_edge(START, "plan")
        graph.add_conditional_edges("plan", fan, [work])
        graph.add_edge(work, "gap")
        graph.add_edge("gap", "act")
        graph.add_conditional_edges("act", more, ["plan", "report"])
        graph.add_edge("report", END)
        return graph

    def plan(self, state: State, rt: Runtime) -> Mapping[str, Any]:
        number = state.get("round", 0) + 1
        rt.emit("note", {"text": rt.model().ask(f"plan {state['task']} {number}")})
        hear(rt)
        return {"round": number}

    def look(self, state: Branch, rt: Runtime) -> Mapping[str, Any]:
        first = rt.model().ask(f"look {state['item']} {state['round']}", temperature=1.0)
        rt.emit("evidence", {"text": first})
        rt.progress(f"looked at {state['item']}", 0.5)
        return {"look": first}

    def weigh(self, state: Branch, rt: Runtime) -> Mapping[str, Any]:
        text = rt.model().ask(f"weigh {state['look']}")
        if self._settings.asks and state["round"] == 2 and not state["item"].endswith("0"):
            text += rt.ask(f"keep {state['item']}?", "yes", "no")
            text += rt.model().ask(f"after {text}")
        hear(rt)
        return {"note": text}

    def gap(self, state: State, rt: Runtime) -> Mapping[str, Any]:
        seen = rt.view(lambda count, _: count + 1, 0, ("evidence",))
        rt.emit("note", {"text": f"{seen} seen"})
        rt.emit(
            "note", {"text": rt.model().ask(f"gap {seen} {rt.view(texts, NONE, ('note',))[-1]}")}
        )
        return {}

    def act(self, state: State, rt: Runtime) -> Mapping[str, Any]:
        number = state["round"]
        if self._settings.asks and number in (1, 3):
            rt.emit("note", {"text": rt.ask(f"post round {number}?")})
        rt.call("post", {"text": f"{state['task']} {number} {sorted(state['notes'])[-1]}"})
        rt.emit("note", {"text": rt.model().ask(f"acted {number}")})
        return {}

    def report(self, state: State, rt: Runtime) -> Mapping[str, Any]:
        hear(rt)
        seen = rt.view(texts, NONE, ("evidence",))
        text = "\n".join([*sorted(seen), *sorted(state["notes"])])
        rt.artifact("report.md", text, "text/markdown")
        return {"report": text}


def hear(rt: Runtime) -> None:
    """Reads the inbox. Last in a node, so that messages leave the other calls' seeds alone."""
    for message in rt.inbox():
        rt.emit("note", {"text": f"heard {message.id}"})


NONE: tuple[str, ...] = ()


def texts(before: tuple[str, ...], event: Event) -> tuple[str, ...]:
    return (*before, str(event.data["text"]))
