"""The agent suite passes on right agents and catches a wrong one by each of its cases."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from random import random
from typing import Any, TypedDict

import pytest
from pydantic import BaseModel, ConfigDict

from agentkit.capabilities import AgentInfo, Effect, ToolInfo
from agentkit.errors import ToolDenied
from agentkit.runs import node
from agentkit.settings import PartSettings
from agentkit.testing.conformance import AgentConformance
from tests.testing.mutants import all_cases_have_one, caught, each, passes

pytestmark = pytest.mark.slow  # each case drives whole runs


class Asked(BaseModel):
    text: str


class Answered(BaseModel):
    text: str
    length: int


class State(TypedDict, total=False):
    text: str
    length: int
    found: str


class EchoSettings(PartSettings):
    model: str = "m"
    tools: tuple[str, ...] = ()


class Echo:
    """Looks something up, asks its model, asks a person, counts with a tool."""

    input: type[BaseModel] = Asked
    output: type[BaseModel] = Answered

    def __init__(self, settings: EchoSettings, parts: Any) -> None:
        self.info = AgentInfo(parts.name, "says it again", {"model": "says it"})

    def build(self, parts: Any) -> Any:
        from langgraph.graph import END, START, StateGraph

        graph = StateGraph(State)
        graph.add_node("look", node(self.look))
        graph.add_node("say", node(self.say))
        graph.add_node("count", node(self.count))
        graph.add_edge(START, "look")
        graph.add_edge("look", "say")
        graph.add_edge("say", "count")
        graph.add_edge("count", END)
        return graph

    def look(self, state: State, rt: Any) -> State:
        rt.emit("todo.changed", {"id": "T1", "title": "say it", "status": "open"})
        return {"found": rt.model().ask(f"look up {state['text']}")}

    def say(self, state: State, rt: Any) -> State:
        rt.inbox()
        said = rt.model().ask(f"say {state['text']} {state['found']}")
        return {"text": f"{said} {rt.ask('Loud?', 'yes', 'no')}"}

    def count(self, state: State, rt: Any) -> State:
        rt.emit("todo.changed", {"id": "T1", "title": "say it", "status": "done"})
        try:
            return {"length": rt.call("measure", {"text": state["text"]})}
        except ToolDenied:
            return {"length": -1}


class Text(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str


class Measure:
    info = ToolInfo("measure", "measures a text", Text, Effect.OUTSIDE)

    def __init__(self, *_: Any) -> None: ...

    def call(self, args: Text, rt: Any) -> int:
        return len(args.text)

    def find(self, key: str) -> Any:
        return None


# -- wrong agents ---------------------------------------------------------------------------------


class Nothing(BaseModel):
    pass


class TakesNothing(Echo):
    input = Nothing


class Compiled(Echo):
    def build(self, parts: Any) -> Any:
        return super().build(parts).compile()


class OtherOutput(Echo):
    class Output(BaseModel):
        verdict: str

    output = Output


class RollsDice(Echo):
    def look(self, state: State, rt: Any) -> State:
        return {"found": rt.model().ask(f"look up {random()}")}


class Counts(Echo):
    visits = 0

    def say(self, state: State, rt: Any) -> State:
        Counts.visits += 1
        return {"text": rt.model().ask(f"visit {Counts.visits}")}


class RemembersItself(Echo):
    heard = "nothing"

    def look(self, state: State, rt: Any) -> State:
        self.heard = rt.model().ask("look it up")
        return {}

    def say(self, state: State, rt: Any) -> State:
        return {"text": rt.model().ask(f"say {self.heard}")}


class KnowsOneOrder(Echo):
    def say(self, state: State, rt: Any) -> State:
        for message in rt.inbox():
            if message.text != "stop":
                raise KeyError(message.text)
        return super().say(state, rt)


class Insists(Echo):
    def count(self, state: State, rt: Any) -> State:
        try:
            return {"length": rt.call("measure", {"text": state["text"]})}
        except ToolDenied:
            raise RuntimeError("this cannot happen") from None


class Wordy(Echo):
    def say(self, state: State, rt: Any) -> State:
        return {"text": "word " * 300_000}


AGENTS: dict[str, Any] = {
    "AG-01": TakesNothing,
    "AG-02": Compiled,
    "AG-03": OtherOutput,
    "AG-04": RollsDice,
    "AG-05": Counts,
    "AG-06": RemembersItself,
    "AG-07": KnowsOneOrder,
    "AG-08": Insists,
    "AG-09": Wordy,
}

PLUGIN = f"""
from agentkit import hookimpl

@hookimpl
def agentkit_register(registry):
    here = "{__name__}"
    registry.tool("measure", here + ":Measure", summary="measures")
    for name in {["Echo", *(a.__name__ for a in AGENTS.values())]!r}:
        registry.agent(name.lower(), here + ":" + name, settings=here + ":EchoSettings",
                       needs={{"model": "model", "tools": "tool"}}, summary="an agent")
"""


@pytest.fixture(autouse=True)
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This module as an installed plugin."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    (tmp_path / "suite_agents_plugin.py").write_text(PLUGIN)
    info = tmp_path / "suite_agents-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: suite-agents\nVersion: 1")
    (info / "entry_points.txt").write_text("[agentkit]\nsuite-agents = suite_agents_plugin\n")
    yield
    sys.modules.pop("suite_agents_plugin", None)


MODEL = """
[models.m]
use = "scripted"
choose = "request"
answers = ["one", "two", "three", "four", "five", "six", "seven"]
"""


def suite(use: str) -> type[AgentConformance]:
    toml = (
        f'{MODEL}\n[tools.measure]\nuse = "measure"\n'
        f'[agents.part]\nuse = "{use}"\nmodel = "m"\ntools = ["measure"]\n'
    )
    return type("Suite", (AgentConformance,), {"toml": toml, "task": "hello"})


def test_a_right_agent_passes() -> None:
    passes(suite("echo"))


class TestTools(AgentConformance):
    """The host's own tool-calling agent."""

    toml = """
    [models.m]
    use = "scripted"
    choose = "request"
    answers = ["it is done"]
    [[models.m.rules]]
    when = "found it"
    answers = ["the answer is 4"]
    [[models.m.rules]]
    when = "sum"
    answers = ['{"name": "search", "arguments": {"query": "two and two"}}']
    [sources.s]
    use = "inline"
    documents = {a = "two and two is four, found it"}
    [tools.look]
    use = "search"
    source = "s"
    [agents.part]
    use = "tools"
    model = "m"
    tools = ["look"]
    """
    task = "what is the sum?"


@each(AGENTS)
def test_a_wrong_agent_is_caught(case: str, mutant: Any) -> None:
    caught(suite(mutant.__name__.lower()), case)


def test_every_case_has_a_wrong_agent() -> None:
    all_cases_have_one(AgentConformance, AGENTS)
