"""`agentkit run` at a terminal: what a person sees, Ctrl-C, and questions."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from agentkit.cli.live import Screen, line, told
from agentkit.runs import Event, SqliteRunStore
from tests.cli.terminal import COLUMNS, Terminal, rendered

pytestmark = pytest.mark.slow

Desk = Callable[..., Path]
Terminals = Callable[..., Terminal]


def store(folder: Path) -> SqliteRunStore:
    """The store that the commands of this test used."""
    import os

    return SqliteRunStore(Path(os.environ["AGENTKIT_DATA"]) / "runs")


@pytest.mark.slow
def test_the_result_is_what_stays_on_the_screen(desk: Desk, terminal: Terminals) -> None:
    term = terminal(desk(), "run", "fake", "hello")
    assert term.end() == 0
    lines = term.lines()
    assert re.match(r"run \S+  \(steer it: agentkit runs send \w{6} ", lines[0])
    assert lines[1].startswith("The end: word0") and max(map(len, lines)) <= COLUMNS
    assert " tokens" not in "\n".join(lines)


@pytest.mark.slow
def test_ctrl_c_pauses_and_says_how_to_go_on(desk: Desk, terminal: Terminals) -> None:
    folder = desk(pace=0.1)
    term = terminal(folder, "run", "fake", "hello")
    term.until(r"word3")
    term.press("\x03")
    assert term.end() == 130
    said = "\n".join(term.lines())
    assert "pausing … (Ctrl-C again stops at once" in said
    (row,) = store(folder).runs()
    assert row.status == "paused"
    assert f"paused; go on with: agentkit runs resume {row.id}" in said
    desk(pace=0.0)
    # The run's own recipe still has the slow model; what it is made of is decided at its start.
    again = terminal(folder, "runs", "resume", row.id[-6:])
    again.until(r"word3")
    again.press("\x03")
    assert again.end() == 130 and store(folder).get(row.id).status == "paused"


@pytest.mark.slow
def test_a_second_ctrl_c_stops_at_once(desk: Desk, terminal: Terminals) -> None:
    folder = desk(pace=30.0)  # it does not look at its cancel flag that long
    term = terminal(folder, "run", "fake", "hello")
    term.until(r"1:think")
    term.press("\x03")
    place = len(term.until(r"(?s).*Ctrl-C again stops at once"))
    term.press("\x03")
    assert term.end() == 130
    assert "stopped at once; go on with: agentkit runs resume" in term.raw[place:]
    assert term.raw.rstrip().rfind("\x1b[?25h") > term.raw.rfind("\x1b[?25l"), "the cursor is gone"
    (row,) = store(folder).runs()
    assert row.status == "running"  # nobody could write more; a resume takes it over


@pytest.mark.slow
def test_a_guards_question_is_answered_with_a_letter(desk: Desk, terminal: Terminals) -> None:
    folder = desk()
    term = terminal(folder, "run", "fake", "use the tool")
    term.until(r"\? Allow wipe on wipe\? its effect is outside \[yes/no\] ")
    assert '  with {"what": "disk"}' in term.raw and not (folder / "wiped").exists()
    term.press("perhaps\n")
    term.until(r"'perhaps' is no answer to .*\r\n(.*\r\n)?.*\[yes/no\] ")
    term.press("y\n")
    assert term.end() == 0
    assert (folder / "wiped").read_text() == "disk"
    assert "It is gone.�" in "\n".join(term.lines())  # a model cannot colour the screen


@pytest.mark.slow
def test_ctrl_c_at_a_question_leaves_it_open(desk: Desk, terminal: Terminals) -> None:
    folder = desk()
    term = terminal(folder, "run", "fake", "use the tool")
    term.until(r"\[yes/no\] ")
    term.press("\x03")
    assert term.end() == 130
    assert "it waits; answer with: agentkit runs answer" in "\n".join(term.lines())
    (row,) = store(folder).runs()
    assert row.status == "waiting" and not (folder / "wiped").exists()
    again = terminal(folder, "runs", "resume", "last")
    again.until(r"\[yes/no\] ")
    again.press("n\n")
    assert again.end() == 0 and "Then not." in again.lines()
    assert not (folder / "wiped").exists() and store(folder).get(row.id).status == "done"


@pytest.mark.slow
def test_chat_stops_an_answer_and_goes_on(desk: Desk, terminal: Terminals) -> None:
    term = terminal(desk(pace=0.05), "chat", "fake", "--max-tokens", "2000")
    term.until(r"> ")
    term.press("hello\n")
    place = len(term.until(r"(?s).*word3"))
    term.press("\x03")
    term.until(r"> ", place)
    assert "word90" not in term.raw
    term.press("wiped it\n")
    term.until("It is gone.�")
    place = len(term.until(r"(?s).*> "))
    term.press("/end\n")
    assert term.end() == 0


@pytest.mark.slow
def test_chat_with_an_agent_gives_it_task_after_task(desk: Desk, terminal: Terminals) -> None:
    folder = desk()
    settings = (folder / "agentkit.toml").read_text().replace("agents.fake", "agents.helper")
    (folder / "agentkit.toml").write_text(settings)
    term = terminal(folder, "chat", "helper")
    term.until(r"> ")
    term.press("use the tool\n")
    term.until(r"\[yes/no\] ")
    term.press("y\n")
    place = len(term.until(r"(?s).*It is gone.*> "))
    term.press("hello\n")
    term.until("The end: word0", place)
    term.until("> ", place)
    term.press("/end\n")
    assert term.end() == 0 and [r.status for r in store(folder).runs()] == ["done", "done"]


# -- the live screen ------------------------------------------------------------------------------


def event(kind: str, seq: int = 1, **data: object) -> Event:
    return Event("r", seq, 0.0, kind, "1:a", data)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    made = Screen([event("todo.changed", id="T0", title="from before", status="done")])
    made._began -= 65
    return made


def page(screen: Screen, width: int = COLUMNS) -> list[str]:
    """What the live part of the screen would show."""
    import io

    from rich.console import Console, Group

    console = Console(file=io.StringIO(), width=width, force_terminal=True)
    screen._console = console
    console.print(Group(screen._page()))
    console.file.seek(0)
    return rendered(console.file.read().replace("\n", "\r\n"))


def test_todo_tokens_and_time_stand_on_the_screen(screen: Screen) -> None:
    for number, status in enumerate(("pending", "in_progress", "DONE", "cancelled", "blocked"), 1):
        title = f"task {number}"
        screen._take(event("todo.changed", id=f"T{number}", title=title, status=status))
    usage = [{"prompt": 1000, "generated": 40, "spent": 234}]
    screen._take(event("model.done", usage=usage))
    screen._take(event("score.done", scores=[], tokens=100))
    screen._take(event("progress", text="reading a very long title " * 9, done=0.5))
    screen._take(event("model.delta", text="so far\n it says \x1b[2J"))
    lines = page(screen)
    assert lines[:6] == [
        " ✓ from before", " · task 1", " ▸ task 2", " ✓ task 3", " – task 4", " ✗ task 5",
    ]  # fmt: skip
    assert lines[6] == " so far it says �[2J"
    assert lines[7].startswith(" 1:05 · 1,334 tokens · 50% · reading a very") and len(lines) == 8
    assert max(map(len, lines)) <= COLUMNS and lines[7].endswith("…")


def test_a_long_todo_list_keeps_what_is_to_do(screen: Screen) -> None:
    for number in range(20):
        status = "done" if number < 12 else "doing" if number == 12 else "open"
        screen._take(event("todo.changed", id=f"T{number}", title=f"task {number}", status=status))
    lines = page(screen)
    assert [li.strip() for li in lines[-3:-1]] == ["· task 19", "and 6 more"]
    assert any("▸ task 12" in li for li in lines) and not any("task 0" in li for li in lines)


def test_a_line_of_the_log_is_one_line_and_harmless() -> None:
    text = line(event("note", text="a\nb\x1b[31m\u202e" + "x" * 300))
    assert "\n" not in text and "\x1b" not in text and "\u202e" not in text and len(text) < 200


@pytest.mark.parametrize(
    ("kind", "data", "says"),
    [
        (
            "query.done",
            {"source": "wiki", "status": "failed", "reason": "timed out", "hits": 0},
            "wiki could not be searched: timed out",
        ),
        (
            "query.done",
            {"source": "wiki", "status": "blocked", "reason": "robots.txt", "hits": 0},
            "wiki must not be searched: robots.txt",
        ),
        ("query.done", {"source": "wiki", "status": "empty", "reason": "", "hits": 0}, ""),
        (
            "message.ended",
            {"message": "m1", "state": "rejected", "reason": "there is no T9"},
            "message m1 rejected: there is no T9",
        ),
        ("warning", {"text": "The question is long."}, "warning: The question is long."),
    ],
)
def test_what_could_not_be_searched_and_what_became_of_a_message_is_told(
    kind: str, data: dict[str, object], says: str
) -> None:
    """As it happens, not in the report alone; and "nothing there" is not "could not search"."""
    assert told(Event("r", 1, 0.0, kind, "", data)) == says
