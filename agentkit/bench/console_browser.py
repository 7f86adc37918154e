"""The console as a real browser has it: how soon something is seen, how a long run scrolls, and
whether any text of others runs as a script. Needs playwright and a Chromium."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from agentkit.bench.console_attacks import XSS, Tried
from agentkit.bench.console_server import Client
from agentkit.runs.sqlite import SqliteRunStore
from agentkit.runs.store import Append, NewRun, SetStatus

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, Page

CHROMIUM = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
SIZE = {"width": 1440, "height": 900}
FRAMES = 120
PATIENCE = 120_000  # ms
SCROLL = """async (frames) => {
    const list = document.querySelector('.virtual'), took = [];
    let last = await new Promise(requestAnimationFrame);
    for (let n = 0; n < frames; n++) {
        list.scrollTop -= 300;
        const now = await new Promise(requestAnimationFrame);
        took.push(now - last);
        last = now;
    }
    return took;
}"""
# As a click on a link within the page does.
GO = "to => { history.pushState(null, '', to); dispatchEvent(new PopStateEvent('popstate')) }"
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
RAN = "document.querySelectorAll('main script, main img[onerror], main iframe, main object').length"


def available() -> bool:
    """Whether there is a browser to measure with."""
    return importlib.util.find_spec("playwright") is not None and _chromium() is not None


def _chromium() -> str | None:
    return next((found for name in CHROMIUM if (found := shutil.which(name))), None)


@contextlib.contextmanager
def opened(client: Client) -> Iterator[Page]:
    """An empty page of a browser that was let in."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_chromium(),
            args=["--disable-gpu", "--disable-background-networking"],
            chromium_sandbox=os.geteuid() != 0,
        )
        context = browser.new_context(viewport=SIZE)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        name, _, value = client.cookie.partition("=")
        context.add_cookies([{"name": name, "value": value, "url": _address(client)}])
        try:
            yield context.new_page()
        finally:
            browser.close()


def _address(client: Client) -> str:
    return f"http://127.0.0.1:{client.port}"


def seen(client: Client, run: str, events: int) -> dict[str, float]:
    """paint: seconds to the first paint of the list of runs. shown: from there to the newest event
    of a run that is opened. work: processor seconds that the page's thread took for that, which
    other work on the machine does not lengthen. frame: the 95th percentile of the seconds between
    two frames while its events scroll by. elements: what the page is made of then."""
    with opened(client) as page:
        inner = page.context.new_cdp_session(page)
        inner.send("Performance.setTimeDomain", {"timeDomain": "threadTicks"})
        inner.send("Performance.enable")

        def busy() -> float:
            told = inner.send("Performance.getMetrics")["metrics"]
            return float(next(one["value"] for one in told if one["name"] == "ThreadTime"))

        page.goto(_address(client))
        page.locator(f"a[href*='{run}']").first.wait_for()
        paint = float(page.evaluate(PAINT)) / 1000
        start, before = time.perf_counter(), busy()
        page.evaluate(GO, f"/runs/{run}?tab=timeline")
        page.locator(f".event[data-seq='{events}']").wait_for()
        shown, work = time.perf_counter() - start, busy() - before
        took = sorted(page.evaluate(SCROLL, FRAMES))
        elements = page.evaluate("document.querySelectorAll('*').length")
        frame = took[int(0.95 * (len(took) - 1))] / 1000
        seconds = {"paint": paint, "shown": shown, "work": work, "frame": frame}
        return {**seconds, "elements": float(elements)}


def texts(client: Client, store: SqliteRunStore) -> Tried:
    """A run whose every text is an attack, looked at on all its sides."""
    run = hostile(store)
    through: list[str] = []
    with opened(client) as page:
        page.on("dialog", lambda one: _dialog(one, through))
        page.on("request", lambda one: _foreign(client, one.url, through))
        page.on("pageerror", lambda one: through.append(f"error {one}"))
        for path in ("/", *(f"/runs/{run}?tab={tab}" for tab in ("timeline", "report", "files"))):
            page.goto(f"{_address(client)}{path}")
            page.locator("main > *").first.wait_for()
            page.get_by_text("alert(1)").first.wait_for()
            page.wait_for_timeout(500)
            if made := page.evaluate(RAN):
                through.append(f"{made} elements on {path}")
    return Tried(len(XSS), tuple(through))


def _dialog(one: Dialog, through: list[str]) -> None:
    through.append(f"dialog {one.message}")
    one.dismiss()


def _foreign(client: Client, url: str, through: list[str]) -> None:
    if not url.startswith((_address(client), "blob:")):
        through.append(f"request {url[:80]}")


def hostile(store: SqliteRunStore) -> str:
    """A finished run of such texts: its task, todo list, evidence, messages, answers."""
    run = store.create(NewRun("research", XSS[0], {"question": XSS[0]}, 0)).id
    lease = store.take(run, 600.0)
    store.write(lease, SetStatus("running"), Append("node.entered", {}, "1:work"))
    for number, text in enumerate(XSS):
        span: dict[str, Any] = {"id": f"s{number}", "facet": 0, "task": f"T{number}", "text": text}
        where = {"source": text, "document": text, "title": text, "uri": text, "heading": [text]}
        store.write(
            lease,
            Append("todo.changed", {"id": f"T{number}", "title": text, "reason": text}, "1:work"),
            Append("evidence.added", {**span, **where}, "1:work"),
            Append("warning", {"text": text}, "1:work"),
        )
    store.write(lease, SetStatus("done", result={"report": "\n\n".join(XSS)}))
    store.release(lease)
    return run
