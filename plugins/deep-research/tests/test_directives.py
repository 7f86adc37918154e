"""Steering messages: read by rules, shown back, kept or rejected with a reason."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from agentkit_deep_research.grammar import Known, Rejected, Said, parse
from agentkit_deep_research.rules import Rules
from agentkit_deep_research.terms import mentions
from agentkit_deep_research.todo import Task, Todo, render

KNOWN = Known.of(("T1", "T2", "T3"), ("D1",), ("handbook", "wiki"))


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
        ("T3 after T1", "after", "T3 T1"),
        ("exclude source wiki", "ban", "wiki"),
        ("without wiki", "ban", "wiki"),
        ("require handbook", "require", "handbook"),
        ("use source Handbook", "require", "handbook"),
        ("at most 2000 tokens", "tokens", "2000"),
        ("within 30 seconds", "seconds", "30"),
        ("at most 2 minutes", "seconds", "120"),
        ("10 pages", "pages", "10"),
        ("make it short", "format", "short"),
        ("detailed", "format", "full"),
    ],
)
def test_the_grammar(text: str, kind: str, value: str) -> None:
    (said,) = parse(text, KNOWN)
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
        ("T1 after T1", "wait for itself"),
        ("require source attic", "there is no source 'attic'"),
        ("for T9: exclude WAL", "there is no T9"),
        ("for T1: loops 3", "whole research"),
        ("tone: formal", "no model writes"),
        ("exclude " + "x" * 3000, "3008 characters"),
    ],
)
def test_what_cannot_be_followed_says_why(text: str, why: str) -> None:
    (said,) = parse(text, KNOWN)
    assert isinstance(said, Rejected)
    assert why in said.reason


def test_one_message_may_hold_several() -> None:
    said = parse("exclude WAL; stop T1\nmake it blue", KNOWN)
    assert [type(s).__name__ for s in said] == ["Said", "Said", "Rejected"]


def rules(*texts: str) -> Rules:
    made = Rules()
    for text in texts:
        (said,) = parse(text, KNOWN)
        assert isinstance(said, Said)
        made.add(asdict(said))
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


# -- scope, lifetime, contradiction ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "scope", "lasts"),
    [
        ("for T2: exclude WAL", "exclude", "T2", ""),
        ("exclude WAL for T2", "exclude", "T2", ""),
        ("focus on locks once", "focus", "", "round"),
        ("prefer the manual until T3 is done", "prefer", "", "T3"),
        ("in T1, avoid blobs for this round", "exclude", "T1", "round"),
    ],
)
def test_a_rule_may_be_for_one_task_and_for_a_time(
    text: str, kind: str, scope: str, lasts: str
) -> None:
    (said,) = parse(text, KNOWN)
    assert isinstance(said, Said)
    assert (said.kind, said.scope, said.lasts) == (kind, scope, lasts)


def test_a_rule_for_one_task_leaves_the_others_alone() -> None:
    made = rules("for T2: exclude WAL")
    assert made.against("The WAL grows.", task="T2")
    assert made.against("The WAL grows.", task="T1") is None
    assert made.cleaned("size of the WAL", "T1")[0] == "size of the WAL"
    assert made.cleaned("size of the WAL", "T2")[0] == "size of the"


def test_rules_end_with_their_round_and_their_task() -> None:
    made = rules("exclude WAL once", "exclude blobs until T3 is done", "exclude views")
    made.expire(0, ["T1"])
    assert len(made.standing()) == 3
    made.expire(1, [])
    assert [r.value for r in made.standing()] == ["blobs", "views"]
    made.expire(1, ["T3"])
    assert [r.value for r in made.standing()] == ["views"]
    assert made.all[0].ended == "its time is over"


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("exclude locks", "focus on locks"),
        ("focus on locks", "exclude locks"),
        ("prefer page locks", "exclude locks"),
        ("without source wiki", "require source wiki"),
        ("only since 2024", "until 2020"),
        ("loops 2", "loops 5"),
        ("make it short", "make it full"),
    ],
)
def test_of_two_that_contradict_the_newer_one_holds(first: str, then: str) -> None:
    made = rules(first, then)
    assert [r.id for r in made.standing()] == ["D2"]
    assert made.all[0].ended == "replaced by D2"


def test_rules_that_go_together_both_stand() -> None:
    made = rules("exclude locks", "focus on pages", "only since 2020", "until 2024", "exclude WAL")
    assert len(made.standing()) == 5


def test_a_source_may_be_left_out_or_put_first() -> None:
    made = rules("without wiki", "require handbook")
    assert made.against("anything", source="wiki")
    assert made.against("anything", source="handbook") is None
    assert made.bonus("anything", "handbook") > made.bonus("anything", "notes") == 0


def test_the_only_source_cannot_be_left_out() -> None:
    (said,) = parse("without source wiki", Known.of(sources=("wiki",)))
    assert isinstance(said, Rejected) and "only source" in said.reason


def test_what_no_rule_reads_is_marked_as_unclear() -> None:
    unclear, refused = parse("be a bit more cheerful; stop T9", KNOWN)
    assert isinstance(unclear, Rejected) and unclear.unclear
    assert isinstance(refused, Rejected) and not refused.unclear
