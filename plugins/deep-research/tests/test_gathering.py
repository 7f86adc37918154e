"""Reading ahead: told while it goes on, and what was not read is in the report."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentkit.capabilities import Cancel, OnProgress
from agentkit.errors import RunInterrupted
from agentkit.kit import Kit
from agentkit.testing.fakes import FakeSource

pytestmark = pytest.mark.slow

Make = Callable[..., Kit]


class Shelf(FakeSource):
    """Documents in memory that are taken from a shelf first, one by one."""

    many = 200

    def __init__(self) -> None:
        super().__init__({"kettle.md": "# Kettle\n\nThe kettle is made of steel."})
        self.notes: list[tuple[str, str]] = []
        self.waits_at = -1
        self.halfway = threading.Event()

    def update(
        self, *, on_progress: OnProgress | None = None, cancel: Cancel | None = None
    ) -> Shelf:
        assert on_progress is not None and cancel is not None
        for number in range(self.many):
            if number == self.waits_at:
                self.halfway.set()
                while not cancel:
                    time.sleep(0.01)
            if cancel:
                raise RunInterrupted("the shelf was left")
            on_progress(number, self.many, f"book {number}")
        return self


def kit_of(make: Make, shelf: Shelf) -> Kit:
    kit = make(sources=["shelf"])
    kit.add("source", "shelf", shelf)
    return kit


def ask(kit: Kit) -> Any:
    run = kit.agent("research").run("What is the kettle made of?")
    told = [e.data for e in run if e.kind == "progress"]
    run.wait()
    return run, told


def test_a_source_that_reads_ahead_tells_how_far_it_is(make: Make) -> None:
    shelf = Shelf()
    run, told = ask(kit_of(make, shelf))
    said = [t for t in told if t["text"].startswith("reading shelf, ")]
    assert 10 <= len(said) <= 21  # often enough, and not for each of its 200 books
    assert said[-1]["done"] > said[0]["done"] == 0.0
    assert run.result.status == "complete" and "not read in shelf" not in run.result.report


def test_what_was_not_read_is_in_the_report(make: Make) -> None:
    shelf = Shelf()
    shelf.notes = [(f"{n}.pdf", "needs a password") for n in range(5)]
    run, _ = ask(kit_of(make, shelf))
    said = "5 documents were not read in shelf, or not all of it: 0.pdf: needs a password;"
    assert said in run.result.report and "; and 2 more." in run.result.report


def test_a_folder_says_which_files_it_left_out(make: Make, tmp_path: Path) -> None:
    desk = tmp_path / "desk"
    desk.mkdir()
    (desk / "kettle.md").write_text("# Kettle\n\nThe kettle is made of steel.")
    (desk / "scan.pdf").write_bytes(b"%PDF-1.7 torn")
    (desk / "large.txt").write_text("The kettle is made of gold. " * 100)
    kit = make(sources=["desk"])
    kit.define("source", "desk", use="folder", path=str(desk), largest=2000, embedder=None)
    run, told = ask(kit)
    report = run.result.report
    assert "2 documents were not read in desk" in report
    assert "scan.pdf: broken PDF" in report and "large.txt: " in report
    assert any(t["text"].startswith("reading desk, ") for t in told)


def test_reading_ahead_is_paused_and_done_again(make: Make) -> None:
    shelf = Shelf()
    shelf.waits_at = 50
    run = kit_of(make, shelf).agent("research").run("What is the kettle made of?")
    assert shelf.halfway.wait(20)
    assert run.pause() == "paused"
    shelf.waits_at = -1
    run.resume()
    run.wait()
    assert run.result.status == "complete"


def test_reading_ahead_is_ended_for_good(make: Make) -> None:
    shelf = Shelf()
    shelf.waits_at = 50
    run = kit_of(make, shelf).agent("research").run("What is the kettle made of?")
    assert shelf.halfway.wait(20)
    assert run.cancel() == "cancelled"
    assert shelf.queries == []
