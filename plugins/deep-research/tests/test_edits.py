"""Changes that a person makes by hand: of tasks, of the plan, of quotes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from agentkit.kit import Kit
from agentkit_deep_research.desk import Desk
from agentkit_deep_research.edits import Refused, events_of
from agentkit_deep_research.evidence import Span
from agentkit_deep_research.todo import Task, Todo

Make = Callable[..., Kit]
Watch = Callable[..., list[str]]
ASKED = "What is the kettle made of? What is the toaster made of? When was the company founded?"


def desk() -> Desk:
    """Three tasks, one of them done, and a quote."""
    tasks = [
        Task("T1", "one", "one", priority=9, order=0),
        Task("T2", "two", "two", priority=9, order=1, depends_on=("T1",)),
        Task("T3", "three", "three", priority=9, order=2, status="done"),
        Task("T4", "four", "four", priority=7, order=3),
    ]
    made = Desk(todo=Todo(tasks))
    made.evidence.add(Span("s1", "pages", "a", "A", "", "0", 0, 3, "one", task="T1"))
    return made


def done(edit: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return events_of(edit, desk(), "anna", "m1")[0]


def order_after(edit: Mapping[str, Any]) -> list[str]:
    made = desk()
    for _, data in done(edit):
        made.todo.apply(data)
    return [task.id for task in made.todo.pending()]


def test_an_order_is_kept_and_touches_no_more_than_it_must() -> None:
    assert order_after({"op": "order", "tasks": ["T4", "T2", "T1"]}) == ["T4", "T2", "T1"]
    assert order_after({"op": "order", "tasks": ["T2", "T3", "T1"]}) == ["T2", "T1", "T4"]
    assert done({"op": "order", "tasks": ["T1", "T2"]}) == []


def test_every_change_names_who_made_it_and_why() -> None:
    ((kind, data),) = done({"op": "cancel", "task": "t1", "reason": "not now"})
    assert kind == "todo.changed"
    assert (data["id"], data["status"], data["author"]) == ("T1", "cancelled", "anna")
    assert data["reason"] == "not now"
    ((_, data),) = done({"op": "retry", "task": "T3"})
    assert data["status"] == "pending" and data["reopen"] is True
    ((kind, data),) = done({"op": "add", "title": " what  else? ", "after": "T4"})
    assert (kind, data["value"], data["priority"]) == ("directive.added", "what else?", 7)
    ((kind, data),) = done({"op": "ban", "span": "s1", "reason": "hearsay"})
    assert (kind, data["on"], data["reason"]) == ("evidence.banned", True, "hearsay")


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        ({}, "no edit None"),
        ({"op": "drop"}, "no edit 'drop'"),
        ({"op": "cancel"}, "lacks 'task'"),
        ({"op": "cancel", "task": "T9"}, "no task T9"),
        ({"op": "retry", "task": "T1"}, "has not ended"),
        ({"op": "edit", "task": "T1"}, "nothing of T1"),
        ({"op": "edit", "task": "T1", "title": "one"}, "nothing of T1"),
        ({"op": "edit", "task": "T3", "title": "new"}, "T3 is done"),
        ({"op": "edit", "task": "T1", "depends_on": ["T2"]}, "would wait for itself"),
        ({"op": "edit", "task": "T1", "depends_on": ["T1"]}, "would wait for itself"),
        ({"op": "edit", "task": "T1", "depends_on": ["T9"]}, "no task T9"),
        ({"op": "order", "tasks": ["T9"]}, "no task T9"),
        ({"op": "order", "tasks": ["T3"]}, "still to be done"),
        ({"op": "order", "tasks": 7}, "lacks"),
        ({"op": "add", "title": "  "}, "needs words"),
        ({"op": "pin", "span": "s9"}, "no quote s9"),
    ],
)
def test_what_cannot_be_done_says_why(edit: dict[str, Any], why: str) -> None:
    with pytest.raises(Refused, match=why):
        done(edit)


def started(kit: Kit, run: str) -> list[str]:
    changes = kit.runs.tail(run, kinds=("todo.changed",))
    return [e.data["id"] for e in changes if e.data["status"] == "in_progress"]


@pytest.mark.slow
def test_a_plan_is_changed_by_hand_more_often_than_in_words(make: Make) -> None:
    kit = make(approve=True, width=1)
    run = kit.agent("research").run(ASKED)
    run.wait()
    for turn in range(8):
        tasks = ["T3", "T1", "T2"] if turn % 2 else ["T2", "T3", "T1"]
        run.answer(json.dumps({"edits": [{"op": "order", "tasks": tasks}]}))
        run.wait()
        assert run.status == "waiting" and run.questions[0].question.options == ()
    edits = [
        {"op": "edit", "task": "T1", "title": "How loud is the kettle?"},
        {"op": "cancel", "task": "T2"},
        {"op": "cancel", "task": "T77"},
    ]
    run.answer(json.dumps({"edits": edits}))
    run.wait()
    assert "rejected: there is no task T77" in run.questions[0].question.text
    run.answer("approve")
    run.wait()
    assert started(kit, run.id)[:2] == ["T3", "T1"] and "T2" not in started(kit, run.id)
    assert "65 decibels" in run.result.report and "plastic" not in run.result.report


def test_quotes_are_pinned_and_banned_while_it_works(make: Make, at_search: Watch) -> None:
    """A ban takes a quote out of the report, and lifting it brings it back."""
    for on in (True, False):
        kit = make(width=1, loops=1)

        def ban(run: str, kit: Kit = kit, on: bool = on) -> None:
            spans = kit.runs.tail(run, kinds=("evidence.added",))
            steel = next(e.data["id"] for e in spans if "steel" in e.data["text"])
            edits = [{"op": "ban", "span": steel}, {"op": "ban", "span": steel, "on": False}]
            kit.runs.send(run, "", edits=edits[: 1 if on else 2])

        at_search(kit, {2: ban})
        run = kit.agent("research").run(ASKED)
        run.wait()
        assert ("made of steel" in run.result.report) == (not on)


def test_a_pinned_quote_is_in_the_report_whatever_its_score(make: Make, at_search: Watch) -> None:
    question = "How long is the warranty of the toaster?"
    kit = make(width=1, loops=1, quotes=1, unsure=1)

    def pin(run: str) -> None:
        kit.runs.send(run, "", edits=[{"op": "pin", "span": "no such"}])

    at_search(kit, {1: pin})
    plain = kit.agent("research").run(question)
    plain.wait()
    spans = {e.data["id"]: e.data for e in plain.past("evidence.added")}
    spans |= {e.data["id"]: e.data for e in kit.runs.tail(plain.id, kinds=("evidence.added",))}
    ended = kit.runs.tail(plain.id, kinds=("message.ended",))
    assert ended[0].data["state"] == "rejected"
    used = {c.text for c in plain.result.citations}
    spare = [s for s in spans.values() if s["text"] not in used]
    assert spare, "the case has no quote to spare"
    step = max(
        int(e.position.split(":")[0])
        for e in kit.runs.tail(plain.id, kinds=("node.entered",))
        if e.position.endswith("write")
    )
    fork = kit.runs.fork(plain.id, step - 1)
    kit.runs.send(fork.id, "", edits=[{"op": "pin", "span": spare[0]["id"]}])
    again = kit.resume(fork.id)
    again.wait()
    assert spare[0]["text"] in {c.text for c in again.result.citations}
