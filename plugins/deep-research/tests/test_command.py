"""The commands, as they are typed: research, verify, report."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import agentkit
from agentkit.cli.app import build
from agentkit.errors import AgentkitError
from agentkit.kit import Kit
from agentkit_deep_research.comparing import compare
from agentkit_deep_research.report_command import reopened, todo_of
from agentkit_deep_research.todo import render
from agentkit_deep_research.todo_sync import TodoFile
from agentkit_deep_research.typed import pass_on

pytestmark = pytest.mark.slow

Make = Callable[..., Kit]
QUESTION = "What is the kettle made of, and how long is its warranty?"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "kettle.md").write_text(
        "# The Kettle\n\nIts body is made of steel.\n\nThe warranty lasts 24 months.\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGENTKIT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("AGENTKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path


def said(*arguments: str) -> Result:
    """The command with these arguments, in this process."""
    return CliRunner().invoke(build(), [*arguments])


def researched(*more: str) -> Result:
    return said("research", QUESTION, "--source", "docs", "--set", "embedder=", *more)


@pytest.mark.slow
def test_from_a_question_to_a_pdf_that_can_be_checked(folder: Path) -> None:
    done = researched("--out", "report.pdf", "--out", "report.html", "--out", "report.md")
    assert done.exit_code == 0, done.output
    assert "steel" in done.stdout
    for name in ("report.pdf", "report.html", "report.md"):
        checked = said("verify", name)
        assert "quotes stand in their sources" in checked.output, checked.exception
    page = folder / "docs" / "kettle.md"
    page.write_text(page.read_text().replace("24 months", "42 months"))
    broken = said("verify", "report.pdf")
    assert isinstance(broken.exception, AgentkitError)
    assert "[1]" in broken.exception.message and "now read" in broken.exception.message


def test_a_plan_is_approved_from_a_script(folder: Path) -> None:
    waiting = researched("--approve", "--out", "my report.md")
    assert waiting.exit_code == 1 and "it waits" in waiting.stderr
    assert "--out 'my report.md'" in waiting.stderr and not (folder / "my report.md").exists()
    approved = said("runs", "answer", "last", "approve")
    assert approved.exit_code == 0 and "steel" in approved.stdout
    exported = said("report", "export", "last", "-o", "late.docx", "-o", "late.md")
    assert exported.exit_code == 0 and (folder / "late.docx").stat().st_size > 10_000
    assert "24 months" in (folder / "late.md").read_text()
    refused = said("report", "export", "last", "-o", "more.md", "-o", "more.doc")
    assert isinstance(refused.exception, AgentkitError) and not (folder / "more.md").exists()


def test_a_report_is_reopened_as_a_revision_and_the_two_are_compared(folder: Path) -> None:
    assert researched().exit_code == 0
    first = json.loads(said("runs", "list", "--json").stdout)[0]["id"]
    again = said("report", "revise", first, "exclude warranty", "-o", "second.md")
    assert again.exit_code == 0, again.output
    assert "24 months" not in (folder / "second.md").read_text()
    rows = json.loads(said("runs", "list", "--json").stdout)
    assert rows[0]["parent"] == first and len(rows) == 2
    shown = said("report", "compare", first, rows[0]["id"]).stdout
    gone = [line for line in shown.splitlines() if line.startswith("-")]
    assert any("The warranty lasts 24 months" in line for line in gone), shown
    more = said("report", "revise", first, "add: what is the body of the kettle?; add: kettle")
    assert more.exit_code == 0


def test_todo_lists_and_trajectories_are_printed(folder: Path) -> None:
    assert researched("--mode", "quick").exit_code == 0
    todo = said("report", "todo", "last").stdout
    assert todo.startswith("# Todo (version") and "[x] T1" in todo
    (folder / "todo.md").write_text(todo)
    refused = said("report", "todo", "last", "--edited", "todo.md")
    assert isinstance(refused.exception, AgentkitError)  # it has ended
    line = json.loads(said("report", "trajectory", "last").stdout)
    assert line["question"] == QUESTION


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("research", "  ", "--source", "docs"), "the question is empty"),
        (("research", "x", "--source", "docs", "--out", "x.doc"), "no format '.doc'"),
        (("research", "x", "--source", "docs", "--mode", "slow"), "mode"),
        (("research", "x", "--source", "nowhere"), "no such folder"),
        (("report", "export", "last", "-o", "x.md"), "no run"),
        (("verify", "nothing"), "no run"),
        (("verify", "nothing.pdf"), "there is no file nothing.pdf"),
    ],
)
def test_wrong_arguments_are_told_in_a_line(
    folder: Path, arguments: tuple[str, ...], why: str
) -> None:
    done = said(*arguments)
    assert isinstance(done.exception, AgentkitError), done.output
    assert why in f"{done.exception.message} {done.exception.hint}"


def test_revising_needs_a_finished_run_and_something_to_change(make: Make) -> None:
    kit = make()
    run = kit.agent("research").run(QUESTION)
    run.wait()
    with pytest.raises(AgentkitError, match="nothing to change"):
        reopened(kit.runs, run.id, " ")
    waiting = make(approve=True).agent("research").run(QUESTION)
    waiting.wait()
    with pytest.raises(AgentkitError, match="only a finished report"):
        reopened(kit.runs, waiting.id, "exclude steel")


def test_a_revision_leaves_its_parent_as_it_was_and_both_stand(make: Make) -> None:
    kit = make()
    run = kit.agent("research").run(QUESTION)
    run.wait()
    before = kit.runs.tail(run.id)
    again = kit.resume(reopened(kit.runs, run.id, "exclude steel"))
    again.wait()
    assert kit.runs.tail(run.id) == before
    assert "steel" in run.result.report and "steel." not in again.result.report
    assert "exclude steel" in again.result.report
    assert "made of steel" in compare(kit.runs, run.id, again.id)


def test_a_todo_file_is_written_and_read_while_the_run_works(
    make: Make, at_search: Callable[..., Any], tmp_path: Path
) -> None:
    """Looked at by hand at chosen moments instead of by its thread, so that no clock decides."""
    kit, path = make(width=1), tmp_path / "todo.md"
    files: list[TodoFile] = []

    def first(run: str) -> None:
        files.append(TodoFile(path, kit.runs, run))
        files[0].sync()
        assert "[~] T1" in path.read_text()
        path.write_text(path.read_text().replace("[ ] T2", "[-] T2"))
        files[0].sync()
        files[0].sync()  # it was sent once, and the file is left alone until it is read
        assert "[-] T2" in path.read_text()

    at_search(kit, {1: first})
    run = kit.agent("research").run(QUESTION)
    run.wait()
    files[0].sync()
    assert path.read_text() == render(todo_of(kit.runs, run.id))
    assert len(kit.runs.messages(run.id)) == 1
    assert "[-] T2" in path.read_text()


def test_the_run_is_found_with_settings_of_a_file(folder: Path) -> None:
    (folder / "agentkit.toml").write_text(
        '[sources.d]\nuse = "folder"\npath = "docs"\n'
        '[agents.research]\nuse = "deep-research"\nmode = "question"\nembedder = ""\n'
    )
    done = said("research", QUESTION)
    assert done.exit_code == 0 and "steel" in done.stdout
    with agentkit.load() as kit:
        assert kit.runs.runs()[0].status == "done"


def test_lines_typed_while_it_works_are_messages_and_answers_are_left_alone(
    make: Make, at_search: Callable[..., Any]
) -> None:
    kit = make(width=1, approve=True)
    reading, writing = os.pipe()
    with os.fdopen(reading) as typed, os.fdopen(writing, "w", buffering=1) as keyboard:
        run = kit.agent("research").run(QUESTION)
        run.wait()
        keyboard.write("approve\n")
        assert pass_on(run, typed) == ""  # it waits for an answer: the line stays for that
        assert typed.readline() == "approve\n"
        at_search(kit, {1: lambda _: (keyboard.write("exclude warranty\n"), pass_on(run, typed))})
        run.answer("approve")
        run.wait()
        assert pass_on(run, typed) == ""
    assert [m.directive.text for m in kit.runs.messages(run.id)] == ["exclude warranty"]
    assert "24 months" not in run.result.report


def test_a_message_may_come_with_the_question(folder: Path) -> None:
    done = researched("--say", "exclude warranty", "--say", "make it blue")
    assert done.exit_code == 0 and "24 months" not in done.stdout
    assert "Not followed: 'make it blue'" in done.stdout
