"""The plain tool-calling agent: a model, tools, and a conversation until it answers.

The conversation is not in the graph's state but in the run's events: "message" events, folded where
a node needs them. So a run can be resumed, forked and read at any step.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from pydantic import BaseModel

from agentkit.capabilities.agent import AgentInfo, Runtime
from agentkit.capabilities.language_model import (
    Completion,
    Message,
    Request,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from agentkit.errors import AgentkitError, ConfigError
from agentkit.runs import node
from agentkit.runs.codec import part_from, part_to
from agentkit.settings import PartSettings

if TYPE_CHECKING:
    from langgraph.graph import StateGraph

    from agentkit.kit import Parts

SYSTEM = "You are a helpful assistant. Use the tools where they help, then answer."


class ToolsSettings(PartSettings):
    """turns: how often tools may be called; then the model must answer with what it has."""

    model: str = "small"
    tools: tuple[str, ...] = ()
    system: str = SYSTEM
    turns: int = 8
    max_tokens: int = 512
    temperature: float = 0.0


class Task(BaseModel):
    task: str


class Answer(BaseModel):
    answer: str
    turns: int


class State(TypedDict, total=False):
    task: str
    turns: int
    calling: bool
    answer: str


class ToolsAgent:
    """`use = "tools"`."""

    input, output = Task, Answer

    def __init__(self, settings: ToolsSettings, parts: Parts) -> None:
        self.info = AgentInfo(
            parts.name, "answers with the help of tools", {"model": "decides and answers"}
        )
        self._settings = settings
        self._names: dict[str, str] = {}  # a tool's own name to its part's
        self._specs = []
        for name, one in zip(parts.names("tools"), parts["tools"], strict=True):
            if one.info.name in self._names:
                raise ConfigError(
                    f"agents.{parts.name}: the tools {self._names[one.info.name]!r} and {name!r} "
                    f"both call themselves {one.info.name!r}",
                    "a model could not tell them apart; leave one out",
                )
            self._names[one.info.name] = name
            schema = one.info.arguments.model_json_schema()
            self._specs.append(ToolSpec(one.info.name, one.info.description, schema))

    def build(self, parts: Parts) -> StateGraph[Any, Any, Any, Any]:
        from langgraph.graph import END, START, StateGraph

        graph = StateGraph(State)
        graph.add_node("think", node(self._think))
        graph.add_node("act", node(self._act))
        graph.add_edge(START, "think")
        graph.add_conditional_edges("think", lambda s: "act" if s["calling"] else END)
        graph.add_edge("act", "think")
        return graph

    def _think(self, state: State, rt: Runtime) -> State:
        turn = state.get("turns", 0)
        if not turn:
            _say(rt, Message.system(self._settings.system))
            _say(rt, Message.user(state["task"]))
        for directive in rt.inbox():
            _say(rt, Message.user(directive.text))
        made = rt.model("model").complete(
            Request(
                tuple(_conversation(rt)),
                tools=tuple(self._specs) if turn < self._settings.turns else (),
                max_tokens=self._settings.max_tokens,
                temperature=self._settings.temperature,
            )
        )
        if made.finish == "error":
            raise AgentkitError(f"the model could not answer: {made.error}")
        _say(rt, _message(made))
        return {"turns": turn + 1, "calling": bool(made.tool_calls), "answer": made.text.strip()}

    def _act(self, state: State, rt: Runtime) -> State:
        for call in _conversation(rt)[-1].parts:
            if isinstance(call, ToolCall):
                _say(rt, Message.tool(self._call(call, rt)))
        return {}

    def _call(self, call: ToolCall, rt: Runtime) -> ToolResult:
        """A call's result; what went wrong is a result too, for the model to read."""
        try:
            if call.name not in self._names:
                raise AgentkitError(f"there is no tool {call.name!r}", ", ".join(self._names))
            made = rt.call(self._names[call.name], call.arguments)
        except (AgentkitError, ValueError) as error:
            return ToolResult(call.id, " ".join(str(error).split()), error=True)
        return ToolResult(call.id, made if isinstance(made, str) else json.dumps(made))


def _message(made: Completion) -> Message:
    return Message.of("assistant", *([made.text] if made.text else []), *made.tool_calls)


def _say(rt: Runtime, message: Message) -> None:
    rt.emit("message", {"role": message.role, "parts": [part_to(p) for p in message.parts]})


def _conversation(rt: Runtime) -> list[Message]:
    return rt.view(lambda said, event: [*said, _read(event.data)], [], kinds=("message",))


def _read(data: Mapping[str, Any]) -> Message:
    return Message(data["role"], tuple(part_from(p) for p in data["parts"]))
