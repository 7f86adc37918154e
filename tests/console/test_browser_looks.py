"""Every screen in three widths, two themes and two languages: axe finds nothing serious, nothing
sticks out, all can be done by keys, and bad addresses lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as PatienceLost

from tests.console.browsing import Desk, desk, state_is
from tests.console.serving import QUESTION

pytestmark = pytest.mark.slow

AXE = (Path(__file__).parent / "axe/axe.min.js").read_text()
RUN_AXE = """() => axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    resultTypes: ['violations'],
}).then((found) => found.violations
    .filter((one) => ['serious', 'critical'].includes(one.impact))
    .map((one) => [one.id, one.nodes.map((node) => node.html.slice(0, 200))]))"""


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("console")) as made:
        operator = made.console.enter()
        done = operator.start()
        asked = operator.start(settings={"approve": True})
        made.until(lambda: made.store.get(done).status == "done")
        made.until(lambda: made.store.get(asked).status == "waiting")
        yield made


def screens(looks: Desk) -> dict[str, str]:
    """A name and an address of everything there is to see."""
    waiting, done = (run.id for run in looks.store.runs(2))
    key = next(iter(looks.events(done, "evidence.added"))).data
    span = f"{key['id']}:{key['facet']}"
    return {
        "runs": "/",
        "new": "/new",
        "plan": f"/runs/{waiting}?pane=plan",
        "timeline": f"/runs/{waiting}?tab=timeline&event=3&pane=work",
        "report": f"/runs/{done}",
        "page": f"/runs/{done}?evidence={span}&pane=evidence",
        "evidence": f"/runs/{done}?pane=evidence",
        "cost": f"/runs/{done}?tab=cost",
        "export": f"/runs/{done}?tab=files",
        "compare": f"/compare?one={done}&two={waiting}",
        "inbox": "/inbox",
        "results": "/results",
        "settings": "/settings",
        "nowhere": "/nowhere/at/all",
    }


def show(page: Page, address: str) -> None:
    """Goes there within the page, as a click would, and waits until it stands still."""
    page.evaluate(
        "to => { history.pushState(null, '', to); dispatchEvent(new PopStateEvent('popstate')) }",
        address,
    )
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    page.wait_for_timeout(250)


LOOKS = [
    ("wide", "light", "en"),
    ("small", "dark", "ko"),
    ("middle", "dark", "en"),
]


@pytest.mark.parametrize(("width", "theme", "language"), LOOKS)
def test_every_screen_is_accessible_and_fits(
    looks: Desk, width: str, theme: str, language: str
) -> None:
    problems: list[tuple[str, Any]] = []
    with looks.page(width=width, theme=theme, language=language) as page:
        page.evaluate(AXE)
        for name, address in screens(looks).items():
            show(page, address)
            problems += [(name, found) for found in page.evaluate(RUN_AXE)]
            over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert over <= 0, f"{name} is {over} px too wide at {width}"
        assert page.evaluate("document.documentElement.lang") == language
    assert problems == []
    assert looks.faults == []


def test_a_page_of_320_pixels_and_one_at_twice_the_size_still_work(looks: Desk) -> None:
    with looks.page(width="small") as page:
        for wide in (320, 720):
            page.set_viewport_size({"width": wide, "height": 640})
            for name in ("runs", "new", "report", "plan"):
                show(page, screens(looks)[name])
                assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
            show(page, screens(looks)["report"])
            expect(page.locator(".head")).to_be_visible()


def test_targets_are_large_enough(looks: Desk) -> None:
    with looks.page() as page:
        for name in ("runs", "report", "plan"):
            show(page, screens(looks)[name])
            small = page.evaluate("""() => [...document.querySelectorAll('button, select, input')]
                .filter((e) => e.checkVisibility() && e.type !== 'checkbox')
                .map((e) => [e.outerHTML.slice(0, 90), e.getBoundingClientRect()])
                .filter(([, box]) => box.width && (box.height < 24 || box.width < 24))
                .map(([html, box]) => [html, box.width, box.height])""")
            assert small == [], name


def test_theme_and_language_are_kept(looks: Desk) -> None:
    with looks.page("/settings") as page:
        page.get_by_label("Dark").check()
        page.get_by_label("한국어").check()
        page.get_by_role("heading", name="설정").wait_for()
        page.reload()
        page.get_by_role("heading", name="설정").wait_for()
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 21, 22)"


def test_a_whole_run_by_keys_alone(looks: Desk) -> None:
    """From the list to a finished report without touching a pointer."""
    with looks.page() as page:
        press = page.keyboard.press
        press("?")
        page.get_by_role("dialog").wait_for()
        press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)  # keys are its own until it has closed
        form = page.get_by_label("Question or task")
        for _ in range(10):  # a key pressed while the focus comes back from the dialog may be lost
            press("n")
            with suppress(PatienceLost):
                form.wait_for(timeout=10_000)
                break
        expect(form).to_be_focused()
        page.keyboard.type(QUESTION)
        tab_to(page, "Show me the plan before it runs")
        press("Space")
        page.get_by_label("Question or task").focus()
        press("Control+Enter")
        page.wait_for_url("**/runs/*")
        page.get_by_text("May this plan run?").wait_for()
        run = page.url.rsplit("/", 1)[1].split("?")[0]
        press("a")
        page.keyboard.type("Who were the monks of Carn?")
        press("Enter")
        page.locator("[data-task=T3]").wait_for()
        press("Escape")
        page.locator("[data-task=T3] .title").focus()
        press("Delete")
        expect(page.locator("[data-task=T3]")).to_have_class(re.compile(r"\bcancelled\b"))
        page.locator("[data-task=T1] .title").focus()
        press("Alt+ArrowDown")
        expect(page.locator(".tasks > li").first).to_have_attribute("data-task", "T2")
        assert page.evaluate("document.activeElement.closest('[data-task]').dataset.task") == "T1"
        tab_to(page, "Approve the plan")
        press("Enter")
        state_is(page, "done")
    began = [
        e.data["id"] for e in looks.events(run, "todo.changed") if e.data["status"] == "in_progress"
    ]
    assert began[:2] == ["T2", "T1"] and "T3" not in began


def test_a_run_is_steered_paused_stopped_and_forked_by_keys_alone(looks: Desk) -> None:
    with looks.page("/new") as page:
        press = page.keyboard.press
        expect(page.get_by_label("Question or task")).to_be_focused()
        tab_to(page, "Agent")
        page.keyboard.type("trainer")
        expect(page.get_by_label("Agent")).to_have_value("trainer")
        tab_to(page, "Question or task")
        page.keyboard.type("train it")
        press("Control+Enter")
        page.wait_for_url("**/runs/*")
        run = page.url.rsplit("/", 1)[1].split("?")[0]
        state_is(page, "running")
        press("s")
        expect(page.get_by_label("Tell the agent something")).to_be_focused()
        page.keyboard.type("go slower")
        press("Enter")
        page.locator(".message", has_text="go slower").wait_for()
        press("Escape")
        press("p")
        state_is(page, "paused")
        press("p")
        state_is(page, "running")
        tab_to(page, "Stop")
        press("Enter")
        page.get_by_role("dialog").wait_for()
        tab_to(page, "Stop it")
        press("Enter")
        state_is(page, "cancelled")
        tab_to(page, "Timeline")
        press("Enter")
        tab_to(page, "Step 1: train")
        press("Enter")
        tab_to(page, "Fork from step 1")
        press("Enter")
        page.get_by_role("dialog").wait_for()
        tab_to(page, "Tell the new run first")
        page.keyboard.type("that is enough")
        tab_to(page, "Fork", whole=True)
        press("Enter")
        page.wait_for_url(lambda url: "/runs/" in url and run not in url)
        fork = page.url.rsplit("/", 1)[1].split("?")[0]
        state_is(page, "done")
    assert [m.directive.text for m in looks.store.messages(run)] == ["go slower"]
    told = [e.data["status"] for e in looks.events(run, "run.status")]
    assert "paused" in told and told[-1] == "cancelled"
    assert looks.store.get(fork).parent == run


def tab_to(page: Page, name: str, whole: bool = False) -> None:
    """Presses Tab until the thing of that name has the focus."""
    for _ in range(200):
        page.keyboard.press("Tab")
        text = page.evaluate(
            "(e => e === document.body ? '' : e.getAttribute('aria-label') ||"
            " e.labels?.[0]?.textContent || e.textContent)"
            "(document.activeElement)"
        )
        if name == (text or "").strip() or (name in (text or "") and not whole):
            return
    raise AssertionError(f"Tab never comes to {name!r}")


def test_who_is_not_let_in_is_asked_for_the_token(looks: Desk) -> None:
    context = looks.browser.new_context()
    page = context.new_page()
    page.goto(f"{looks.address}/inbox")
    page.get_by_label("Address or token").fill("wrong")
    page.get_by_role("button", name="Open the console").click()
    expect(page.get_by_role("alert")).to_contain_text("not the present one")
    page.get_by_label("Address or token").fill(f"{looks.address}/#token={looks.console.token}")
    page.get_by_role("button", name="Open the console").click()
    page.get_by_role("heading", name="Inbox").wait_for()
    context.close()


def test_an_empty_and_a_wrong_form_say_what_to_do(looks: Desk) -> None:
    with looks.page("/new") as page:
        for text in ("", "   "):
            page.get_by_label("Question or task").fill(text)
            page.get_by_role("button", name="Start").click()
            expect(page.get_by_role("alert")).to_contain_text("first")
            page.reload()
        page.goto(f"{looks.address}/runs/no-such-run")
        expect(page.get_by_role("alert")).to_contain_text("no such run")


def test_a_plan_is_approved_on_a_small_screen_where_it_is_shown(looks: Desk) -> None:
    run = looks.console.enter().start(settings={"approve": True})
    looks.until(lambda: looks.store.get(run).status == "waiting")
    with looks.page(f"/runs/{run}?pane=plan", width="small", language="ko") as page:
        page.get_by_role("button", name="계획 승인").click()
        state_is(page, "done")
    assert len(looks.events(run, "plan.approved")) == 1
