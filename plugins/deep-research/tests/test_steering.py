"""Steering of real runs: the inbox, edited todo lists, plans to approve, models that interpret."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from agentkit.errors import UsageError
from agentkit.kit import Kit
from agentkit_deep_research.todo import Todo, render

pytestmark = pytest.mark.slow

Watch = Callable[..., list[str]]
Make = Callable[..., Kit]
ASKED = (
    "What is the kettle made of? What is the toaster made of? When was the company founded? "
    "How long is the warranty of the toaster?"
)


def events(kit: Kit, *kinds: str) -> list[Mapping[str, Any]]:
    return [e.data for e in kit.runs.tail(kit.runs.runs()[0].id, kinds=kinds)]


def ended(kit: Kit) -> dict[str, tuple[str, str]]:
    """What became of each message: state and reason; the last word counts."""
    return {d["message"]: (d["state"], d["reason"]) for d in events(kit, "message.ended")}


def todo_of(kit: Kit, run: str) -> Todo:
    made = Todo()
    for event in kit.runs.tail(run, kinds=("todo.changed",)):
        made.apply(event.data)
    return made


def finished(kit: Kit, question: str = ASKED, **input: Any) -> Any:
    run = kit.agent("research").run(question, **input)
    run.wait()
    assert run.status == "done", run.row.note
    return run.result


def started(kit: Kit) -> list[str]:
    return [d["id"] for d in events(kit, "todo.changed") if d["status"] == "in_progress"]


# -- the inbox ------------------------------------------------------------------------------------


def test_two_hundred_messages_at_any_moment_all_end_and_none_is_done_twice(
    make: Make, at_search: Watch
) -> None:
    """Also between the words of a model, while the report is written, and after the last look."""
    kit = make(width=2, tasks=60, loops=3, keywords="words", writer="words")
    kit.define("model", "words", use="scripted", answers=["steel body"], choose="request")
    said = [
        "exclude crumbs",
        "make it blue",
        "stop T9",
        "prefer steel",
        "T2 first",
        "loops 3",
        "add: How loud is the kettle?",
        "remove D1",
        "quotes 5; exclude limescale for T1",
        "exclude crumbs",
    ]
    chance, sent, refused = random.Random(11), list[str](), 0

    def send(run: str, number: int) -> None:
        nonlocal refused
        for _ in range(min(number, 200 - len(sent) - refused)):
            try:
                sent.append(kit.runs.send(run, said[len(sent) % len(said)]).id)
            except UsageError:  # the run has ended: refused before it is accepted, and told so
                refused += 1

    at_search(kit, {n: lambda run: send(run, chance.randrange(10, 20)) for n in range(1, 9)})
    run = kit.agent("research").run(ASKED)
    for event in run:
        if event.kind in ("model.delta", "todo.changed", "wording.dropped", "node.entered"):
            send(run.id, chance.randrange(4))
    send(run.id, 200)
    messages = {m.directive.id: m for m in kit.runs.messages(run.id)}
    assert set(messages) == set(sent)
    assert len(sent) + refused == 200 and len(sent) > 100
    assert {m.state for m in messages.values()} <= {"handled", "late"}
    outcome = ended(kit)
    assert {id for id, m in messages.items() if m.state == "handled"} == set(outcome)
    assert all(state in ("applied", "rejected", "superseded") for state, _ in outcome.values())
    assert all(reason for _, reason in outcome.values())
    done = events(kit, "directive.added", "directive.removed", "directive.followed")
    once = [(d["message"], d.get("text") or d["value"]) for d in done]
    assert len(once) == len(set(once))
    assert answered_once(kit)


def answered_once(kit: Kit) -> bool:
    """Whether every message was read by exactly one node."""
    read = [d["id"] for d in events(kit, "inbox.read", "inbox.late")]
    return len(read) == len(set(read))


def test_the_same_words_twice_are_two_messages_and_one_rule(make: Make, at_search: Watch) -> None:
    kit = make(width=1)

    def twice(run: str) -> None:
        kit.runs.send(run, "exclude warranty")
        kit.runs.send(run, "exclude warranty")

    at_search(kit, {1: twice})
    answer = finished(kit)
    first, second = ended(kit).values()
    assert first[0] == second[0] == "applied"
    assert "D1 says so already" in second[1]
    assert len(events(kit, "directive.added")) == 1
    assert "12 months" not in answer.report


def test_contradictory_steering_is_answered_and_the_newer_one_holds(
    make: Make, at_search: Watch
) -> None:
    kit = make(width=1)
    at_search(
        kit,
        {
            1: lambda run: kit.runs.send(run, "exclude plastic"),
            2: lambda run: kit.runs.send(run, "focus on plastic"),
        },
    )
    answer = finished(kit)
    old, new = ended(kit).values()
    assert old == ("superseded", "replaced by D2: focus on plastic")
    assert new[0] == "applied" and "it replaces D1 (exclude plastic)" in new[1]
    assert "plastic" in "".join(c.text for c in answer.citations)


def test_a_paraphrase_of_a_task_is_told_to_be_there_already(make: Make, at_search: Watch) -> None:
    kit = make(width=1)
    at_search(kit, {1: lambda run: kit.runs.send(run, "add: when was the company established?")})
    finished(kit)
    (outcome,) = ended(kit).values()
    assert outcome == ("rejected", "T3 asks for that already")


def test_a_source_that_is_left_out_is_neither_searched_nor_quoted(
    make: Make, at_search: Watch
) -> None:
    kit = make(sources=["pages", "other"], width=1, loops=1)
    rumours = {"rumour.md": "The toaster is made of gold, and its warranty lasts 90 months."}
    kit.define("source", "other", use="inline", documents=rumours)
    at_search(kit, {2: lambda run: kit.runs.send(run, "without source other")})
    answer = finished(kit)
    assert {c.source for c in answer.citations} == {"pages"}
    searched = [d["source"] for d in events(kit, "query.done")]
    assert searched.count("other") == 1 and searched.count("pages") > 1


def test_a_rule_for_one_round_ends_with_it(make: Make, at_search: Watch) -> None:
    kit = make(width=1)
    at_search(kit, {1: lambda run: kit.runs.send(run, "prefer steel once")})
    report = finished(kit, "What is the kettle made of? Which GPU does it use?").report
    assert "D1, user said 'prefer steel once'" in report or "D1 (its time is over)" in report


def test_limits_that_are_set_while_it_runs_end_it_with_a_reason(
    make: Make, at_search: Watch
) -> None:
    kit = make(width=1)
    at_search(kit, {1: lambda run: kit.runs.send(run, "pages 1; at most 900 seconds")})
    answer = finished(kit)
    assert answer.status == "partial" and "limit of 1 pages" in answer.reason


# -- the todo list --------------------------------------------------------------------------------


def test_a_todo_list_edited_while_it_runs_is_merged_by_ids(make: Make, at_search: Watch) -> None:
    kit = make(width=1)

    def edit(run: str) -> None:
        list = todo_of(kit, run)
        lines = render(list).replace("[ ] T3", "[-] T3").splitlines()
        rows = {line[6:8]: line for line in lines if line.startswith("- [")}
        text = [lines[0], rows["T1"], rows["T4"], "garbage", rows["T2"], rows["T3"]]
        text.append("- [ ] How loud is the kettle?")
        kit.runs.send(run, "", todo="\n".join(text))

    at_search(kit, {1: edit})
    answer = finished(kit)
    assert started(kit)[:4] == ["T1", "T4", "T2", "T5"]
    assert "T3" not in started(kit) and "65 decibels" in answer.report
    (outcome,) = ended(kit).values()
    assert outcome[0] == "applied"
    assert "todo.md': line 4: not a task: 'garbage'" in answer.report


def test_a_nonsense_todo_list_is_rejected_whole(make: Make, at_search: Watch) -> None:
    kit = make(width=1)
    at_search(kit, {1: lambda run: kit.runs.send(run, "", todo="all is well")})
    answer = finished(kit)
    ((state, reason),) = ended(kit).values()
    assert state == "rejected" and "nothing is changed" in reason
    assert answer.coverage == 1.0


def test_what_is_told_to_wait_waits(make: Make, at_search: Watch) -> None:
    kit = make(width=1)
    at_search(kit, {1: lambda run: kit.runs.send(run, "T2 after T4; T4 after T2")})
    finished(kit)
    assert started(kit)[:4] == ["T1", "T3", "T4", "T2"]
    assert any("waits for" in d["reason"] for d in events(kit, "directive.rejected"))


def test_a_task_cancelled_in_its_own_search_asks_nothing_more_and_its_evidence_is_unused(
    make: Make, at_search: Watch
) -> None:
    kit = make(sources=["pages", "other"], width=1, loops=1)
    kit.define("source", "other", use="inline", documents={"k.md": "The kettle is made of gold."})
    asked = at_search(kit, {1: lambda run: kit.runs.send(run, "stop T1")})
    beyond = at_search(kit, {}, "other")
    answer = finished(kit, "What is the kettle made of? When was the company founded?")
    assert not any("kettle" in q for q in [*asked[1:], *beyond])
    assert "gold" not in answer.report and "Cancelled: stop T1" in answer.report


def test_a_cancelled_task_taken_up_again_is_searched_for(make: Make, at_search: Watch) -> None:
    kit = make(width=1)

    def reopen(run: str) -> None:
        text = render(todo_of(kit, run))
        kit.runs.send(run, "", todo=text.replace("[-] T1", "[ ] T1"))

    at_search(kit, {1: lambda run: kit.runs.send(run, "stop T1"), 3: reopen})
    answer = finished(kit)
    assert started(kit).count("T1") == 2
    assert "steel" in answer.report


# -- the plan -------------------------------------------------------------------------------------


def approving(kit: Kit, *answers: str) -> Any:
    """Answers the questions of a run in turn; gives the run."""
    run = kit.agent("research").run(ASKED)
    run.wait()
    for answer in answers:
        assert run.status == "waiting"
        run.answer(answer)
        run.wait()
    return run


def test_nothing_is_searched_before_the_plan_is_approved(make: Make, at_search: Watch) -> None:
    kit = make(approve=True)
    queries = at_search(kit, {})
    run = approving(kit)
    assert run.status == "waiting" and not queries
    assert "T1 What is the kettle made of" in run.questions[0].question.text
    run.answer("approve")
    run.wait()
    assert run.result.coverage == 1.0 and queries


@pytest.mark.parametrize("words", ["not enough", "no way around the warranty", "yes, but blue"])
def test_only_plain_words_approve_or_refuse(make: Make, words: str) -> None:
    run = approving(make(approve=True), words)
    assert run.status == "waiting"
    assert "rejected: not understood" in run.questions[0].question.text


def test_a_plan_is_revised_in_words_and_as_a_file_before_it_runs(make: Make) -> None:
    kit = make(approve=True, width=1)
    run = approving(kit, "add: How loud is the kettle?; stop T3; T4 first")
    plan = run.questions[0].question.data["todo"]
    assert "T5 How loud is the kettle" in plan and "[-] T3" in plan
    run.answer(plan.replace("[ ] T2", "[-] T2"))
    run.wait()
    assert "[-] T2" in run.questions[0].question.data["todo"]
    run.answer("approve")
    run.wait()
    assert started(kit)[0] == "T4" and {"T2", "T3"}.isdisjoint(started(kit))
    assert "65 decibels" in run.result.report


def test_a_refused_plan_searches_nothing(make: Make, at_search: Watch) -> None:
    kit = make(approve=True)
    queries = at_search(kit, {})
    answer = approving(kit, "stop").result
    assert not queries and answer.status == "partial"
    assert answer.reason == "the plan was refused"


def test_revising_a_plan_has_an_end(make: Make) -> None:
    run = approving(make(approve=True), *["make it blue"] * 5)
    assert run.questions[0].question.options == ("approve", "stop")
    run.answer("approve")
    run.wait()
    assert run.status == "done"


# -- a model that reads what the grammar cannot ---------------------------------------------------


@pytest.mark.parametrize(("answer", "state"), [("yes", "applied"), ("no", "rejected")])
def test_what_a_model_read_is_followed_only_when_a_person_confirms(
    make: Make, at_search: Watch, answer: str, state: str
) -> None:
    kit = make(width=1, steerer="reader")
    read = '{"kind": "exclude", "value": "plastic"}'
    kit.define("model", "reader", use="scripted", answers=[read], choose="request")
    at_search(kit, {1: lambda run: kit.runs.send(run, "I do not care for plastics at all")})
    run = kit.agent("research").run(ASKED)
    run.wait()
    assert "Read as: 'plastic' is left out" in run.questions[0].question.text
    run.answer(answer)
    run.wait()
    assert [s for s, _ in ended(kit).values()] == [state]
    assert ("plastic" in "".join(c.text for c in run.result.citations)) == (answer == "no")


def test_a_model_that_reads_nonsense_changes_nothing(make: Make, at_search: Watch) -> None:
    kit = make(width=1, steerer="reader")
    kit.define("model", "reader", use="scripted", answers=["[[", "}{"])
    at_search(kit, {1: lambda run: kit.runs.send(run, "I do not care for plastics at all")})
    answer = finished(kit)
    ((state, reason),) = ended(kit).values()
    assert state == "rejected" and "neither the rules nor a model" in reason
    assert answer.coverage == 1.0
