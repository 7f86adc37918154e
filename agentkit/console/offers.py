"""What plugins offer for a run, asked one by one, so that a fault of one is its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from agentkit.console.faults import missing
from agentkit.console.fold import Folds
from agentkit.console.views import Export, Look, Screen, Views
from agentkit.errors import AgentkitError, PluginError
from agentkit.kit import Kit
from agentkit.registry import Registration
from agentkit.runs.export import export
from agentkit.runs.store import RunStore

PLAIN = {
    "jsonl": ("Events, JSONL", "이벤트, JSONL", "application/jsonl"),
    "md": ("Run, Markdown", "실행, Markdown", "text/markdown"),
    "html": ("Run, HTML", "실행, HTML", "text/html"),
}
LOG = logging.getLogger("agentkit.console")
T = TypeVar("T")


class Offers:
    """All registered views."""

    def __init__(self, kit: Kit, store: RunStore, folds: Folds) -> None:
        self._kit, self._store, self._folds = kit, store, folds
        self._made: dict[str, Views] = {}
        self._lock = threading.Lock()

    def _all(self) -> Iterator[tuple[Registration, Views | Exception]]:
        for entry in self._kit.host.registry.all("views"):
            with self._lock:
                try:
                    if entry.name not in self._made:
                        self._made[entry.name] = entry.load()()
                    views: Views | Exception = self._made[entry.name]
                except Exception as error:
                    views = error
            yield entry, views

    def _look(self, run: str) -> Look:
        fold = self._folds.get(run)
        return Look(self._kit, self._store, self._store.get(run), fold.tree.root)

    def _ask(
        self, run: str, what: Callable[[Views, Look], T]
    ) -> Iterator[tuple[Registration, T | Exception]]:
        look = self._look(run)
        for entry, views in self._all():
            if isinstance(views, Exception):
                yield entry, views
                continue
            try:
                yield entry, what(views, look)
            except Exception as error:
                LOG.warning("views %s of %s: %s", entry.name, entry.plugin, error)
                yield entry, error

    # -- what there is ----------------------------------------------------------------------------

    def report(self, run: str) -> Any:
        """The run's report. Raises Refusal where it has none."""
        made = self._first(run, lambda views, look: views.report(look))
        if made is None:
            raise missing("there is no report yet")
        return made

    def revise(self, run: str, text: str) -> str | None:
        """A new run that writes the report again, None where no plugin can."""
        return self._first(run, lambda views, look: views.revise(look, text))

    def _first(self, run: str, what: Callable[[Views, Look], T | None]) -> T | None:
        """What the first plugin gives that gives anything. Raises what one had to say against it
        where none does; what merely crashed is in the log."""
        against: AgentkitError | None = None
        for _, made in self._ask(run, what):
            if isinstance(made, AgentkitError):
                against = against or (None if isinstance(made, PluginError) else made)
            elif made is not None and not isinstance(made, Exception):
                return made
        if against is not None:
            raise against
        return None

    def panels(self, run: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for entry, made in self._ask(run, lambda views, look: list(views.panels(look))):
            one = {"name": entry.name, "plugin": entry.plugin, "title": entry.summary}
            if isinstance(made, Exception):
                fault = f"{type(made).__name__}: {made}"[:300]
                found.append({**one, "error": fault, "blocks": []})
                continue
            for panel in made:
                name = f"{entry.name}.{panel.name}"
                blocks = [dict(block) for block in panel.blocks]
                shown = {"name": name, "title": panel.title, "error": "", "blocks": blocks}
                found.append({**one, **shown})
        return found

    def exports(self, run: str) -> dict[str, Export]:
        """By name, those that any run has first."""
        found = {one.name: one for one in map(partial(self._plain, run), PLAIN)}
        for _, made in self._ask(run, lambda views, look: list(views.exports(look))):
            if not isinstance(made, Exception):
                found |= {one.name: one for one in made}
        return found

    def _plain(self, run: str, form: str) -> Export:
        """The run itself in one of the host's own formats."""
        title, korean, media = PLAIN[form]
        return Export(
            f"run.{form}",
            title,
            media,
            lambda: export(self._store, run, form).encode(),
            {"ko": korean},
        )

    def screens(self, run: str) -> dict[str, Screen]:
        found: dict[str, Screen] = {}
        for _, made in self._ask(run, lambda views, look: list(views.screens(look))):
            if not isinstance(made, Exception):
                found |= {one.name: one for one in made}
        return found
