"""An agent that drafts an answer and then makes it better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from pydantic import BaseModel

from agentkit.capabilities import AgentInfo, Runtime
from agentkit.kit import Parts
from agentkit.runs import node
from agentkit.settings import PartSettings

if TYPE_CHECKING:
    from langgraph.graph import StateGraph


class Settings(PartSettings):
    """model: drafts and revises."""

    model: str = "small"


class Task(BaseModel):
    task: str


class Answer(BaseModel):
    answer: str


class State(TypedDict, total=False):
    task: str
    draft: str
    answer: str


class ClassName:
    """Two nodes. All that is not a function of the state goes through `rt`, which records it."""

    input, output = Task, Answer

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self.info = AgentInfo(parts.name, "drafts and revises", {"model": "drafts and revises"})

    def build(self, parts: Parts) -> StateGraph[Any, Any, Any, Any]:
        from langgraph.graph import END, START, StateGraph

        graph = StateGraph(State)
        graph.add_node("write", node(self._write))
        graph.add_node("revise", node(self._revise))
        graph.add_edge(START, "write")
        graph.add_edge("write", "revise")
        graph.add_edge("revise", END)
        return graph

    def _write(self, state: State, rt: Runtime) -> State:
        return {"draft": rt.model("model").ask(state["task"])}

    def _revise(self, state: State, rt: Runtime) -> State:
        wishes = "".join(f"\nThe user adds: {message.text}" for message in rt.inbox())
        return {
            "answer": rt.model("model").ask(
                f"{state['task']}\n\nA draft: {state['draft']}{wishes}\n\nGive a better answer."
            )
        }
