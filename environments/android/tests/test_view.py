"""The live view in a real browser, and who is let in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

CHROMIUM = shutil.which("chromium") or ""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(adb: Any, running: Any) -> Iterator[str]:
    env = {**os.environ, "ANDROID_ADB_SERVER_PORT": str(adb.port), "HOME": str(adb.home)}
    words = ["phone", "view", "--phone", running.serial, "--no-browser"]
    process = subprocess.Popen(
        [sys.executable, "-m", "agentkit", *words], stdout=subprocess.PIPE, text=True, env=env
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split("see it at ")[1].split()[0]
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


@pytest.fixture(scope="module")
def page(address: str) -> Iterator[Page]:
    if not CHROMIUM:
        pytest.skip("apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1100, "height": 1000})
        page.goto(address)
        page.wait_for_selector("#elements li")
        yield page
        browser.close()


def touch(page: Page, running: Any, label: str) -> None:
    """A click on the picture, where the tree says that something is."""
    item = page.locator("#elements li", has_text=label).first
    item.hover()
    box = page.locator("#outline").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def test_it_is_seen_touched_and_recorded(page: Page, running: Any) -> None:
    width = page.evaluate("document.getElementById('screen').naturalWidth")
    assert width == 1080 and "launcher" in page.inner_text("#front")
    assert "token" not in page.url
    page.fill("#goal", "Turn on airplane mode")
    page.click("#record")
    page.wait_for_selector("#record:has-text('Stop')")
    touch(page, running, "Settings")
    page.wait_for_selector("#front:has-text('com.android.settings')")
    touch(page, running, "Network & internet")
    page.wait_for_selector("#front:has-text('.Network')")
    touch(page, running, "Airplane mode")
    page.wait_for_selector("#recorded:has-text('3 steps')")
    assert running.phone.settings.get("global", "airplane_mode_on") == "1"
    page.click("text=Home")
    page.wait_for_selector("#front:has-text('launcher')")
    page.click("#record")
    with page.expect_download() as download:
        page.click("text=Save the demonstration")
    made = json.loads(download.value.path().read_text())
    assert made["goal"] == "Turn on airplane mode"
    kinds = [s["action"]["kind"] for s in made["steps"]]
    assert kinds == ["tap", "tap", "tap", "button"]
    assert made["steps"][1]["seen"]["package"] == "com.android.settings"


def test_text_is_typed_and_what_another_does_is_seen(page: Page, running: Any, adb: Any) -> None:
    adb("shell", "am start -n com.android.contacts/.Edit")
    page.wait_for_selector("#front:has-text('com.android.contacts')")
    touch(page, running, "Name")
    page.wait_for_selector("#elements li:has-text('focused')")
    page.fill("#text", "김 <b>'x'")
    page.click("button:has-text('Type')")
    page.wait_for_selector("#elements li:has-text(\"김 <b>'x'\")")
    assert page.locator("#elements li b").count() == 0  # words of the screen are no HTML
    page.click("#clear")
    page.wait_for_selector("#elements li:has-text('\"Name\"')")


def status(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> int:
    named = {k.replace("_", "-"): v for k, v in headers.items()}
    request = urllib.request.Request(url, body, named, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return int(error.code)


def test_only_who_has_the_token_is_let_in(address: str) -> None:
    base, _, token = address.partition("/?token=")
    assert status(address) == 200
    assert status(base) == 403 and status(f"{base}/?token=x") == 403
    assert status(f"{base}/state") == 403
    cookie = f"phone={token}"
    assert status(f"{base}/state", Cookie=cookie) == 200
    assert status(f"{base}/state", Cookie=cookie, Host="evil.example") == 403
    tap = b'{"kind": "tap", "x": 1, "y": 1}'
    act = f"{base}/act"
    assert status(act, "POST", tap, Cookie=cookie) == 403, "no origin"
    assert status(act, "POST", tap, Cookie=cookie, Origin="http://evil.example") == 403
    assert status(act, "POST", tap, Cookie=cookie, Origin=base) == 200
    for wrong in (b"{}", b'{"kind": "fly"}', b"\xff", b'{"kind": "tap", "x": 1e99, "y": 0}'):
        assert status(act, "POST", wrong, Cookie=cookie, Origin=base) == 400
    assert status(f"{base}/view.py", Cookie=cookie) == 404
