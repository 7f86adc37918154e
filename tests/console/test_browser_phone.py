"""A phone task in the browser: watched on the live screen, touched, a guard's requests answered, to
its end; on the simulated phone, over the real adb."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.console.browsing import PHONE, SETTINGS, Desk, desk, new_run, state_is, switch_off

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("console")
    settings = SETTINGS.format(folder=folder) + PHONE
    try:
        with desk(folder, settings) as made:
            yield made
    finally:
        switch_off(folder)


def test_a_task_is_watched_touched_asked_about_and_done(phone: Desk) -> None:
    with phone.page() as page:
        run = new_run(page, "Turn on airplane mode.", agent="phone")
        state_is(page, "waiting")
        page.get_by_role("tab", name="Screen").click()
        screen = page.get_by_role("img", name="The screen of")
        screen.wait_for()
        before = screen.get_attribute("src")

        # A person's own touch goes to the phone at once.
        page.get_by_role("button", name="Notifications", exact=True).click()
        expect(screen).not_to_have_attribute("src", before or "")
        page.get_by_role("button", name="Home", exact=True).click()
        box = screen.bounding_box()
        assert box is not None
        with page.expect_response(  # of this touch: the answer to Home may be on its way
            lambda answer: (
                answer.url.endswith("/act") and '"tap"' in (answer.request.post_data or "")
            )
        ) as touched:
            screen.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
        done = touched.value.json()["done"]
        assert done["kind"] == "tap" and done["x"] > 100 and done["y"] > 100

        # The guard of this test asks about every tap of the agent's.
        card, over = page.locator(".question"), page.locator(".head [data-state=done]")
        answered = 0
        while answered < 12:
            card.or_(over).first.wait_for()
            if over.count():
                break
            expect(card).to_contain_text("tap")
            number = card.get_attribute("data-question")
            asked = next(e for e in phone.events(run, "question.asked") if str(e.seq) == number)
            aimed_at(page, asked.data["data"]["args"])
            card.get_by_role("button", name="Yes").click()
            expect(page.locator(f"[data-question='{number}']")).to_have_count(0)
            answered += 1
        state_is(page, "done")
        page.get_by_role("tab", name="Result").click()
        page.locator(".report").wait_for()
    assert answered >= 1
    assert phone.store.get(run).result["success"] is True
    judged = phone.events(run, "guard.judged")
    assert len([e for e in judged if e.data["verdict"] == "ask"]) >= 1
    assert phone.faults == []


def aimed_at(page: Page, action: dict[str, Any]) -> None:
    """What would be touched is marked on the screen, where it would be."""
    mark, screen = page.locator(".glass .aim"), page.get_by_role("img", name="The screen of")
    expect(mark).to_have_count(1)
    wide, high = page.evaluate(
        "(e => [e.naturalWidth, e.naturalHeight])(document.querySelector('.glass img'))"
    )
    box, glass = mark.bounding_box(), screen.bounding_box()
    assert box is not None and glass is not None
    x = (box["x"] + box["width"] / 2 - glass["x"]) / glass["width"] * wide
    y = (box["y"] + box["height"] / 2 - glass["y"]) / glass["height"] * high
    assert abs(x - action["x"]) <= 8 and abs(y - action["y"]) <= 8
