"""Suites of tasks: what an episode begins with, and how it is judged."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Protocol
from urllib.parse import urlsplit

from agentkit.capabilities import Check, Task
from agentkit.errors import ConfigError, PluginError, UsageError
from agentkit.seeds import derive
from agentkit_web.session import Response, Session, Site
from agentkit_web.settings import WebSettings
from agentkit_web.sites.templates import BY_NAME, KINDS, TEMPLATES, Outcome, State, begin

SPLITS = ("train", "validation", "test")
_INSTANCES = {"train": 3, "validation": 1, "test": 2}  # of each template
_MINIWOB = "miniwob.test"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".png": "image/png",
    ".gif": "image/gif",
    ".svg": "image/svg+xml",
}


class Episode(Protocol):
    """One task as it is being done. own: whether all of it lives in this process."""

    sites: dict[str, Site]
    own: bool

    def begin(self, session: Session) -> None: ...

    def state(self, session: Session) -> tuple[float, bool]:
        """(reward so far, whether the task itself says that it is over)."""
        ...

    def check(self, session: Session) -> Check: ...


class Suite(Protocol):
    def tasks(self, split: str) -> Sequence[Task]: ...

    def episode(self, task: Task, seed: int) -> Episode: ...


def suite_of(settings: WebSettings) -> Suite:
    """The suite that the settings name.

    Raises:
        ConfigError: it lacks something, or has no such template.
        PluginError: the package miniwob is not installed.
    """
    if settings.suite == "sites":
        return Sites(settings.templates)
    if settings.suite == "miniwob":
        return MiniWob(settings.templates)
    return Open(settings)


def _split(split: str) -> str:
    if split not in SPLITS:
        raise UsageError(f"there is no split {split!r}", f"one of: {', '.join(SPLITS)}")
    return split


# -- the small sites ------------------------------------------------------------------------------


class Sites:
    """Ten kinds of tasks on three small sites."""

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        if unknown := sorted(set(names) - set(BY_NAME)):
            raise ConfigError(
                f"there is no template {unknown[0]!r}", f"one of: {', '.join(BY_NAME)}"
            )
        self._templates = [t for t in TEMPLATES if not names or t.name in names]

    def tasks(self, split: str) -> list[Task]:
        made = []
        for number in range(_INSTANCES[_split(split)]):
            for template in self._templates:
                name = f"{template.name}-{split}-{number}"
                _, data = begin(template, Random(derive(0, name)))
                goal = template.goal.format(**data)
                where = f"http://{template.site}/"
                made.append(Task(name, f"{goal} ({where})", split, template.name, data))
        return made

    def episode(self, task: Task, seed: int) -> Episode:
        if task.template not in BY_NAME:
            raise UsageError(f"there is no task {task.id!r} here", "take one of `tasks`")
        return _SiteEpisode(task)


class _SiteEpisode:
    own = True

    def __init__(self, task: Task) -> None:
        self._template = BY_NAME[task.template]
        self._start, _ = begin(self._template, Random(derive(0, task.id)))
        self._data: State = dict(task.data)
        self._state = copy.deepcopy(self._start)
        self.sites: dict[str, Site] = {self._template.site: KINDS[self._template.site](self._state)}

    def begin(self, session: Session) -> None:
        session.goto(f"http://{self._template.site}/")

    def state(self, session: Session) -> tuple[float, bool]:
        over = session.answer is not None
        return (self.check(session).score if over else 0.0), over

    def check(self, session: Session) -> Check:
        outcome = Outcome(self._state, dict(session.downloads), session.answer)
        done, reason = self._template.done(outcome, self._start, self._data)
        return Check(1.0 if done else 0.0, (reason,))


# -- MiniWoB++ ------------------------------------------------------------------------------------


class MiniWob:
    """The tasks of the package miniwob, from its own pages, with their own reward. Splits are of
    seeds: a task's problem is made from its split and the episode's seed."""

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        spec = importlib.util.find_spec("miniwob")  # found, not imported: only its pages are used
        if spec is None or spec.origin is None:
            raise PluginError("MiniWoB++ needs the package miniwob", "pip install miniwob")
        self._folder = Path(spec.origin).parent / "html"
        every = sorted(path.stem for path in (self._folder / "miniwob").glob("*.html"))
        if unknown := sorted(set(names) - set(every)):
            raise ConfigError(f"MiniWoB++ has no task {unknown[0]!r}", f"for example {every[0]}")
        self._names = [name for name in every if not names or name in names]

    def tasks(self, split: str) -> list[Task]:
        return [
            Task(f"{name}-{_split(split)}", f"Do what the page says ({name}).", split, name)
            for name in self._names
        ]

    def episode(self, task: Task, seed: int) -> Episode:
        return _MiniWobEpisode(self._folder, task, derive(seed, task.split, 0))


class _MiniWobEpisode:
    own = True

    def __init__(self, folder: Path, task: Task, seed: int) -> None:
        self._task, self._seed = task, seed
        self.sites: dict[str, Site] = {_MINIWOB: _Folder(folder)}

    def begin(self, session: Session) -> None:
        session.goto(f"http://{_MINIWOB}/miniwob/{self._task.template}.html")
        # Episodes end after ten seconds of a clock that stands still here; so not in the middle.
        session.page.evaluate(
            "seed => { core.EPISODE_MAX_TIME = 1e9; Math.seedrandom(seed);"
            " core.startEpisodeReal() }",
            str(self._seed),
        )
        session.page.add_style_tag(content="#reward-display { display: none !important }")
        session.settle()

    def state(self, session: Session) -> tuple[float, bool]:
        raw, over = self._reward(session)
        return raw, over or session.answer is not None

    def check(self, session: Session) -> Check:
        raw, over = self._reward(session)
        told = f"the page gives {raw:g}" if over else "the page gives no reward yet"
        return Check(max(0.0, min(1.0, raw)), (told,))

    @staticmethod
    def _reward(session: Session) -> tuple[float, bool]:
        found: Any = session.page.evaluate(
            "() => typeof WOB_DONE_GLOBAL === 'undefined' ? [0, false]"
            " : [WOB_RAW_REWARD_GLOBAL, WOB_DONE_GLOBAL]"
        )
        return float(found[0]), bool(found[1])


class _Folder:
    """Files of a folder as a site."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def respond(self, method: str, path: str, query: str, body: str) -> Response:
        file = (self._folder / path.lstrip("/")).resolve()
        if not file.is_relative_to(self._folder) or not file.is_file():
            return Response("not found", 404, "text/plain")
        kind = _TYPES.get(file.suffix, "application/octet-stream")
        return Response(file.read_bytes(), 200, kind)


# -- goals of one's own ---------------------------------------------------------------------------


class Open:
    """Goals on hosts that the settings allow. Nothing judges them: a task is over when the agent
    answers, and its check says only whether it did."""

    def __init__(self, settings: WebSettings) -> None:
        if not settings.goals or not settings.start or settings.network is None:
            raise ConfigError(
                'suite = "open" needs `goals`, `start` and `network`',
                'for example network = { hosts = ["*.example.org"] }',
            )
        self._start, self._goals = settings.start, settings.goals
        self._host = urlsplit(settings.start).hostname or ""

    def tasks(self, split: str) -> list[Task]:
        return [
            Task(f"goal-{_split(split)}-{number}", goal, split, "open")
            for number, goal in enumerate(self._goals)
        ]

    def episode(self, task: Task, seed: int) -> Episode:
        return _OpenEpisode(self._start)


class _OpenEpisode:
    own = False

    def __init__(self, start: str) -> None:
        self._start = start
        self.sites: dict[str, Site] = {}

    def begin(self, session: Session) -> None:
        session.goto(self._start)

    def state(self, session: Session) -> tuple[float, bool]:
        return 0.0, session.answer is not None

    def check(self, session: Session) -> Check:
        if session.answer is None:
            return Check(0.0, ("no answer was given",))
        return Check(1.0, ("an answer was given; nobody has judged it",))
