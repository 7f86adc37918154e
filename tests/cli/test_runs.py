"""`agentkit run` and `agentkit runs` where nobody sits at a terminal, from several processes."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agentkit.cli import main
from agentkit.runs import SqliteRunStore
from tests.cli import terminal

pytestmark = pytest.mark.slow

Desk = Callable[..., Path]


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


Command = Callable[..., Done]


@pytest.fixture
def agentkit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """`agentkit(folder, "runs", …)`: the command, in this process."""
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    def call(folder: Path, *arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["agentkit", *arguments])
        monkeypatch.chdir(folder)
        monkeypatch.syspath_prepend(str(folder))
        with pytest.raises(SystemExit) as end:
            main()
        return Done(int(str(end.value.code)), *capsys.readouterr())

    return call


def read(done: Done) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def started() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    made: list[subprocess.Popen[str]] = []

    def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
        made.append(
            subprocess.Popen(
                terminal.agentkit(*arguments),
                cwd=folder,
                text=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        )
        return made[-1]

    yield start
    for process in made:
        process.kill()
        process.communicate()


def store() -> SqliteRunStore:
    return SqliteRunStore(Path(os.environ["AGENTKIT_DATA"]) / "runs")


def test_a_question_without_a_terminal_says_how_to_answer(desk: Desk, agentkit: Command) -> None:
    folder = desk()
    done = agentkit(folder, "run", "fake", "use the tool")
    assert done.returncode == 1 and not done.stdout
    (row,) = store().runs()
    number = store().questions(row.id)[0].number
    assert done.stderr.splitlines()[-2:] == [
        f"it asks ({number}): Allow wipe on wipe? its effect is outside",
        f'it waits; answer with: agentkit runs answer {row.id} "…" and it goes on',
    ]
    shown = read(agentkit(folder, "runs", "show", "last", "--json"))
    assert shown["questions"][0]["options"] == ["yes", "no"] and shown["status"] == "waiting"
    wrong = agentkit(folder, "runs", "answer", "last", "perhaps")
    assert wrong.returncode == 2 and "one of: yes, no" in wrong.stderr

    done = agentkit(folder, "runs", "answer", "last", "yes", "--json")
    events = [json.loads(text) for text in done.stdout.splitlines()]
    assert events[-1]["data"]["status"] == "done" and done.returncode == 0, done.stderr
    assert (folder / "wiped").read_text() == "disk"
    text = agentkit(folder, "runs", "show", row.id).stdout
    assert "status     done" in text and text.endswith("\nIt is gone.\n")
    assert "input" in read(agentkit(folder, "runs", "show", "last", "--json"))


def test_json_events_are_those_of_the_store(desk: Desk, agentkit: Command) -> None:
    folder = desk()
    done = agentkit(folder, "run", "fake", "hello", "--json")
    events = [json.loads(text) for text in done.stdout.splitlines()]
    stored = [e.to_json() for e in store().tail(events[0]["run"])]
    assert [e for e in events if e["kind"] not in ("model.delta", "progress")] == stored
    assert stored[-1]["data"]["result"]["answer"].startswith("The end:") and not done.stderr
    forms = {form: agentkit(folder, "runs", "export", "last", "--format", form).stdout
             for form in ("jsonl", "md", "html")}  # fmt: skip
    assert [json.loads(li) for li in forms["jsonl"].splitlines()][1:] == stored
    assert forms["md"].startswith("# Run ") and forms["html"].startswith("<!doctype html>")
    run = events[0]["run"]
    assert [r["id"] for r in read(agentkit(folder, "runs", "list", "--json"))] == [run]
    assert read(agentkit(folder, "runs", "delete", run, "--yes", "--json")) == {"deleted": [run]}
    assert read(agentkit(folder, "runs", "list", "--json")) == []


@pytest.mark.slow
def test_other_processes_follow_steer_and_pause_a_run(
    desk: Desk, agentkit: Command, started: Callable[..., subprocess.Popen[str]]
) -> None:
    folder = desk(pace=0.1)
    worker = started(folder, "run", "fake", "hello")
    kept = store()
    end = time.monotonic() + 60
    while not (kept.runs() and kept.last(kept.runs()[0].id) > 3):
        assert time.monotonic() < end
        time.sleep(0.02)
    run = kept.runs()[0].id
    follower = started(folder, "runs", "tail", run, "-f")
    assert read(agentkit(folder, "runs", "send", run, "be quick", "--json"))["message"] == "m1"
    paused = read(agentkit(folder, "runs", "pause", run, "--json"))
    assert (paused["id"], paused["status"]) == (run, "paused")
    told, _ = follower.communicate(timeout=60)
    assert follower.returncode == 0
    numbers = [int(text.split()[0]) for text in told.splitlines()]
    assert numbers == [e.seq for e in kept.tail(run)]
    assert "message m1 from user: be quick" in told and '"paused"' in told
    worker.communicate(timeout=60)
    assert worker.returncode == 1


@pytest.mark.slow
def test_a_run_whose_process_was_killed_is_no_longer_followed(
    desk: Desk, agentkit: Command, started: Callable[..., subprocess.Popen[str]]
) -> None:
    folder = desk(pace=0.1)
    worker = started(folder, "run", "fake", "hello")
    assert worker.stderr is not None and worker.stderr.readline().startswith("run ")
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    done = agentkit(folder, "runs", "tail", "last", "--follow")
    assert done.returncode == 0
    assert "interrupted" in agentkit(folder, "runs", "list").stdout


@pytest.mark.slow
def test_a_run_is_resumed_by_its_recipe_alone(
    desk: Desk, agentkit: Command, started: Callable[..., subprocess.Popen[str]]
) -> None:
    folder = desk()
    assert agentkit(folder, "run", "fake", "use the tool").returncode == 1
    (folder / "agentkit.toml").unlink()
    empty = folder / "elsewhere"
    empty.mkdir()
    process = started(empty, "runs", "answer", "last", "yes")
    told, said = process.communicate(timeout=60)
    assert process.returncode == 0 and told.startswith("It is gone."), said
    assert (empty / "wiped").read_text() == "disk"


def test_wrong_ids_and_orders_are_answered_in_two_lines(desk: Desk, agentkit: Command) -> None:
    folder = desk()
    agentkit(folder, "run", "fake", "hello")
    for words, says in (
        (("show", "nope"), "no run with the id 'nope'"),
        (("tail", "nope", "-f"), "no run with the id 'nope'"),
        (("resume", "last"), "is done"),
        (("pause", "last"), "is done already"),
        (("send", "last", "x"), "is done: nobody would read the message"),
        (("answer", "last", "x"), "has ended"),
        (("fork", "last", "--step", "-1"), "greater than or equal to 0"),
        (("export", "last", "--format", "pdf"), "one of: jsonl, md, html"),
        (("delete", "last"), "add --yes"),
    ):
        done = agentkit(folder, "runs", *words)
        assert done.returncode == 2 and says in done.stderr, (words, done.stderr)
        assert len(done.stderr.splitlines()) <= 2 and not done.stdout


def test_a_damaged_store_is_said_wherever_it_is_met(desk: Desk, agentkit: Command) -> None:
    folder = desk()
    path = Path(os.environ["AGENTKIT_DATA"]) / "runs" / "runs.db"
    for words in (("runs", "list"), ("run", "fake", "hello")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"no database at all" * 300)
        done = agentkit(folder, *words)
        assert done.returncode == 0
        assert done.stderr.count("the run store was damaged") == 1
        (aside,) = path.parent.glob("runs.damaged-*.db")
        assert aside.read_bytes() == b"no database at all" * 300
        aside.unlink()
