"""The todo list: versions, order, dependencies, and todo.md edited by hand."""

from __future__ import annotations

import random

import pytest

from agentkit_deep_research.todo import Task, Todo, render
from agentkit_deep_research.todofile import Edit, merge


def todo(*, done: str = "") -> Todo:
    made = Todo()
    for n, words in enumerate(["warranty of the kettle", "body (steel?)", "price"], 1):
        made.apply(Task(f"T{n}", words, words, order=n - 1, reason="it is asked").to_json())
    if done:
        made.apply({"id": done, "status": "done", "reason": "2 quotes kept"})
    return made


def followed(text: str, list: Todo) -> Todo:
    """The list after an edited file, as the agent would apply it."""
    edits, _ = merge(text, list)
    for edit in edits:
        if edit.kind == "change":
            list.apply({"id": edit.task, **dict(edit.values), "author": "user"})
    return list


def test_the_file_as_it_was_written_changes_nothing() -> None:
    list = todo(done="T2")
    assert merge(render(list), list) == ([], [])


def test_ticks_cancellations_and_new_lines_are_read_by_ids() -> None:
    list = todo(done="T1")
    text = render(list).replace("[ ] T2", "[x] T2").replace("[ ] T3", "[-] T3")
    text = text.replace("[x] T1", "[ ] T1") + "- [ ] weight of the kettle\n"
    edits, unread = merge(text, list)
    assert not unread
    assert {(e.task, dict(e.values).get("status")) for e in edits if e.kind == "change"} == {
        ("T1", "pending"),
        ("T2", "done"),
        ("T3", "cancelled"),
    }
    assert [e.what for e in edits if e.kind == "add"] == ["add: weight of the kettle"]
    assert followed(text, list).get("T1").status == "pending"  # type: ignore[union-attr]


@pytest.mark.parametrize("order", ["312", "321", "213", "231", "132"])
def test_the_order_of_lines_becomes_the_order_of_work(order: str) -> None:
    list = todo()
    list.apply({"id": "T3", "priority": 7})
    lines = {line[6:8]: line for line in render(list).splitlines() if line.startswith("- [")}
    text = f"# Todo (version {list.version})\n" + "\n".join(lines[f"T{n}"] for n in order)
    assert [t.id[1] for t in followed(text, list).pending()] == [*order]


def test_a_priority_written_into_the_file_counts() -> None:
    list = todo()
    text = render(list).replace("T3 price (priority 9", "T3 price (priority 12")
    assert [t.id for t in followed(text, list).pending()] == ["T3", "T1", "T2"]


def test_what_the_agent_did_meanwhile_stays() -> None:
    list = todo()
    text = render(list).replace("[ ] T2", "[-] T2")
    list.apply({"id": "T1", "status": "done"})
    list.apply({"id": "T3", "status": "in_progress"})
    followed(text, list)
    assert [t.status for t in list] == ["done", "cancelled", "in_progress"]


def test_a_change_that_came_too_late_is_told_by_its_line() -> None:
    list = todo()
    text = render(list).replace("[ ] T2", "[x] T2")
    list.apply({"id": "T2", "status": "cancelled", "author": "user"})
    edits, unread = merge(text, list)
    assert not edits
    (only,) = unread
    assert str(only) == "line 6: T2 is cancelled by now; it stays so"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("- [?] T1 warranty of the kettle", "line 7: [?] says nothing"),
        ("- [x] T9 more", "line 7: there is no T9"),
        ("buy milk", "line 7: not a task: 'buy milk'"),
        ("- [ ]", "line 7: a new task needs words"),
        ("- [x] a new one", "line 7: a new task begins as [ ]"),
        ("- [~] T1 warranty of the kettle", "line 7: T1 stands in the file twice"),
        ("- [ ] T1: something else", "T1 stands"),
    ],
)
def test_a_malformed_line_is_reported_with_its_number_and_the_rest_is_followed(
    line: str, why: str
) -> None:
    list = todo()
    lines = render(list).replace("[ ] T2", "[-] T2").splitlines()
    edits, unread = merge("\n".join([*lines[:6], line, *lines[6:]]), list)
    assert [e.task for e in edits] == ["T2"]
    assert any(why in str(u) for u in unread), unread


def test_a_line_that_is_gone_keeps_its_task() -> None:
    list = todo()
    text = "\n".join(line for line in render(list).splitlines() if "T2" not in line)
    edits, unread = merge(text, list)
    assert not edits
    assert "T2 has no line any more; it is kept" in str(unread[0])


@pytest.mark.parametrize(
    "text", ["", "hello", "\x00" * 50, "[x] " * 400, "x" * 100_000, "- [ ]\n" * 90]
)
def test_a_file_of_nonsense_harms_nothing(text: str) -> None:
    list = todo(done="T1")
    before = render(list)
    edits, unread = merge(text, list)
    assert not edits and 1 <= len(unread) <= 22
    assert render(list) == before


def test_any_mangled_file_only_does_what_its_lines_say() -> None:
    """400 files with letters changed at random: no task is lost, none appears twice, and every edit
    names a line that is there."""
    chance = random.Random(7)
    for _ in range(400):
        list = todo(done="T2")
        letters = [*render(list)]
        for _ in range(chance.randrange(1, 30)):
            letters[chance.randrange(len(letters))] = chance.choice("[]-x~ \nT13()ab")
        text = "".join(letters)
        edits, unread = merge(text, list)
        for edit in edits:
            assert isinstance(edit, Edit) and 1 <= edit.line <= len(text.splitlines())
        followed(text, list)
        assert {"T1", "T2", "T3"} <= {t.id for t in list}
        assert len(unread) <= 21


def test_earlier_versions_can_be_made_again() -> None:
    list = todo(done="T1")
    assert list.version == 4
    assert [t.status for t in list.at(3)] == ["pending", "pending", "pending"]
    assert render(list.at(4)) == render(list)


def test_a_task_waits_for_those_it_depends_on() -> None:
    list = todo()
    list.apply({"id": "T1", "depends_on": ["T3"]})
    assert [t.id for t in list.ready()] == ["T2", "T3"]
    list.apply({"id": "T3", "status": "blocked"})
    assert [t.id for t in list.ready()] == ["T1", "T2"]


def test_evidence_is_noted_with_the_task_without_a_new_version() -> None:
    list = todo()
    list.found("T1", "abc")
    list.found("T1", "abc")
    assert list.get("t1").evidence == ("abc",)  # type: ignore[union-attr]
    assert list.version == 3 and "1 quotes" in render(list)
