"""A newcomer's way through the console, by what the page shows alone: question, plan, steering,
report, export. What was clicked is then read in the store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import pytest
from docx import Document
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from tests.console.browsing import Desk, desk, new_run, state_is, steer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def research(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with desk(tmp_path_factory.mktemp("console")) as made:
        yield made


@dataclass(frozen=True)
class Walk:
    """A run, and what was saved of it by name."""

    run: str
    files: dict[str, bytes]


@pytest.fixture(scope="module")
def walk(research: Desk) -> Walk:
    """A newcomer's way in one page, by what it shows alone: a question, its plan changed, approved
    and steered, the report, its files."""
    with research.page() as page:
        expect(page.get_by_text("No agent has run yet")).to_be_visible()
        run = new_run(page, approve=True)
        page.get_by_text("May this plan run?").wait_for()
        assert "token" not in page.url, "the token stays in the address bar"

        page.get_by_placeholder("Add a task").fill("What does the tidal mill of Carn mill?")
        page.get_by_placeholder("Add a task").press("Enter")
        order_is(page, "T3", "T1", "T2")  # what a person adds comes first
        page.locator("[data-task=T2] .title").focus()
        page.keyboard.press("Alt+ArrowUp")
        order_is(page, "T3", "T2", "T1")

        second = page.locator("[data-task=T2]")
        second.locator(".title").click()
        second.get_by_label("Task", exact=True).fill("When was the watermill of Bern built?")
        second.get_by_role("button", name="Save").click()
        expect(second.locator(".title")).to_have_text("When was the watermill of Bern built?")

        steer(page, "exclude monks")
        expect(page.locator(".message")).to_contain_text("exclude monks")
        page.get_by_role("button", name="Approve the plan").click()
        state_is(page, "done")
        page.locator(".report").wait_for()
        page.keyboard.press("e")
        files = {name: downloaded(page, name) for name in FILES}
    return Walk(run, files)


@pytest.fixture(scope="module")
def run(walk: Walk) -> str:
    return walk.run


def order_is(page: Page, *tasks: str) -> None:
    for place, task in enumerate(tasks):
        expect(page.locator(".tasks > li").nth(place)).to_have_attribute("data-task", task)


FILES = (
    "Report, PDF",
    "Report, Word",
    "Report, HTML, one file",
    "Report, Markdown",
    "Events, JSONL",
)


def downloaded(page: Page, name: str) -> bytes:
    """What a browser saves when that link is clicked."""
    with page.expect_download() as waiting:
        page.get_by_role("link", name=name).click()
    return Path(waiting.value.path()).read_bytes()


def test_the_plan_that_was_edited_is_the_one_that_ran(research: Desk, run: str) -> None:
    changes = research.events(run, "todo.changed")
    began = [e.data["id"] for e in changes if e.data.get("status") == "in_progress"]
    assert began[:3] == ["T3", "T2", "T1"]
    titles = {e.data["id"]: e.data["title"] for e in changes}
    assert titles["T2"] == "When was the watermill of Bern built?"
    assert len(research.events(run, "plan.approved")) == 1


def test_what_was_said_is_shown_with_what_became_of_it(research: Desk, run: str) -> None:
    ended = research.events(run, "message.ended")
    assert [e.data["state"] for e in ended if "monks" in e.data["reason"]] == ["applied"]
    with research.page(f"/runs/{run}") as page:
        page.get_by_role("button", name="Show").click()
        said = page.locator(".message", has_text="exclude monks")
        expect(said).to_have_attribute("data-state", "applied")
        expect(said).to_contain_text("Understood as")
        expect(page.locator(".rule")).to_contain_text("exclude monks")


def test_every_citation_opens_the_very_quote(research: Desk, run: str) -> None:
    spans = {
        f"{e.data['id']}:{e.data['facet']}": e.data for e in research.events(run, "evidence.added")
    }
    with research.page(f"/runs/{run}") as page:
        cites = page.locator(".report .cite")
        cites.first.wait_for()
        assert cites.count() >= 2
        for n in range(cites.count()):
            cites.nth(n).click()
            expect(cites.nth(n)).to_have_attribute("aria-pressed", "true")
            marked = page.locator(".page-text mark")
            marked.wait_for()
            key = page.evaluate("new URLSearchParams(location.search).get('evidence')")
            span = spans[key]
            text = Path(research.console.folder / "notes" / span["document"]).read_text()
            expect(marked).to_have_text(span["text"])
            expect(marked).to_be_in_viewport()
            expect(page.locator(".bar")).to_be_in_viewport()
            assert " ".join(span["text"].split()) in " ".join(text.replace("#", "").split())


class Plain(HTMLParser):
    """The text of a page, its anchors, where its links lead, and what in it could run."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.ids, self.links, self.live = "", set[str](), list[str](), list[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.add(given.get("id") or "")
        self.links += [given["href"] or ""] if "href" in given else []
        runs = tag == "script" and given.get("type") != "application/json"
        self.live += [tag] if runs or tag in ("iframe", "object") else []
        self.live += [name for name in given if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_walk_ends_in_files_that_open(research: Desk, walk: Walk) -> None:
    found = walk.files
    pdf = PdfReader(BytesIO(found["Report, PDF"]))
    docx = Document(BytesIO(found["Report, Word"]))
    html = Plain(found["Report, HTML, one file"].decode())
    texts = {
        "pdf": "".join(one.extract_text() for one in pdf.pages),
        "docx": "\n".join(paragraph.text for paragraph in docx.paragraphs),
        "html": html.text,
        "md": found["Report, Markdown"].decode(),
    }
    for form, text in texts.items():
        assert "1821" in text and "1790" in text, form
        assert "[1]" in text and "[2]" in text, f"{form} has lost the numbers of its quotes"
    assert pdf.outline, "the PDF has no headings"
    assert any(one.style.name.startswith("Heading") for one in docx.paragraphs if one.style)
    assert html.live == []
    assert {link[1:] for link in html.links if link.startswith("#")} <= html.ids
    lines = [json.loads(line) for line in found["Events, JSONL"].decode().splitlines()]
    assert len(lines) == 1 + research.store.last(walk.run)


def test_a_quote_is_pinned_and_another_left_out(research: Desk, run: str) -> None:
    """On a fork that stops before it writes; what is finished says why it does not change."""
    before = research.store.last(run)
    with research.page(f"/runs/{run}") as page:
        page.locator(".span").first.hover()
        page.locator(".span").first.get_by_role("button", name="Keep it in the report").click()
        page.locator(".span .problem").first.wait_for()
    assert research.store.last(run) == before

    operator = research.console.enter()
    said = operator.command(run, "fork", step=1, budget={"steps": 3})
    fork = said["result"]["run"]["id"]
    with research.page(f"/runs/{fork}") as page:
        page.get_by_role("button", name="Approve the plan").click()
        state_is(page, "paused")
        spans = page.locator(".span")
        out, kept = (spans.nth(n).get_attribute("data-span") for n in (0, 1))
        mark(page, kept, "Keep it in the report")
        mark(page, out, "Leave it out of the report")
        research.until(lambda: len(research.store.messages(fork)) == 2, "both were sent")
        operator.command(fork, "budget.set", steps=None)
        page.get_by_role("button", name="Go on").click()
        state_is(page, "done")
        pin = page.locator(f"[data-span='{kept}']").get_by_role("button", name="Need not be")
        expect(pin).to_have_attribute("aria-pressed", "true")
        expect(page.locator(f"[data-span='{out}']")).to_have_class("span out")
        found = research.events(fork, "evidence.added")
        texts = {f"{e.data['id']}:{e.data['facet']}": e.data["text"] for e in found}
        expect(page.locator(".report")).to_contain_text(" ".join(texts[kept or ""].split()))
        expect(page.locator(".report")).not_to_contain_text(" ".join(texts[out or ""].split()))
    for kind, key in (("evidence.pinned", kept), ("evidence.banned", out)):
        assert [f"{e.data['id']}" for e in research.events(fork, kind)] == [str(key).split(":")[0]]


def mark(page: Page, span: str | None, button: str) -> None:
    quote = page.locator(f"[data-span='{span}']")
    quote.hover()
    quote.get_by_role("button", name=button).click()


def test_a_revision_and_a_fork_stand_beside_their_origin(research: Desk, run: str) -> None:
    before = [e.to_json() for e in research.events(run)]
    with research.page(f"/runs/{run}?tab=timeline") as page:
        page.get_by_role("button", name="Step 1: plan").click()
        page.get_by_role("button", name="Fork from step 1").first.click()
        page.get_by_label("Tell the new run first").fill("exclude watermill")
        page.get_by_role("button", name="Fork", exact=True).click()
        page.wait_for_url(lambda url: "/runs/" in url and run not in url)
        fork = page.url.rsplit("/", 1)[1].split("?")[0]
        question = page.get_by_role("button", name="Approve the plan")
        question.click()
        state_is(page, "done")
        row = research.store.get(fork)
        assert (row.parent, row.parent_step) == (run, 1)
        assert [e.to_json() for e in research.events(run)] == before, "the origin was changed"

        page.get_by_role("link", name="agentkit").click()
        page.locator(".run-line .icon").first.wait_for()
        for one in (run, fork):
            page.get_by_label(f"Choose run {one[-6:]}").check()
        page.get_by_role("button", name="Compare side by side").click()
        expect(page.get_by_role("heading", name="Two runs side by side")).to_be_visible()
        page.locator(".diff [data-op=one], .diff [data-op=two]").first.wait_for()
        expect(page.locator(".sides-list > li").first).to_be_visible()


def test_runs_are_found_by_what_they_say(research: Desk, run: str) -> None:
    with research.page() as page:
        page.keyboard.press("/")
        page.keyboard.type("tidal mill of Carn")
        page.locator(f".run-line a[href*='{run}']").wait_for()
        page.get_by_label("Search").fill("a word that nobody said")
        page.get_by_text("Nothing matches").wait_for()
        page.get_by_role("button", name="Show all runs").click()
        page.locator(f".run-line a[href*='{run}']").wait_for()


def test_a_viewer_looks_and_cannot_touch(research: Desk, run: str) -> None:
    last = research.store.last(run)
    with research.page(f"/runs/{run}", role="viewer") as page:
        page.locator(".report").wait_for()
        assert page.get_by_role("button", name="New run").count() == 0
        assert page.get_by_role("button", name="Revise").count() == 0
        assert page.locator(".judge, .task-actions").count() == 0
        expect(page.get_by_text("only an operator")).to_be_visible()
    assert research.store.last(run) == last


def test_nothing_was_asked_of_anybody_else_and_no_page_complained(research: Desk, run: str) -> None:
    assert research.asked
    assert {
        url for url in research.asked if not url.startswith((research.address, "blob:"))
    } == set()
    assert research.faults == []
