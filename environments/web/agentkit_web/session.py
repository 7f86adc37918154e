"""One browsing session: a context of the browser, its tabs, and what may leave it.

All methods run in the browser's thread. Sites of a task are answered from here, without a network;
everything else goes through the gateway, or nowhere. A request that changes something (not GET,
HEAD or OPTIONS) leaves for the outside only while a `submit` is carried out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Dialog, Error, Locator, Page, Route
from playwright.sync_api import Download as Downloaded

from agentkit_web import actions as act
from agentkit_web.gateway import Gateway
from agentkit_web.settings import BrowserSettings
from agentkit_web.tree import elements, without_boxes

_ID = re.compile(r"(f\d+)?e\d+")
_PATIENCE = 3000  # ms for an element to become ready
_HANGING = 5000  # ms in which a page answers at all
_LOADING = 15_000  # ms for a page
_HARMLESS = ("GET", "HEAD", "OPTIONS")
_LONGEST_TREE = 60_000  # characters
_LARGEST_FILE = 50_000_000  # bytes of a download
_BEGINNING = "2024-05-01T09:00:00"  # of the time in a task's own sites


@dataclass(frozen=True, slots=True)
class Response:
    """What a task's own site answers."""

    body: bytes | str = ""
    status: int = 200
    media_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


class Site(Protocol):
    """A site that lives in this process. Its state is JSON."""

    def respond(self, method: str, path: str, query: str, body: str) -> Response: ...


@dataclass(slots=True)
class Seen:
    """What is seen: as data, as a tree for a model, as a picture."""

    data: dict[str, Any]
    tree: str
    picture: bytes | None


class Session:
    """See the module. settled: what is done after each action until the page is at rest."""

    def __init__(
        self,
        browser: Browser,
        settings: BrowserSettings,
        sites: Mapping[str, Site],
        gateway: Gateway | None,
        folder: Path,
        *,
        picture: bool = True,
        scripts: tuple[str, ...] = (),
    ) -> None:
        self._sites, self._gateway, self._folder = sites, gateway, folder
        self._picture = picture
        self._own_time = gateway is None
        self._submitting = False
        self.messages: list[str] = []
        self.downloads: dict[str, str] = {}
        self.answer: str | None = None
        self.context: BrowserContext = browser.new_context(
            viewport={"width": settings.width, "height": settings.height},
            proxy=gateway.proxy if gateway else None,
            service_workers="block",
            accept_downloads=True,
            locale="en-GB",
            timezone_id="UTC",
            reduced_motion="reduce",
        )
        self.context.set_default_timeout(_PATIENCE)
        self.context.set_default_navigation_timeout(_LOADING)
        self.context.route("**/*", self._route)
        self.context.route_web_socket("**/*", lambda socket: socket.close())
        self.context.on("page", self._opened)
        for script in scripts:
            self.context.add_init_script(script)
        if self._own_time:
            self.context.clock.install(time=_BEGINNING)
            self.context.clock.pause_at(_BEGINNING)
        self.page: Page = self.context.new_page()

    def close(self) -> None:
        try:
            self.context.close()
        except Error:
            pass

    # -- looking ----------------------------------------------------------------------------------

    def look(self) -> Seen:
        """What is there now; changes nothing."""
        tree = self._tree()
        tabs = self.context.pages
        data = {
            "url": self.page.url,
            "title": self.page.title(),
            "elements": [one.plain() for one in elements(tree)],
            "tabs": [tab.url for tab in tabs],
            "tab": tabs.index(self.page),
            "downloads": dict(self.downloads),
            "messages": list(self.messages),
        }
        picture = self.page.screenshot(animations="disabled") if self._picture else None
        return Seen(data, without_boxes(tree)[:_LONGEST_TREE], picture)

    def _tree(self) -> str:
        try:
            return self.page.aria_snapshot(mode="ai", boxes=True)
        except Error as error:
            return f"# the page cannot be read: {_short(error)}"

    # -- acting -----------------------------------------------------------------------------------

    def goto(self, url: str) -> None:
        """Opens an address; what went wrong is a message."""
        if urlsplit(url).scheme not in ("http", "https"):
            self._say(f"only http and https are opened, not {url[:80]!r}")
            return
        try:
            self.page.goto(url, wait_until="domcontentloaded")
        except Error as error:
            self._say(f"{url[:200]} was not opened: {_short(error)}")
        self.settle()

    def act(self, action: Any) -> None:
        """Carries out one action; what went wrong is a message, as for a person."""
        self.messages = []
        try:
            self._act(action)
        except Error as error:
            self._say(f"{action.kind} did not work: {_short(error)}")
        finally:
            self._submitting = False
        self.settle()

    def _act(self, action: Any) -> None:
        match action:
            case act.Goto():
                self.goto(action.url)
            case act.Click():
                if element := self._element(action.element):
                    element.click(click_count=2 if action.double else 1)
            case act.Submit():
                self._submitting = True
                if element := self._element(action.element):
                    element.click()
                    self.settle()
            case act.Type():
                if element := self._element(action.element):
                    element.fill(action.text)
            case act.Press():
                self.page.keyboard.press(action.key)
            case act.Select():
                if element := self._element(action.element):
                    element.select_option(label=action.option)
            case act.Scroll():
                sign = 1 if action.direction == "down" else -1
                self.page.evaluate(
                    "part => window.scrollBy(0, part * window.innerHeight)", sign * action.windows
                )
            case act.Drag():
                one, other = self._element(action.element), self._element(action.onto)
                if one and other:
                    one.drag_to(other)
            case act.Download():
                if element := self._element(action.element):
                    with self.page.expect_download(timeout=_PATIENCE):
                        element.click()
            case act.Back():
                self.page.go_back(wait_until="domcontentloaded")
            case act.Tab():
                self._tab(action.what, action.number)
            case act.Wait():
                self._pass(action.seconds)
            case act.Answer():
                self.answer = action.text

    def settle(self) -> None:
        """Until the page is at rest. In a task's own sites time stands still otherwise, so that the
        same actions always lead to the same page. A page that hangs is closed."""
        try:
            self.page.wait_for_function("() => true", polling=50, timeout=_HANGING)
        except Error:
            self._say(f"the page {self.page.url[:200]} hangs and was closed")
            hanging, self.page = self.page, self.context.new_page()
            hanging.close()
            return
        try:
            self.page.wait_for_load_state("domcontentloaded")
            if self._own_time:
                self._pass(0.5)
            else:
                self.page.wait_for_load_state("networkidle", timeout=2000)
        except Error:
            pass  # a page that never rests is looked at as it is

    def _pass(self, seconds: float) -> None:
        if self._own_time:
            self.context.clock.run_for(round(seconds * 1000))
        else:
            self.page.wait_for_timeout(seconds * 1000)

    def _element(self, name: str) -> Locator | None:
        try:
            if _ID.fullmatch(name):  # anything else would be a selector
                found = self.page.locator(f"aria-ref={name}")
                if found.count() == 1:
                    return found
        except Error:
            pass
        self._say(f"there is no element {name} any more")
        return None

    def _tab(self, what: str, number: int) -> None:
        tabs = self.context.pages
        if what == "open":
            if len(tabs) < 8:
                self.page = self.context.new_page()
            else:
                self._say("no more than 8 tabs")
        elif number >= len(tabs):
            self._say(f"there is no tab {number}")
        elif what == "show":
            self.page = tabs[number]
        elif len(tabs) == 1:
            self._say("the last tab stays open")
        else:
            tabs[number].close()
            if self.page == tabs[number]:
                self.page = self.context.pages[-1]

    # -- what the browser tells -------------------------------------------------------------------

    def _opened(self, page: Page) -> None:
        page.on("dialog", self._dialog)
        page.on("download", self._download)
        self.page = page  # what a click opens is what is looked at

    def _dialog(self, dialog: Dialog) -> None:
        self._say(f"the page said: {dialog.message[:500]}")
        dialog.dismiss() if dialog.type == "beforeunload" else dialog.accept()

    def _download(self, download: Downloaded) -> None:
        """Kept under its hash: names come from outside."""
        name = Path(download.suggested_filename).name[:200] or "file"
        try:
            path = Path(download.path())
            if path.stat().st_size > _LARGEST_FILE:
                self._say(f"{name} is larger than {_LARGEST_FILE:,} bytes and was left out")
                return
            data = path.read_bytes()
        except (Error, OSError) as error:
            self._say(f"{name} was not downloaded: {_short(error)}")
            return
        digest = hashlib.sha256(data).hexdigest()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._folder / digest).write_bytes(data)
        self.downloads[name] = digest

    def _route(self, route: Route) -> None:
        """Every request: a task's own site, the gateway, or nowhere."""
        request = route.request
        parts = urlsplit(request.url)
        site = self._sites.get(parts.hostname or "")
        if site is not None:
            answer = _answered(site.respond, request.method, parts.path, parts.query,
                               request.post_data or "")  # fmt: skip
            route.fulfill(
                status=answer.status,
                body=answer.body,
                headers={"content-type": answer.media_type, **answer.headers},
            )
        elif parts.scheme in ("data", "blob", "about"):
            route.continue_()
        elif self._gateway is None:
            self._say(f"{parts.hostname} cannot be reached from here")
            route.abort("addressunreachable")
        elif request.method not in _HARMLESS and not self._submitting:
            self._say(f"a {request.method} to {parts.hostname} was held back; use submit for it")
            route.abort("blockedbyclient")
        else:
            route.continue_()

    def _say(self, message: str) -> None:
        if message not in self.messages and len(self.messages) < 20:
            self.messages.append(message)


def _answered(
    respond: Callable[[str, str, str, str], Response], method: str, path: str, query: str, body: str
) -> Response:
    """A site that fails answers as servers do."""
    try:
        return respond(method, path, query, body)
    except Exception as error:
        return Response(f"{type(error).__name__}: {error}", 500, "text/plain")


def _short(error: BaseException) -> str:
    """Playwright's messages begin with what happened; its log of tries follows."""
    text = str(error).split("\nCall log", 1)[0].split("\n", 1)[0]
    return text.rpartition("Error: ")[2][:200] or type(error).__name__
