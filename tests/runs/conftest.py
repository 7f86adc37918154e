"""Small agents made of plain functions, and the trial agent that uses everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypedDict

import pytest
from pydantic import BaseModel

from agentkit.bench import trial
from agentkit.capabilities import AgentInfo
from agentkit.kit import Kit, Parts


class Task(BaseModel):
    task: str


class Out(BaseModel):
    text: str = ""


class State(TypedDict, total=False):
    task: str
    text: str


class Made:
    """An agent around a function that builds its graph."""

    input: type[BaseModel] = Task
    output: type[BaseModel] = Out

    def __init__(self, build: Callable[[], Any]) -> None:
        self.info = AgentInfo("made")
        self._build = build

    def build(self, parts: Parts) -> Any:
        return self._build()


def chain(**functions: Callable[[Any, Any], Mapping[str, Any]]) -> Made:
    """An agent whose nodes follow one another."""

    def build() -> Any:
        from langgraph.graph import END, START, StateGraph

        from agentkit.runs import node

        graph = StateGraph(State)
        names = list(functions)
        for name, function in functions.items():
            graph.add_node(name, node(function))
        for before, after in zip([START, *names], [*names, END]):
            graph.add_edge(before, after)
        return graph

    return Made(build)


@pytest.fixture
def made() -> Callable[[Callable[[], Any]], Made]:
    return Made


@pytest.fixture
def kit_of(tmp_path: Path) -> Iterator[Callable[..., Kit]]:
    """`kit_of(first=f, second=g)`: a kit whose agent "made" runs these functions in turn; model
    "trial" and tool "post" are there. Every kit of a test uses one store, like processes do."""
    opened: list[Kit] = []

    def make(agent: Any = None, /, **functions: Any) -> Kit:
        kit = trial.kit(tmp_path)
        kit.add("agent", "made", agent or chain(**functions))
        opened.append(kit)
        return kit

    yield make
    for kit in opened:
        kit.close()


@pytest.fixture
def trials(tmp_path: Path) -> Iterator[Callable[..., Kit]]:
    """`trials(asks=False)`: a kit with the trial agent; all of a test's kits share one store."""
    opened: list[Kit] = []

    def make(**settings: Any) -> Kit:
        opened.append(trial.kit(tmp_path, **settings))
        return opened[-1]

    yield make
    for kit in opened:
        kit.close()
