"""The page in a real browser: clicks, no requests, and texts that stay texts."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import sync_playwright

from agentkit_bayes_influence.findings import Finding, Row
from agentkit_bayes_influence.language import Example
from agentkit_bayes_influence.page import page

pytestmark = pytest.mark.slow

NASTY = "</script><img src=x onerror=\"document.title='struck'\">"


@pytest.mark.slow
def test_a_click_on_a_token_shows_what_taught_it(tmp_path: Path) -> None:
    rows = tuple(
        Row(Example(name, text), value, 0.05, (text,), np.array([cells]))
        for name, text, value, cells in (
            ("first", NASTY, 0.8, (np.nan, 0.3)),
            ("second", "an owl", 0.4, (0.9, np.nan)),
        )
    )
    query = Example("q", "red owl", f"Who? {NASTY}")
    path = tmp_path / "page.html"
    path.write_text(page("Why?", [Finding(query, (" red", " owl"), "", rows, {}, 2)], "settled"))
    binary = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    assert binary, "no Chromium (Debian: chromium)"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=binary, args=["--disable-gpu"], chromium_sandbox=os.geteuid() != 0
        )
        view = browser.new_page()
        view.set_default_timeout(120_000)
        asked: list[str] = []
        view.on("request", lambda request: asked.append(request.url))
        view.goto(path.as_uri())
        items = view.locator("li")
        assert items.count() == 2 and "0.80 ± 0.05" in items.nth(0).inner_text()
        assert NASTY in items.nth(0).inner_text() and view.title() == "Why?"
        view.get_by_role("button", name="red").click()
        assert items.count() == 1 and "second" in items.nth(0).inner_text()
        assert "rgba(20, 140, 60, 0.9)" in (
            view.locator(".tokens span").first.get_attribute("style") or ""
        )
        view.get_by_role("button", name="red").click()
        assert items.count() == 2
        assert asked == [path.as_uri()]
        browser.close()
