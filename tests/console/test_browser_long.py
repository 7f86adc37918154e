"""Ten thousand events: opened, scrolled through, searched; few of them exist in the page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from agentkit.runs.store import Append, NewRun, SetStatus
from tests.console.browsing import Desk, desk

pytestmark = pytest.mark.slow

EVENTS = 10_000
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


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("console")) as made:
        yield made


@pytest.fixture(scope="module")
def run(long: Desk) -> str:
    """A finished run of that many events: searches, quotes, and one needle."""
    store = long.store
    run = store.create(NewRun("research", "a long task", {"question": "a long task"}, seed=1)).id
    lease = store.take(run, 60)
    for begin in range(store.last(run), EVENTS - 1, 500):
        many = [event(n) for n in range(begin, min(begin + 500, EVENTS - 1))]
        store.write(lease, *many)
    store.write(lease, SetStatus("done", result={"report": "the end"}))
    store.release(lease)
    assert store.last(run) == EVENTS
    return run


def event(n: int) -> Append:
    position = f"{n // 400}:work#{n % 3}"
    if n == 4321:
        return Append("warning", {"text": "the needle"}, position)
    if n % 10 == 0:
        task = {"id": f"T{n // 10 % 500}", "title": f"task {n // 10 % 500}", "status": "done"}
        return Append("todo.changed", task, position)
    if n % 5 == 0:
        span = {"id": f"s{n}", "facet": 0, "task": "T1", "text": f"quote {n}", "score": 0.5}
        return Append(
            "evidence.added", {**span, "document": "wind.md", "source": "notes"}, position
        )
    return Append(
        "query.done",
        {"task": "T1", "source": "notes", "query": f"q{n}", "hits": n % 7, "status": "ok"},
        position,
    )


def test_it_opens_scrolls_and_is_searched(long: Desk, run: str) -> None:
    with long.page() as page:
        page.get_by_role("link", name="a long task").click()
        page.get_by_role("tab", name="Timeline").click()
        page.locator(f".event[data-seq='{EVENTS}']").wait_for()

        # How long it takes depends on the machine and is measured by `agentkit bench console`.
        assert page.evaluate(FRAMES, 100) < 120, "rows beyond those in sight exist"
        live = page.evaluate("document.querySelectorAll('*').length")
        assert live < 6000, f"{live} elements"

        rows = page.get_by_role("listbox", name="Timeline")
        rows.focus()
        page.keyboard.press("Home")
        page.locator(".event[data-seq='1'][aria-selected=true]").wait_for()
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("region", name="Event 2")).to_be_visible()
        page.keyboard.press("End")
        page.locator(f".event[data-seq='{EVENTS}'][aria-selected=true]").wait_for()

        page.get_by_label("Search the events").fill("needle")
        page.get_by_label("Search the events").press("Enter")
        found = page.locator(".event[data-seq]")
        expect(found).to_have_count(1)
        assert "the needle" in found.inner_text()
        whole(page, long, run)
    assert long.faults == []


def whole(page: Page, long: Desk, run: str) -> None:
    """Every row, once and in order, as it passes by."""
    page.get_by_label("Search the events").fill("")
    page.get_by_label("Search the events").press("Enter")
    page.locator(f".event[data-seq='{EVENTS}']").wait_for()
    numbers: set[int] = set()
    for n in range(20):  # a part of it: one stretch from each of twenty places
        first = page.evaluate(SCROLL, n / 20)
        page.locator(f".event[data-seq='{first}']").wait_for()
        expect(page.locator(".event:not([data-seq])")).to_have_count(0)
        there = page.evaluate(
            "[...document.querySelectorAll('.event')].map((row) => Number(row.dataset.seq))"
        )
        assert there == list(range(there[0], there[-1] + 1))
        numbers |= set(there)
    assert {1} <= numbers and len(numbers) > 400
