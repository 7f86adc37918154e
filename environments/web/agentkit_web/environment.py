"""The part: `use = "web"`, an environment."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil
from playwright.sync_api import Browser

from agentkit.capabilities import (
    Action,
    Check,
    EnvironmentInfo,
    EpisodeOver,
    Image,
    Observation,
    Perception,
    Step,
    Task,
    Text,
)
from agentkit.errors import BackendUnavailable, Unsupported, UsageError
from agentkit.kit import Parts
from agentkit_web.actions import ACTIONS
from agentkit_web.chromium import shared
from agentkit_web.gateway import Gateway
from agentkit_web.reading import unsaid
from agentkit_web.session import Seen, Session
from agentkit_web.settings import WebSettings
from agentkit_web.suites import Episode, suite_of

T = TypeVar("T")
_DOWNLOADS = Path(tempfile.gettempdir())


@dataclass(slots=True)
class Playing:
    """An episode that has begun. done: its actions, from which the same state can be reached."""

    task: Task
    seed: int
    episode: Episode
    session: Session
    done: list[Action]
    over: bool = False


class WebEnvironment:
    """A browser with tasks in it.

    In the suites "sites" and "miniwob" everything lives in this process and time stands still
    between actions: task, seed and actions decide all that is seen. So a snapshot is the way that
    led to a state, and restoring it goes that way again. The outside world ("open") cannot be
    restored, and says so.
    """

    def __init__(self, settings: WebSettings, parts: Parts) -> None:
        self.settings, self._parts = settings, parts
        self._suite = suite_of(settings)
        self._chromium = shared(parts, settings.browser)
        self._gateway = Gateway(settings.network) if settings.network else None
        self.info = EnvironmentInfo(parts.name, f"a browser: {settings.suite}", ACTIONS)
        self._perception: Perception | None = parts["perception"] if settings.perception else None
        _sweep()
        self._folder = _DOWNLOADS / f"agentkit-web-{os.getpid()}-{secrets.token_hex(8)}"
        self._now: Playing | None = None
        self._kept: dict[str, tuple[Task, int, tuple[Action, ...], str]] = {}
        self._lock = threading.RLock()

    def tasks(self, split: str) -> Sequence[Task]:
        return self._suite.tasks(split)

    def reset(self, task: Task, seed: int) -> Observation:
        with self._lock:
            self._begin(task, seed)
            return self.observe()

    def step(self, action: Action) -> Step:
        with self._lock:
            now = self._playing()
            if now.over:
                raise EpisodeOver("the episode has ended; reset first")
            if not isinstance(action, ACTIONS):
                names = ", ".join(kind.__name__ for kind in ACTIONS)
                raise UsageError(f"there is no action {type(action).__name__} here", names)

            def act(_: Browser) -> tuple[float, bool, Seen]:
                now.session.act(action)
                reward, over = now.episode.state(now.session)
                return reward, over, now.session.look()

            reward, over, seen = self._call(act)
            now.done.append(action)
            cut = not over and len(now.done) >= self.settings.steps
            now.over = over or cut
            return Step(self._observation(seen, now), reward, over, cut)

    def observe(self) -> Observation:
        with self._lock:
            now = self._playing()
            return self._observation(self._call(lambda _: now.session.look()), now)

    def check(self, task: Task) -> Check:
        with self._lock:
            now = self._playing()
            if now.task.id != task.id:
                raise UsageError(f"the episode is of {now.task.id}, not {task.id}", "reset first")
            return self._call(lambda _: now.episode.check(now.session))

    def snapshot(self) -> str:
        with self._lock:
            now = self._playing()
            if not now.episode.own:
                raise Unsupported(
                    f"environments.{self.info.name}: the outside world has no snapshots",
                    "the suites `sites` and `miniwob` have them",
                )
            name = f"s{len(self._kept)}"
            self._kept[name] = (now.task, now.seed, tuple(now.done), _digest(self.observe()))
            return name

    def restore(self, snapshot: str) -> None:
        with self._lock:
            if snapshot not in self._kept:
                raise UsageError(f"there is no snapshot {snapshot!r}", "take one with snapshot()")
            task, seed, done, seen = self._kept[snapshot]
            self._begin(task, seed)
            self.observe()  # elements are numbered when they are looked at
            for action in done:
                self.step(action)
            if _digest(self.observe()) != seen:
                raise BackendUnavailable(
                    f"the way to snapshot {snapshot} led elsewhere this time", "reset the task"
                )

    def pool(self, n: int) -> Sequence[WebEnvironment]:
        return [type(self)(self.settings, self._parts) for _ in range(n)]

    def file(self, name: str) -> bytes:
        """The content of a downloaded file.

        Raises:
            UsageError: there is none of that name.
        """
        with self._lock:
            digest = self._playing().session.downloads.get(name)
            if digest is None:
                raise UsageError(f"no file {name!r} was downloaded", "see `downloads`")
            return (self._folder / digest).read_bytes()

    def close(self) -> None:
        with self._lock:
            now, self._now = self._now, None
            if now is not None:
                try:
                    self._call(lambda _: now.session.close())
                except BackendUnavailable:
                    pass  # the browser is gone, and the session with it
            if self._gateway is not None:
                self._gateway.close()
                self._gateway = None
            shutil.rmtree(self._folder, ignore_errors=True)

    # -- inside -----------------------------------------------------------------------------------

    def _begin(self, task: Task, seed: int) -> None:
        before, self._now = self._now, None
        episode = self._suite.episode(task, seed)

        def begin(browser: Browser) -> Session:
            if before is not None:
                before.session.close()
            session = Session(
                browser,
                self.settings.browser,
                episode.sites,
                self._gateway,
                self._folder,
                picture=self.settings.picture or self._perception is not None,
            )
            episode.begin(session)
            return session

        self._now = Playing(task, seed, episode, self._call(begin), [])

    def _observation(self, seen: Seen, now: Playing) -> Observation:
        said = "".join(f"\nmessage: {message}" for message in seen.data["messages"])
        text = f"address: {seen.data['url']}\ntitle: {seen.data['title']}{said}\n{seen.tree}"
        data = {**seen.data, "steps": len(now.done), "over": now.over}
        if self._perception is not None and seen.picture:
            data["seen"] = unsaid(seen.picture, text, self._perception)
            text += "".join(f'\nin the picture: "{o["text"]}" at {o["box"]}' for o in data["seen"])
        shown = (Image(seen.picture),) if seen.picture and self.settings.picture else ()
        return Observation((Text(text), *shown), data)

    def _playing(self) -> Playing:
        if self._now is None:
            raise UsageError("no episode has begun", "call reset(task, seed) first")
        return self._now

    def _call(self, work: Callable[[Browser], T]) -> T:
        return self._chromium.call(work)


def _sweep() -> None:
    """Removes the downloads of processes that were killed; the browser ends with its process."""
    for folder in _DOWNLOADS.glob("agentkit-web-*-*"):
        pid = folder.name.split("-")[2]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _digest(seen: Observation) -> str:
    """Of all that is seen but the picture."""
    shown = repr(seen.parts[0]) + repr(sorted(seen.data.items(), key=lambda item: item[0]))
    return hashlib.sha256(shown.encode()).hexdigest()
