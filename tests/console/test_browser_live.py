"""Runs that are at work while somebody watches: nothing is lost or doubled, whatever happens to the
page; what a guard or a question asks is answered by buttons; plugins' panels are walled in."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from agentkit.runs.store import Append, NewRun, SetStatus
from tests.console.browsing import Desk, desk, new_run, state_is, steer

pytestmark = pytest.mark.slow

ROWS = """() => [...document.querySelectorAll('.event[data-seq]')].map((row) => [
    Number(row.dataset.seq), row.querySelector('.text').textContent])"""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("console")) as made:
        yield made


def seen(page: Page) -> list[int]:
    """Numbers of the rows that exist in the page, as they stand."""
    return [seq for seq, _ in page.evaluate(ROWS)]


def consecutive(numbers: list[int]) -> bool:
    return bool(numbers) and numbers == list(range(numbers[0], numbers[-1] + 1))


def test_a_run_is_watched_steered_and_ended_by_a_message(live: Desk) -> None:
    with live.page() as page:
        run = new_run(page, "train it", agent="trainer")
        state_is(page, "running")
        page.get_by_role("tab", name="Curves").click()
        expect(page.locator(".curve svg")).to_have_attribute("aria-label", re.compile("^loss: "))
        page.get_by_role("tab", name="Timeline").click()

        with page.context.new_page() as other:
            other.goto(f"{live.address}/runs/{run}?tab=timeline")
            other.locator(".event[data-seq]").first.wait_for()
            for n in range(4):  # reload and lost connections at whatever moment this is
                if n % 2:
                    page.reload()
                else:
                    page.context.set_offline(True)
                    page.wait_for_timeout(150)
                    page.context.set_offline(False)
                page.locator(".event[data-seq]").first.wait_for()
                live.until(lambda: consecutive(seen(page)), "a gap in the page")
                assert consecutive(seen(other))

            page.get_by_role("button", name="Pause").click()
            state_is(page, "paused")
            state_is(other, "paused")
            last = live.store.last(run)
            for tab in (page, other):
                tab.locator(f".event[data-seq='{last}']").wait_for()
                assert consecutive(seen(tab))
            assert page.evaluate(ROWS)[-5:] == other.evaluate(ROWS)[-5:]

            page.keyboard.press("p")
            state_is(page, "running")
            steer(page, "that is enough")
            state_is(page, "done")
            state_is(other, "done")
    read = [e.data for e in live.events(run, "inbox.read")]
    assert len(read) == 1
    ends = [e.data["status"] for e in live.events(run, "run.status")]
    assert ends[-1] == "done" and "paused" in ends


def test_a_training_shows_its_curves_and_is_paused_but_not_steered(live: Desk) -> None:
    made = live.store.create(
        NewRun("train own", "a training", {}, 0, {"noun": "trainer", "name": "own"})
    )
    lease = live.store.take(made.id, 300)
    told = [Append("metric", {"step": n, "values": {"reward": n / 4}}) for n in (1, 2)]
    live.store.write(lease, SetStatus("running"), *told)
    with live.page(f"/runs/{made.id}") as page:
        curves = page.get_by_role("tab", name="Curves")
        expect(curves).to_have_attribute("aria-selected", "true")
        expect(page.locator(".curve svg")).to_have_attribute("aria-label", re.compile("^reward: "))
        expect(page.locator(".pane")).to_have_count(1)
        expect(page.get_by_label("Tell the agent something")).to_have_count(0)
        page.get_by_role("button", name="Pause").click()
        live.until(lambda: live.store.wanted(lease) == "pause", "it is not told to pause")
        live.store.write(lease, SetStatus("paused"))
        live.store.release(lease)
        state_is(page, "paused")
        expect(page.get_by_role("button", name="Resume")).to_have_count(0)


def test_what_agents_and_plugins_say_is_text(live: Desk) -> None:
    run = live.store.runs(1, "trainer")[0].id
    with live.page(f"/runs/{run}") as page:
        report = page.locator(".report")
        expect(report.locator("h2")).to_have_text("Trained")
        expect(report).to_contain_text("<b>it</b>")
        page.get_by_role("tab", name="Panels").click()
        expect(page.locator("[data-panel='desk.shape']")).to_contain_text(
            "<script>alert(1)</script>"
        )
        expect(page.locator("[data-panel='desk.shape']")).to_contain_text("<img src=x")
        expect(page.get_by_role("alert")).to_contain_text("no such layer")
    assert live.faults == []


def test_a_guard_asks_in_the_inbox_and_is_answered_there(live: Desk) -> None:
    with live.page() as page:
        run = new_run(page, "use the tool", agent="wiper")
        state_is(page, "waiting")
        expect(page.locator(".pane")).to_have_count(1)  # it plans nothing and quotes nobody
        assert not (live.console.folder / "wiped").exists()
        page.get_by_role("link", name="Inbox").click()
        card = page.locator(".question")
        expect(card).to_contain_text("May the agent do this?")
        expect(card).to_contain_text("disk")
        page.reload()
        card.get_by_role("button").first.wait_for()
        card.get_by_role("button", name="Yes").click()
        page.get_by_text("Nothing waits for you").wait_for()
        live.until(lambda: live.store.get(run).status == "done")
        page.get_by_role("link", name="Runs").click()
        page.get_by_role("link", name="use the tool").first.click()
        state_is(page, "done")
        page.get_by_role("tab", name="Cost").click()
        expect(page.get_by_role("group", name="By model")).to_contain_text("said")
    assert [e.data["answer"] for e in live.events(run, "question.answered")] == ["yes"]
    assert len(live.events(run, "tool.done")) == 1


def test_two_tabs_that_edit_one_task_are_told(live: Desk) -> None:
    with live.page() as page:
        run = new_run(page, approve=True)
        page.get_by_text("May this plan run?").wait_for()
        with page.context.new_page() as other:
            other.goto(f"{live.address}/runs/{run}")
            for tab in (page, other):
                tab.locator("[data-task=T1] .title").click()
            mine, theirs = page.locator("[data-task=T1]"), other.locator("[data-task=T1]")
            theirs.get_by_label("Task", exact=True).fill("When was the mill built?")
            theirs.get_by_role("button", name="Save").click()
            expect(theirs.locator(".title")).to_have_text("When was the mill built?")
            mine.get_by_label("Task", exact=True).fill("Who built the mill?")
            mine.get_by_role("button", name="Save").click()
            expect(mine.get_by_role("alert")).to_contain_text("When was the mill built?")
            mine.get_by_role("button", name="Keep mine").click()
            expect(theirs.locator(".title")).to_have_text("Who built the mill?")
        page.get_by_role("button", name="Stop").click()
        page.get_by_role("button", name="Stop it").click()
        state_is(page, "cancelled")
    titles = [e.data["title"] for e in live.events(run, "todo.changed") if e.data["id"] == "T1"]
    assert titles[-2:] == ["When was the mill built?", "Who built the mill?"]
