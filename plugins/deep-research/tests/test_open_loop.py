"""The baseline's control flow, on a scripted model: its limits are that project's defaults."""

from __future__ import annotations

import json
from typing import Any

from agentkit.capabilities import Request
from agentkit.testing.fakes import FakeSource, ScriptedModel
from agentkit_deep_research.experiments.open_loop import Defaults, OpenLoop

PAGES = {
    f"p{n}.md": f"The kettle number {n} is made of steel and weighs {n} kilos." for n in range(9)
}


def call(name: str, **arguments: str) -> str:
    return json.dumps({"name": name, "arguments": arguments})


def model(asked: list[str], **answers: Any) -> ScriptedModel:
    """Answers by purpose; what is asked of it is noted."""
    usual = {
        "clarify": '{"clarify": false}',
        "brief": '{"brief": "all about kettles"}',
        "summarise": "a summary",
        "compress": "a note",
        "report": "the report",
    }

    def answer(request: Request) -> str:
        purpose = request.context.purpose
        asked.append(purpose)
        return str({**usual, **answers}[purpose])

    return ScriptedModel.of(answer)


def test_it_stops_at_its_defaults_when_the_model_never_does() -> None:
    asked: list[str] = []
    loop = OpenLoop(
        model(
            asked,
            supervise=json.dumps([json.loads(call("conduct_research", topic="steel"))] * 7),
            research=call("search", query="kettle steel"),
        ),
        FakeSource(PAGES),
    )
    assert loop.run("What are kettles made of?") == "the report"
    s = Defaults()
    assert asked.count("supervise") == s.turns
    assert asked.count("compress") == s.turns * s.units  # seven are asked for, five are run
    assert asked.count("research") == s.turns * s.units * s.calls
    assert asked.count("summarise") == s.turns * s.units * s.calls * s.results
    assert len(loop.trace.notes) == s.turns * s.units


def test_it_ends_when_the_supervisor_says_so_or_calls_nothing() -> None:
    for says in (call("research_complete"), "I am done."):
        asked: list[str] = []
        OpenLoop(model(asked, supervise=says), FakeSource(PAGES)).run("What?")
        assert asked == ["clarify", "brief", "supervise", "report"]


def test_structured_output_is_tried_three_times() -> None:
    asked: list[str] = []
    said = model(asked, brief='{"brief": 3}', supervise="done")
    OpenLoop(said, FakeSource(PAGES)).run("What?")
    assert asked.count("brief") == 3


def test_a_budget_ends_it_with_the_notes_so_far() -> None:
    asked: list[str] = []
    loop = OpenLoop(
        model(
            asked,
            supervise=call("conduct_research", topic="steel"),
            research=call("search", query="kettle steel"),
        ),
        FakeSource(PAGES),
        budget=5000,
    )
    assert loop.run("What are kettles made of?") in ("", "a note", "a note\na note")
    assert "report" not in asked
    assert 5000 <= loop.trace.tokens < 9000
    assert [t for t, _ in loop.trace.steps] == sorted(t for t, _ in loop.trace.steps)
