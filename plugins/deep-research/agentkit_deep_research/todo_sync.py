"""A todo list kept in a file while a run works: what a person writes into it becomes a message."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from agentkit.errors import AgentkitError
from agentkit.files import write_atomic
from agentkit_deep_research.report_command import todo_of
from agentkit_deep_research.todo import render

if TYPE_CHECKING:
    from agentkit.runs.store import RunStore

EVERY = 0.3  # seconds between two looks at the file


class TodoFile:
    """One file and one run. `sync` looks at both once."""

    def __init__(self, path: Path, store: RunStore, run: str) -> None:
        self.path, self._store, self._run = path, store, run
        self._written = ""
        self._sent = ""  # the message that is waited for before the file is written again

    def sync(self) -> None:
        """Sends what was edited; writes what has changed, once the edits before were read."""
        now = self.path.read_text("utf-8") if self.path.exists() and self._written else ""
        if now and now != self._written and not self._sent:
            self._written = now
            self._sent = self._store.send(self._run, "", todo=now).id
        if self._sent and self._state(self._sent) == "waiting":
            return
        self._sent = ""
        text = render(todo_of(self._store, self._run))
        if text != self._written:
            write_atomic(self.path, text)
            self._written = text

    def _state(self, id: str) -> str:
        return next(
            (m.state for m in self._store.messages(self._run) if m.directive.id == id), "late"
        )


@contextmanager
def kept_in(path: Path | None, store: RunStore, run: str) -> Iterator[None]:
    """Keeps a run's todo list in a file for as long as the block lasts; None: does nothing."""
    if path is None:
        yield
        return
    file, over = TodoFile(path, store, run), threading.Event()

    def watch() -> None:
        while not over.wait(EVERY):
            try:
                file.sync()
            except (AgentkitError, OSError, UnicodeDecodeError):
                continue  # the run has ended, or the editor is just writing; the next look tells

    watcher = threading.Thread(target=watch, daemon=True, name="todo file")
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        write_atomic(path, render(todo_of(store, run)))
