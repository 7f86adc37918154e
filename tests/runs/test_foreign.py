"""Graphs whose nodes do not work through the runtime run too, with LangGraph's own guarantees."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict

import pytest

from agentkit.errors import UsageError

pytestmark = pytest.mark.slow


class State(TypedDict, total=False):
    task: str
    text: str


def foreign(visits: list[str], *asks: Any, nested: bool = False) -> Any:
    """Somebody else's graph: one node works, the next one interrupts for each of `asks`."""
    from langgraph.graph import START, StateGraph
    from langgraph.types import interrupt

    def work(state: State) -> State:
        visits.append("work")
        return {"text": "worked"}

    def ask(state: State) -> State:
        visits.append("ask")
        return {"text": " ".join([state["text"], *(str(interrupt(one)) for one in asks)])}

    graph = StateGraph(State)
    graph.add_node("work", work)
    graph.add_node("ask", _within(ask) if nested else ask)
    graph.add_edge(START, "work")
    graph.add_edge("work", "ask")
    return graph


def _within(ask: Any) -> Any:
    from langgraph.graph import START, StateGraph

    graph = StateGraph(State)
    graph.add_node("inner", ask)
    graph.add_edge(START, "inner")
    return graph.compile()


def test_it_runs_and_says_what_is_not_recorded(kit_of: Any, made: Any) -> None:
    kit = kit_of(made(lambda: foreign([])))
    run = kit.agent("made").run("t")
    assert run.result.text == "worked"
    notice = kit.runs.tail(run.id, kinds=("run.notice",))[0].data["text"]
    assert "calls of ask, work do not go through the runtime" in notice


@pytest.mark.parametrize("nested", [False, True])
def test_its_interrupts_are_questions_that_any_process_may_answer(
    kit_of: Any, made: Any, nested: bool
) -> None:
    visits: list[str] = []
    asks = ("same?", "same?", {"text": "which?", "options": ["a", "b"]})

    def again() -> Any:
        return kit_of(made(lambda: foreign(visits, *asks, nested=nested)))

    run = again().agent("made").run("t")
    assert run.wait() == "waiting" and [q.question.text for q in run.questions] == ["same?"]
    run.answer("one")
    assert run.wait() == "waiting" and len(run.questions) == 1
    run._kit.close()
    other = again()
    other.runs.answer(run.id, "two")
    run = other.resume(run.id)
    assert run.wait() == "waiting" and run.questions[0].question.options == ("a", "b")
    with pytest.raises(UsageError, match="one of: a, b"):
        run.answer("c")
    run.answer("b")
    assert run.result.text == "worked one two b"
    assert visits.count("work") == 1, "a node whose step was over ran again"


def test_it_goes_on_from_its_checkpoint(kit_of: Any, made: Any, tmp_path: Path) -> None:
    visits: list[str] = []
    kit = kit_of(made(lambda: foreign(visits, "go on?")))
    run = kit.agent("made").run("t")
    run.wait()
    kit.close()
    kit = kit_of(made(lambda: foreign(visits, "go on?")))
    kit.runs.drop_checkpoint(run.id)  # all that it had
    run = kit.resume(run.id)
    run.wait()
    assert visits.count("work") == 2
    for asked in run.questions:
        kit.runs.answer(run.id, "yes", asked.number)
    run.resume()
    assert run.result.text == "worked yes"
