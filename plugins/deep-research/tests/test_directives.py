"""Steering messages: read by rules, shown back, kept or rejected with a reason."""

from __future__ import annotations

import pytest

from agentkit_deep_research.directives import Rejected, Rules, Said, mentions, parse
from agentkit_deep_research.todo import Task, Todo, render

TASKS, RULES = ("T1", "T2", "T3"), ("D1",)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("exclude WAL", "exclude", "WAL"),
        ("Please ignore the shell.", "exclude", "shell"),
        ("without Berlin", "exclude", "Berlin"),
        ("focus on locking", "focus", "locking"),
        ("only pragma.html", "focus", "pragma.html"),
        ("prefer the manual", "prefer", "manual"),
        ("only since 2024", "since", "2024"),
        ("until 2020", "until", "2020"),
        ("stop T3", "stop", "T3"),
        ("skip t2", "stop", "T2"),
        ("T2 first", "first", "T2"),
        ("prioritise T1", "first", "T1"),
        ("add: what does it cost?", "add", "what does it cost?"),
        ("also look up the price", "add", "the price"),
        ("remove D1", "remove", "D1"),
        ("include WAL again", "remove", "WAL"),
        ("loops 3", "loops", "3"),
        ("at most 5 quotes", "quotes", "5"),
        ("finish", "finish", ""),
        ("stop", "finish", ""),
        ("write the report", "finish", ""),
    ],
)
def test_the_grammar(text: str, kind: str, value: str) -> None:
    (said,) = parse(text, TASKS, RULES)
    assert isinstance(said, Said)
    assert (said.kind, said.value) == (kind, value)
    assert said.meaning


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("make it blue", "not understood"),
        ("stop T9", "there is no T9"),
        ("T9 first", "there is no T9"),
        ("remove D7", "there is no D7"),
        ("loops 0", "at least 1"),
        ("exclude …", "names nothing"),
        ("", "empty"),
    ],
)
def test_what_cannot_be_followed_says_why(text: str, why: str) -> None:
    (said,) = parse(text, TASKS, RULES)
    assert isinstance(said, Rejected)
    assert why in said.reason


def test_one_message_may_hold_several() -> None:
    said = parse("exclude WAL; stop T1\nmake it blue", TASKS, RULES)
    assert [type(s).__name__ for s in said] == ["Said", "Said", "Rejected"]


def rules(*texts: str) -> Rules:
    made = Rules()
    for text in texts:
        (said,) = parse(text)
        assert isinstance(said, Said)
        made.add({"kind": said.kind, "value": said.value, "text": text, "meaning": said.meaning})
    return made


def test_exclusion_holds_in_text_and_headings_and_can_be_lifted() -> None:
    made = rules("exclude write-ahead log")
    assert made.against("The write-ahead logs are kept.") is made.all[0]
    assert made.against("It is kept.", "Write-Ahead Log") is made.all[0]
    assert made.against("The log is written ahead.") is None
    made.remove("D1")
    assert made.against("The write-ahead logs are kept.") is None
    assert [r.id for r in made.all] == ["D1"]  # what was said stays to be seen


def test_only_since_leaves_undated_text_alone() -> None:
    made = rules("only since 2024")
    assert made.against("It was so in 2019.")
    assert made.against("It was so in 2019 and changed in 2025.") is None
    assert made.against("It is so.") is None


def test_a_query_loses_excluded_words_only() -> None:
    made = rules("exclude WAL")
    assert made.cleaned("size of the WAL header") == ("size of the header", made.all[0])
    assert made.cleaned("size of the header") == ("size of the header", None)
    assert made.cleaned("WAL")[0] == ""


def test_focus_weighs_more_than_preference_and_a_later_limit_wins() -> None:
    made = rules("focus on locks", "prefer pages", "loops 2", "loops 5")
    assert made.bonus("about locks") > made.bonus("about pages") > made.bonus("about trees") == 0
    assert made.limit("loops", 1) == 5
    assert made.limit("quotes", 3) == 3


def test_terms_are_whole_words_one_after_another() -> None:
    assert mentions("Foreign keys are checked", "foreign key")
    assert not mentions("keys of foreign tables", "foreign key")
    assert not mentions("category", "cat")


def test_a_cancelled_task_stays_cancelled_whoever_finishes_late() -> None:
    todo = Todo([Task("T1", "a", "a"), Task("T2", "b", "b")])
    todo.apply({"id": "T1", "status": "cancelled", "reason": "stop T1", "author": "user"})
    todo.apply({"id": "T1", "status": "done", "reason": "3 quotes"})
    task = todo.get("t1")
    assert task is not None
    assert (task.status, task.reason) == ("cancelled", "stop T1")
    assert [t.id for t in todo.pending()] == ["T2"]
    assert "- [-] T1 a (priority 9; from question; stop T1)" in render(todo)
