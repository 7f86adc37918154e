"""The run's own limits: research ends before one of them, or where it is met within a round, with
what it has; it pauses where not even a report was possible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from agentkit.kit import Kit
from agentkit.runs import Budget

pytestmark = pytest.mark.slow

Make = Callable[..., Kit]
ASKED = "What is the kettle made of? What is the toaster made of?"


def driven(kit: Kit, **limits: Any) -> Any:
    run = kit.agent("research").run(ASKED, budget=Budget(**limits))
    run.wait()
    return run


@pytest.mark.parametrize("steps", [5, 6])
def test_a_limit_of_steps_ends_with_a_partial_report(make: Make, steps: int) -> None:
    """Plan, approve, one task, gaps, report are five; another task and the look after it, seven."""
    run = driven(make(width=1), steps=steps)
    assert run.status == "done", run.row.note
    assert run.result.status == "partial"
    assert run.result.reason == f"the run's limit of {steps} steps leaves room for the report alone"
    assert run.result.not_found == ["What is the toaster made of?"]
    assert run.result.citations and run.result.reason in run.result.report


def test_a_limit_that_suffices_is_not_met(make: Make) -> None:
    run = driven(make(width=1), steps=7, seconds=3600, tokens=0)
    assert run.status == "done" and run.result.status == "complete"


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_one_that_leaves_no_room_pauses_and_it_goes_on(make: Make, steps: int) -> None:
    kit = make(width=1)
    run = driven(kit, steps=steps)
    assert run.status == "paused" and f"limit of {steps} steps" in run.row.note
    kit.runs.limit(run.id, Budget())
    run = kit.resume(run.id)
    run.wait()
    assert run.status == "done" and run.result.status == "complete"


def test_a_limit_of_tokens_ends_before_the_round_that_would_pass_it(make: Make) -> None:
    def kit(name: str) -> Kit:
        made = make(width=1, keywords=name)
        made.define("model", name, use="scripted", answers=["body"], choose="request")
        return made

    first = kit("words")
    whole = driven(first)
    calls = first.runs.tail(whole.id, kinds=("model.done",))
    spent = sum(u["prompt"] + u["spent"] for e in calls for u in e.data["usage"])
    assert whole.result.status == "complete" and spent
    cut = driven(kit("other"), tokens=spent - 1)
    assert cut.status == "done", cut.row.note
    assert cut.result.status == "partial"
    assert cut.result.reason == (
        f"the run's limit of {spent - 1} tokens leaves room for the report alone"
    )


def test_tokens_that_are_used_up_within_a_round_end_it_with_what_rules_find(make: Make) -> None:
    """The first call passes the limit; no other one is made, and the run does not pause."""
    kit = make(width=2, keywords="words", writer="words")
    kit.define("model", "words", use="scripted", answers=["body"], choose="request")
    run = driven(kit, tokens=1)
    assert run.status == "done", run.row.note
    assert run.result.status == "partial"
    assert run.result.reason == "the run's limit of 1 tokens was reached"
    assert "made of steel" in run.result.report and "made of plastic" in run.result.report
    model: Any = kit.model("words")
    assert 1 <= len(model.requests) <= 2  # two tasks at once
    assert "the run reached its limit of 1 tokens" in run.result.report


def test_an_agent_that_does_not_end_by_itself_pauses_at_its_limit(make: Make) -> None:
    kit = make(width=1, keywords="words")
    kit.define("model", "words", use="scripted", answers=["body"], choose="request")
    agent: Any = kit.agent("research").part
    agent.info = replace(agent.info, ends=False)
    run = driven(kit, tokens=1)
    assert run.status == "paused" and "limit of 1 tokens" in run.row.note
