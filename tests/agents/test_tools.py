"""The plain tool-calling agent, on a scripted model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import agentkit
from agentkit.capabilities import Completion, Request, ToolCall
from agentkit.errors import ConfigError
from agentkit.kit import Kit
from agentkit.testing.fakes import ScriptedModel, ScriptedSettings

pytestmark = pytest.mark.slow

CALLED: list[tuple[float, float]] = []


@agentkit.tool(effect="none")
def add(a: float, b: float) -> float:
    """The sum of two numbers."""
    CALLED.append((a, b))
    if b < 0:
        raise ValueError("no negative numbers here")
    return a + b


def call(name: str, **arguments: Any) -> Completion:
    return Completion("", "tool_calls", tool_calls=(ToolCall("c1", name, arguments),))


@pytest.fixture
def kit() -> Iterator[Kit]:
    CALLED.clear()
    with agentkit.load() as made:
        made.add("tool", "add", add)
        made.define("agent", "clerk", use="tools", model="fake", tools=["add"], turns=3)
        yield made


def script(kit: Kit, *answers: Any) -> list[Request]:
    """A model that gives these answers in order; the requests that it got."""
    got: list[Request] = []

    def answer(request: Request) -> Any:
        got.append(request)
        return answers[len(got) - 1]

    kit.add("model", "fake", ScriptedModel(ScriptedSettings(function=answer)))
    return got


def test_it_calls_a_tool_and_answers(kit: Kit) -> None:
    got = script(kit, call("add", a=2, b=3), "It is 5.")
    run = kit.agent("clerk").run("What is 2 + 3?")
    kinds = [event.kind for event in run]
    assert run.result.answer == "It is 5." and run.result.turns == 2
    assert CALLED == [(2.0, 3.0)]
    assert kinds.count("tool.done") == 1 and kinds.count("message") == 5
    assert [m.role for m in got[1].messages] == ["system", "user", "assistant", "tool"]
    assert got[0].tools[0].name == "add" and "5.0" in str(got[1].messages[-1].parts[0])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (call("subtract", a=1, b=1), "there is no tool 'subtract'"),
        (call("add", a="one", b=1), "valid number"),
        (call("add", a=1, b=-1), "no negative numbers"),
    ],
)
def test_what_went_wrong_is_told_to_the_model(kit: Kit, wrong: Completion, says: str) -> None:
    got = script(kit, wrong, "I give up.")
    assert kit.agent("clerk").run("?").result.answer == "I give up."
    result = got[1].messages[-1].parts[0]
    assert result.error and says in result.content  # type: ignore[union-attr]


def test_after_its_last_turn_it_must_answer(kit: Kit) -> None:
    got = script(kit, *[call("add", a=1, b=n) for n in range(3)], "Enough.")
    assert kit.agent("clerk").run("?").result.answer == "Enough."
    assert [bool(request.tools) for request in got] == [True, True, True, False]


def test_two_tools_of_one_name_are_refused(kit: Kit) -> None:
    script(kit)
    kit.define("tool", "plus", use="python", function=f"{__name__}:add")
    kit.define("agent", "confused", use="tools", model="fake", tools=["add", "plus"])
    with pytest.raises(ConfigError, match="both call themselves 'add'"):
        kit.agent("confused").run("?")
