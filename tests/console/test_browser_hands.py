"""What people do to a run by hand in the browser: quotes kept and left out, limits, a message taken
back, a task cancelled, a report revised, files to search. Read in the store afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.console.browsing import Desk, desk, new_run, state_is, steer
from tests.console.serving import QUESTION

pytestmark = pytest.mark.slow
BANNER = "limit of 3 steps"
PASSING = r"(for )?((\d+ (hours?|h|minutes?|min|seconds?|s)\b ?)+(ago)?|just now|now)"  # times


@pytest.fixture(scope="module")
def hands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("console")) as made:
        yield made


def limit(page: Page, steps: str) -> None:
    """Sets the limit of steps; "" takes it away."""
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("button", name="Change the limits").click()
    page.get_by_role("dialog").get_by_label("Steps").fill(steps)
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.fixture(scope="module")
def run(hands: Desk) -> str:
    """A run that reached its limit, was corrected there by hand, and went on to its end."""
    with hands.page() as page:
        run = new_run(page, approve=True)
        page.get_by_text("May this plan run?").wait_for()
        limit(page, "3")
        page.get_by_role("button", name="Approve the plan").click()
        state_is(page, "paused")
        expect(page.locator(".head")).to_contain_text(BANNER)
        expect(page.get_by_role("meter", name="steps")).to_be_visible()

        first, second = page.locator(".span").nth(0), page.locator(".span").nth(1)
        first.hover()
        first.get_by_role("button", name="Leave it out of the report").click()
        second.hover()
        second.get_by_role("button", name="Keep it in the report").click()
        hands.until(lambda: len(hands.store.messages(run)) >= 2, "two marks")

        steer(page, "exclude monks")
        said = page.locator(".message", has_text="exclude monks")
        expect(said).to_have_attribute("data-state", "queued")
        said.get_by_role("button", name="Take back").click()
        expect(said).to_have_attribute("data-state", "withdrawn")

        limit(page, "")
        page.get_by_role("button", name="Go on").click()
        state_is(page, "done")
    return run


def test_quotes_are_kept_and_left_out(hands: Desk, run: str) -> None:
    banned = [e.data["id"] for e in hands.events(run, "evidence.banned")]
    pinned = [e.data["id"] for e in hands.events(run, "evidence.pinned")]
    assert len(banned) == len(pinned) == 1 and banned != pinned
    report = json.dumps(hands.console.enter().get(f"/api/runs/{run}/report")["sections"])
    texts = {e.data["id"]: e.data["text"] for e in hands.events(run, "evidence.added")}
    assert json.dumps(texts[banned[0]])[1:-1] not in report
    assert json.dumps(texts[pinned[0]])[1:-1] in report


def test_limits_are_set_reached_and_lifted(hands: Desk, run: str) -> None:
    limits = [e.data["steps"] for e in hands.events(run, "budget.changed")]
    assert limits == [3, None]
    notes = [e.data["note"] for e in hands.events(run, "run.status")]
    assert any(BANNER in note for note in notes)


def test_what_was_taken_back_is_not_done(hands: Desk, run: str) -> None:
    assert len(hands.events(run, "inbox.withdrawn")) == 1
    assert not hands.events(run, "directive.added")


def test_a_report_is_revised_into_a_new_run(hands: Desk, run: str) -> None:
    before = hands.store.last(run)
    with hands.page(f"/runs/{run}") as page:
        box = page.get_by_label("Tell the agent something")
        box.fill("shorter")
        page.get_by_role("button", name="Revise").click()
        page.wait_for_url(lambda url: "/runs/" in url and run not in url)
        again = page.url.rsplit("/", 1)[1].split("?")[0]
        state_is(page, "done")
        page.locator(".report").wait_for()
    assert hands.store.get(again).parent == run and hands.store.last(run) == before


def test_files_are_brought_along_and_searched(hands: Desk, tmp_path: Path) -> None:
    (tmp_path / "kiln.md").write_text(
        "# Kiln\n\nThe kiln of Elm was built in 1888. It burns lime.\n"
    )
    (tmp_path / "tool.exe").write_bytes(b"MZ")
    with hands.page("/new") as page:
        page.get_by_label("Agent").select_option("research")
        page.get_by_label("Question or task").fill("When was the kiln of Elm built?")
        files = page.get_by_label("Files to search")
        files.set_input_files(tmp_path / "tool.exe")
        page.get_by_role("button", name="Start").click()
        expect(page.get_by_role("alert")).to_contain_text("tool.exe")
        page.get_by_role("listitem").get_by_role("button", name="Remove").click()
        files.set_input_files(tmp_path / "kiln.md")
        page.get_by_role("button", name="Start").click()
        page.wait_for_url("**/runs/*")
        run = page.url.rsplit("/", 1)[1].split("?")[0]
        state_is(page, "done")
    assert any("1888" in e.data["text"] for e in hands.events(run, "evidence.added"))


def test_a_task_is_cancelled_while_the_run_works(hands: Desk) -> None:
    operator = hands.console.enter()
    run = operator.start(QUESTION, settings={"approve": True})
    operator.until(run, lambda state: state["run"]["status"] == "waiting")
    operator.command(run, "budget.set", steps=3)
    operator.command(run, "plan.approve")
    state = operator.until(run, lambda state: state["run"]["status"] == "paused")
    task = next(one["id"] for one in state["tasks"].values() if one["evidence"])
    with hands.page(f"/runs/{run}") as page:
        page.locator(f"[data-task={task}] .title").focus()
        page.keyboard.press("Delete")
        expect(page.locator(f"[data-task={task}]")).to_have_class(re.compile(r"\bcancelled\b"))
        limit(page, "")
        page.get_by_role("button", name="Go on").click()
        state_is(page, "done")
        expect(page.locator(".span.out")).not_to_have_count(0)
    ends = [e.data["status"] for e in hands.events(run, "todo.changed") if e.data["id"] == task]
    assert ends[-1] == "cancelled"


def test_a_task_is_cancelled_in_its_middle(hands: Desk) -> None:
    """The source that is at work on it never comes back while the run goes on to its end."""
    begun, go = hands.console.folder / "begun", hands.console.folder / "go"
    run = hands.console.enter().start(QUESTION, agent="slow")
    hands.until(begun.exists, "a search that is held up")
    with hands.page(f"/runs/{run}") as page:
        page.locator("[data-task=T1].in_progress .title").focus()
        page.keyboard.press("Delete")
        expect(page.locator("[data-task=T1]")).to_have_class(re.compile(r"\bcancelled\b"))
        expect(page.locator("[data-task=T1] .reason")).to_contain_text("cancelled by user")
        state_is(page, "done")
        assert not go.exists()
        page.get_by_role("tab", name="Timeline").click()
        page.locator(".event", has_text="broken off").first.wait_for()
    go.touch()
    ends = {e.data["id"]: e.data["status"] for e in hands.events(run, "todo.changed")}
    assert ends == {"T1": "cancelled", "T2": "done"}
    assert not [e for e in hands.events(run, "evidence.added") if e.data["task"] == "T1"]


def test_what_stands_still_is_the_same_after_a_reload_and_in_another_tab(
    hands: Desk, run: str
) -> None:
    operator = hands.console.enter()
    waiting = operator.start(QUESTION, settings={"approve": True})
    stopped = operator.start(QUESTION)
    operator.command(stopped, "stop")
    operator.until(waiting, lambda state: state["run"]["status"] == "waiting")
    operator.until(stopped, lambda state: state["run"]["status"] in ("cancelled", "done"))
    paused = operator.start("train it", agent="trainer")
    operator.until(paused, lambda state: state.get("metrics"))
    operator.command(paused, "pause")
    operator.until(paused, lambda state: state["run"]["status"] == "paused")
    shown_alike(hands, {waiting: "waiting", stopped: "", paused: "paused", run: "done"})
    operator.command(paused, "stop")
    operator.command(waiting, "stop")


def test_what_works_or_broke_is_the_same_after_a_reload_and_in_another_tab(hands: Desk) -> None:
    operator, held = hands.console.enter(), hands.console.folder / "held"
    failed = operator.start("fail", agent="stuck")
    operator.ended(failed, "failed")
    held.touch()
    killed = operator.start("hold on", agent="stuck")
    kill(hands, killed)
    operator.ended(killed, "interrupted")
    running = operator.start("hold on", agent="stuck")
    operator.until(running, lambda state: state["run"]["status"] == "running" and "steps" in state)
    shown_alike(hands, {failed: "failed", killed: "interrupted", running: "running"})
    held.unlink()
    operator.ended(running)


def shown_alike(hands: Desk, runs: dict[str, str]) -> None:
    """Whether a reload and another tab show what the first did. runs: each with its state, "" for
    any."""
    with hands.page() as page, page.context.new_page() as other:
        for run, state in runs.items():
            shown = []
            for tab, again in ((page, False), (page, True), (other, False)):
                if again:
                    tab.reload()
                else:
                    tab.goto(f"{hands.address}/runs/{run}?tab=timeline")
                last = hands.store.last(run)
                tab.locator(f".event[data-seq='{last}']").wait_for()
                tab.get_by_role("tab", name="Panels").wait_for()  # the last thing that is asked for
                if state:
                    state_is(tab, state)
                shown.append(tab.locator("main").inner_text())
            still = [re.sub(PASSING, "", text) for text in shown]
            assert still[0] == still[1] == still[2], run


def kill(hands: Desk, run: str) -> None:
    """Ends the process of a run, as a machine that loses its power would."""
    lock = str(hands.console.folder / "runs/console/runs" / f"{run}.lock")

    def driver() -> int:
        for links in Path("/proc").glob("[0-9]*/fd"):
            with contextlib.suppress(OSError):
                if any(os.readlink(link) == lock for link in links.iterdir()):
                    return int(links.parent.name)
        return 0

    hands.until(lambda: hands.events(run, "node.entered"), "it works")
    os.kill(hands.until(driver, "the process of the run"), signal.SIGKILL)
