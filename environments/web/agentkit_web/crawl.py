"""Reading a website with the browser: from the start addresses along links, within limits, each
page as it stands after its scripts have run."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit
from urllib.robotparser import RobotFileParser

from playwright.sync_api import Browser, BrowserContext, Error, Page, Route

from agentkit.capabilities import Cancel, OnProgress
from agentkit.errors import AgentkitError, Blocked, RunInterrupted
from agentkit.fetching import Fetcher
from agentkit.files import write_atomic
from agentkit_web.gateway import Gateway
from agentkit_web.settings import SiteSettings

AGENT = "agentkit"
_HANGING = 5000  # ms in which a page answers at all
_MAY_CHANGE = "() => !!document.querySelector('script, [onload], iframe, frame')"
_SKIPPED = ("image", "media", "font", "websocket", "manifest")
_OTHER = (".pdf", ".txt", ".md", ".csv")  # read without the browser
_NOT_READ = tuple(
    ".png .jpg .jpeg .gif .svg .webp .ico .css .js .zip .gz .tar .exe .dmg .mp3 .mp4 .webm .woff "
    ".woff2 .ttf .iso .deb .rpm".split()
)


@dataclass(slots=True)
class Site:
    """What was read. pages: file to address; faults: address to reason; refused: whether the rules
    were what kept all of it out."""

    pages: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    refused: bool = False

    def save(self, file: Path) -> None:
        plain = {"pages": self.pages, "titles": self.titles, "faults": self.faults}
        write_atomic(file, json.dumps({**plain, "refused": self.refused}, ensure_ascii=False))

    @property
    def notes(self) -> list[tuple[str, str]]:
        """(address, why it was not read)."""
        return list(self.faults.items())

    @classmethod
    def load(cls, file: Path) -> Site | None:
        """What was saved; None where nothing was, or it is damaged."""
        try:
            plain: Any = json.loads(file.read_text("utf-8"))
            return cls(plain["pages"], plain["titles"], plain["faults"], plain["refused"])
        except (OSError, ValueError, KeyError, TypeError):
            return None


class Crawler:
    """Reads one site into a folder."""

    def __init__(self, settings: SiteSettings, gateway: Gateway, folder: Path) -> None:
        self._settings, self._gateway, self._folder = settings, gateway, folder
        self._fetcher = Fetcher(settings.fetch)
        self._robots: dict[str, RobotFileParser] = {}
        self._context: BrowserContext | None = None
        started = {urlsplit(url).hostname or "" for url in settings.start}
        self._hosts = settings.hosts or tuple(sorted(started))

    def read(
        self,
        call: Callable[[Callable[[Browser], Any]], Any],
        on_progress: OnProgress | None = None,
        cancel: Cancel | None = None,
    ) -> Site:
        """Reads all pages that the settings allow; a page that fails costs itself only.

        Args:
            call: runs work in the browser's thread, one page at a time, so that others get on.
            on_progress: told before each page (pages done, of at most, address).

        Raises:
            RunInterrupted: by `cancel`, between two pages.
        """
        site, seen = Site(), set[str]()
        waiting = deque((self._plain(url), 0) for url in self._settings.start)
        refused = 0
        while waiting and len(site.pages) + len(site.faults) < self._settings.pages:
            url, depth = waiting.popleft()
            if url in seen:
                continue
            seen.add(url)
            if cancel:
                call(self._close)
                raise RunInterrupted("reading the site was interrupted")
            if on_progress is not None:
                done = len(site.pages) + len(site.faults)
                on_progress(done, min(self._settings.pages, len(seen) + len(waiting)), url)
            try:
                self._permit(url)
                links = self._page(url, site, call)
            except Blocked as error:
                refused += 1
                site.faults[url] = error.message
                continue
            except AgentkitError as error:
                site.faults[url] = error.message
                continue
            if depth < self._settings.depth:
                waiting.extend((link, depth + 1) for link in links if link not in seen)
        if self._context is not None:
            call(self._close)
        site.refused = not site.pages and refused > 0 and refused == len(site.faults)
        return site

    # -- inside -----------------------------------------------------------------------------------

    def _page(
        self, url: str, site: Site, call: Callable[[Callable[[Browser], Any]], Any]
    ) -> list[str]:
        """Stores one page, and gives its links that may be followed."""
        name = hashlib.sha256(url.encode()).hexdigest()[:24]
        if urlsplit(url).path.lower().endswith(_OTHER):
            file = name + Path(urlsplit(url).path).suffix.lower()
            write_atomic(self._folder / file, self._fetcher.get(url).body)
            site.pages[file] = url
            return []
        html, address, title, links = call(lambda browser: self._render(browser, url))
        address = self._plain(address)
        if not self._wanted(address):
            raise Blocked(f"it leads to {urlsplit(address).hostname}, which is not to be read")
        if address in site.pages.values():
            return []
        write_atomic(self._folder / f"{name}.html", html)
        site.pages[f"{name}.html"] = address
        site.titles[address] = title
        plain = (self._plain(urljoin(address, link)) for link in links)
        return [link for link in dict.fromkeys(plain) if self._wanted(link)]

    def _opened(self, browser: Browser) -> BrowserContext:
        """One context for the whole site; another one where the browser was started anew."""
        if self._context is None or self._context.browser is not browser:
            self._context = browser.new_context(
                proxy=self._gateway.proxy,
                service_workers="block",
                accept_downloads=False,
                user_agent=f"Mozilla/5.0 (compatible; {AGENT})",
            )
            self._context.route("**/*", _only_to_read)
            self._context.route_web_socket("**/*", lambda socket: socket.close())
        return self._context

    def _close(self, _: Browser) -> None:
        context, self._context = self._context, None
        if context is not None:
            try:
                context.close()
            except Error:
                pass

    def _render(self, browser: Browser, url: str) -> tuple[str, str, str, list[str]]:
        """(HTML, address, title, links) of a page after its scripts have run."""
        before = self._gateway.refusals
        page = self._opened(browser).new_page()
        page.on("dialog", lambda dialog: dialog.dismiss())
        try:
            milliseconds = self._settings.fetch.seconds * 1000
            answer = page.goto(url, wait_until="domcontentloaded", timeout=milliseconds)
            status = answer.status if answer else 0
            if status >= 400:
                self._blame(url, status, before)
            _answers(page)
            if page.evaluate(_MAY_CHANGE):
                self._rest(page)
                _answers(page)
            html = page.content()
            if len(html.encode()) > self._settings.fetch.bytes:
                raise AgentkitError(f"the page has more than {self._settings.fetch.bytes:,} bytes")
            links = page.evaluate(
                "() => [...document.querySelectorAll('a[href]')].slice(0, 2000).map(a => a.href)"
            )
            return html, page.url, page.title(), [str(link) for link in links]
        except Error as error:
            first = str(error).split("\n", 1)[0].rpartition("Error: ")[2]
            reason = first.removeprefix("Page.goto: ")[:200]
            raise AgentkitError(f"the page was not read: {reason}") from error
        finally:
            try:
                page.close()
            except Error:
                pass

    def _rest(self, page: Page) -> None:
        try:
            page.wait_for_load_state("networkidle", timeout=self._settings.wait * 1000)
        except Error:
            pass  # a page that never rests is read as it is

    def _blame(self, url: str, status: int, before: int) -> None:
        ours = self._gateway.refused[-1:] if self._gateway.refusals > before else []
        if status == 403 and ours:
            raise Blocked(ours[-1])
        if status in (401, 403, 451):
            raise Blocked(f"{urlsplit(url).hostname} refuses ({status})")
        reason = ours[-1] if ours else f"{urlsplit(url).hostname} answers {status}"
        raise AgentkitError(reason)

    def _permit(self, url: str) -> None:
        """What the rules and the site's own wishes say before anything is opened."""
        self._gateway.gate.url(url)
        if not self._settings.robots:
            return
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._robots:
            wishes = RobotFileParser()
            try:
                wishes.parse(self._fetcher.get(f"{origin}/robots.txt", types=()).text.splitlines())
            except AgentkitError:
                wishes.parse([])
            self._robots[origin] = wishes
        if not self._robots[origin].can_fetch(AGENT, url):
            raise Blocked("the site's robots.txt asks not to read it")

    def _wanted(self, url: str) -> bool:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        return (
            parts.scheme in ("http", "https")
            and any(fnmatchcase(host, glob.lower()) for glob in self._hosts)
            and not parts.path.lower().endswith(_NOT_READ)
            and len(url) <= 2000
        )

    @staticmethod
    def _plain(url: str) -> str:
        """An address without the part behind #."""
        plain = urldefrag(url)[0]
        return plain if urlsplit(plain).path else f"{plain}/"


def _only_to_read(route: Route) -> None:
    """Pages are read, never acted on: what would change something, and what is only for the eye,
    is not asked for."""
    request = route.request
    if request.resource_type in _SKIPPED or request.method not in ("GET", "HEAD", "OPTIONS"):
        route.abort("blockedbyclient")
    else:
        route.continue_()


def _answers(page: Page) -> None:
    """Raises playwright's Error where a script never ends: `evaluate` would wait for ever."""
    page.wait_for_function("() => true", polling=50, timeout=_HANGING)
