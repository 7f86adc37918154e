"""Ten thousand events, two thousand quotes, five hundred tasks: few of them exist in the page, and
few are fetched. How long it takes is for `agentkit bench console`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Response, expect

from agentkit.bench.console_server import begun, write
from agentkit.bench.consoling import EVENTS
from tests.console.browsing import Desk, desk

pytestmark = pytest.mark.slow

FRAMES = """async (frames) => {
    const list = document.querySelector('.virtual');
    let most = 0;
    for (let n = 0; n < frames; n++) {
        list.scrollTop -= 900;
        await new Promise(requestAnimationFrame);
        most = Math.max(most, document.querySelectorAll('.event').length);
    }
    return most;
}"""
SCROLL = """part => {
    const list = document.querySelector('.virtual');
    list.scrollTop = list.scrollHeight * part;
    return Math.floor(list.scrollTop / list.querySelector('.probe').offsetHeight) + 1;
}"""
THERE = "[...document.querySelectorAll('.event')].map((row) => Number(row.dataset.seq))"


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("console")) as made:
        yield made


@pytest.fixture(scope="module")
def run(long: Desk) -> str:
    """A finished run of that many events."""
    run = begun(long.store)
    write(long.store, run, EVENTS, 0)
    assert long.store.last(run) == EVENTS
    return run


def elements(page: Page) -> int:
    return int(page.evaluate("document.querySelectorAll('*').length"))


def test_it_is_opened_and_scrolled_through(long: Desk, run: str) -> None:
    with long.page() as page:
        fetched: list[Response] = []

        def answered(one: Response) -> None:
            if "/timeline?" in one.url:
                fetched.append(one)

        page.on("response", answered)
        page.get_by_role("link", name="a long task").click()
        page.get_by_role("tab", name="Timeline").click()
        page.locator(f".event[data-seq='{EVENTS}']").wait_for()
        assert elements(page) < 3500
        assert len(fetched) == 1, "more was fetched than is in sight"
        assert sum(len(one.body()) for one in fetched) < 300_000
        assert page.evaluate(FRAMES, 60) < 120, "rows beyond those in sight exist"

        numbers: set[int] = set()
        for n in range(12):  # one stretch from each of so many places: whole, once, in order
            first = page.evaluate(SCROLL, n / 12)
            page.locator(f".event[data-seq='{first}']").wait_for()
            expect(page.locator(".event:not([data-seq])")).to_have_count(0)
            there = page.evaluate(THERE)
            assert there == list(range(there[0], there[-1] + 1))
            numbers |= set(there)
        assert 1 in numbers and len(numbers) > 240
        assert elements(page) < 3500
    assert long.faults == []


def test_its_ends_and_words_are_found_by_keys(long: Desk, run: str) -> None:
    with long.page(f"/runs/{run}?tab=timeline") as page:
        rows = page.get_by_role("listbox", name="Timeline")
        rows.focus()
        page.keyboard.press("Home")
        page.locator(".event[data-seq='1'][aria-selected=true]").wait_for()
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("region", name="Event 2")).to_be_visible()
        page.keyboard.press("End")
        page.locator(f".event[data-seq='{EVENTS}'][aria-selected=true]").wait_for()
        page.get_by_label("Search the events").fill("a long task")
        page.get_by_label("Search the events").press("Enter")
        expect(page.locator(".event[data-seq]")).to_have_count(1)
    assert long.faults == []


def test_its_plan_and_quotes_come_on_demand(long: Desk, run: str) -> None:
    with long.page(f"/runs/{run}?tab=timeline") as page:
        tasks, quotes = page.locator(".tasks > li"), page.locator(".span")
        tasks.first.wait_for()
        drawn = tasks.count(), quotes.count()
        assert max(drawn) <= 60
        page.locator("#pane-plan").get_by_role("button", name="more").click()
        page.locator("#pane-evidence").get_by_role("button", name="more").click()
        expect(tasks).to_have_count(2 * drawn[0])
        expect(quotes).to_have_count(2 * drawn[1])
