"""Chromium in a thread of its own: Playwright's objects may be touched by one thread only, so work
is handed to it and waited for. Every part of a kit shares one browser."""

from __future__ import annotations

import os
import queue
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psutil
from playwright.sync_api import Browser, Error, sync_playwright

from agentkit.errors import BackendUnavailable
from agentkit.kit import Parts
from agentkit_web.settings import BrowserSettings

T = TypeVar("T")
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-dev-shm-usage",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
)
_STARTING = 60.0  # seconds
_LONGEST = 180.0  # seconds of one piece of work


def executable(settings: BrowserSettings) -> Path:
    """Where Chromium is.

    Raises:
        BackendUnavailable: nowhere.
    """
    if settings.executable is not None:
        if settings.executable.is_file():
            return settings.executable
        raise BackendUnavailable(
            f"there is no browser at {settings.executable}", "see `executable`"
        )
    for name in NAMES:
        if found := shutil.which(name):
            return Path(found)
    raise BackendUnavailable("no Chromium is installed", "Debian: apt install chromium")


def check() -> str:
    """The doctor's look."""
    browser = Chromium(BrowserSettings())
    try:
        return f"Chromium {browser.call(lambda b: b.version)}"
    finally:
        browser.close()


def shared(parts: Parts, settings: BrowserSettings) -> Chromium:
    """The kit's browser of these settings."""
    key = f"chromium {settings.executable} {settings.sandbox}"
    return parts.share(key, lambda: Chromium(settings))


class Chromium:
    """A headless browser, started when first used, and again after it has died."""

    def __init__(self, settings: BrowserSettings) -> None:
        self._settings = settings
        self.path = executable(settings)
        self._jobs: queue.Queue[Callable[[Browser], None] | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._alive = False
        # On the command line of its first process; the others are gone with that one.
        self._mark = f"--agentkit={secrets.token_hex(8)}"

    def call(self, work: Callable[[Browser], T], seconds: float = _LONGEST) -> T:
        """Runs `work(browser)` in the browser's thread and gives what it returns.

        Args:
            seconds: after which the browser is ended: a page can hang so that nothing else helps.

        Raises:
            BackendUnavailable: the browser cannot be started, died, or did not come back.
            whatever else `work` raises.
        """
        done: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue()

        def job(browser: Browser) -> None:
            try:
                done.put((work(browser), None))
            except BaseException as error:
                done.put((None, error))

        with self._lock:
            thread = self._running()
            self._jobs.put(job)
        ends = time.monotonic() + seconds
        while True:
            try:
                result, error = done.get(timeout=0.5)
                break
            except queue.Empty:
                if not thread.is_alive():
                    raise BackendUnavailable("the browser died", "try again") from None
                if time.monotonic() > ends:
                    self.kill()
                    raise BackendUnavailable(
                        f"the browser did not come back within {seconds:.0f} s and was ended",
                        "begin again; leave out the page that hangs",
                    ) from None
        if isinstance(error, Error):
            reason = str(error).split("\n", 1)[0][:200]
            raise BackendUnavailable(f"the browser failed: {reason}", "begin again") from error
        if error is not None:
            raise error
        return result  # type: ignore[return-value]

    def kill(self) -> None:
        """Ends the browser's processes; the next call starts another one."""
        for process in psutil.Process().children(recursive=True):
            try:
                if self._mark in process.cmdline():
                    process.kill()
            except psutil.Error:
                continue
        self._alive = False

    def close(self) -> None:
        with self._lock:
            thread, self._thread = self._thread, None
            if thread is not None and thread.is_alive():
                self._jobs.put(None)
        if thread is not None:
            thread.join(timeout=20)

    # -- inside -----------------------------------------------------------------------------------

    def _running(self) -> threading.Thread:
        if self._thread is not None and self._thread.is_alive() and self._alive:
            return self._thread
        if self._thread is not None:  # its browser has died
            self._jobs.put(None)
        self._jobs = queue.Queue()
        started: queue.Queue[BaseException | None] = queue.Queue()
        self._thread = threading.Thread(
            target=self._run, args=(started, self._jobs), daemon=True, name="chromium"
        )
        self._thread.start()
        try:
            error = started.get(timeout=_STARTING)
        except queue.Empty:
            error = TimeoutError(f"not within {_STARTING:.0f} s")
        if error is not None:
            reason = " ".join(str(error).split())[:300]
            raise BackendUnavailable(f"{self.path} did not start: {reason}", "run it by hand")
        return self._thread

    def _run(
        self,
        started: queue.Queue[BaseException | None],
        jobs: queue.Queue[Callable[[Browser], None] | None],
    ) -> None:
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=self.path,
                    headless=True,
                    chromium_sandbox=_sandboxed(self._settings),
                    args=[*FLAGS, self._mark],
                )
                browser.on("disconnected", lambda _: setattr(self, "_alive", False))
                self._alive = True
                started.put(None)
                while (job := jobs.get()) is not None:
                    job(browser)
                browser.close()
        except BaseException as error:
            self._alive = False
            started.put(error)


def _sandboxed(settings: BrowserSettings) -> bool:
    if settings.sandbox != "auto":
        return settings.sandbox == "on"
    contained = any(Path(mark).exists() for mark in ("/.dockerenv", "/run/.containerenv"))
    return os.geteuid() != 0 and not contained
