"""Progress on standard error: one line that moves on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from types import FrameType

from agentkit.capabilities.language_model import Cancel
from agentkit.cli.context import aside, note

SECONDS = 5.0  # between two lines where there is no terminal


class LineProgress:
    """A `Progress` for people. See `progress`."""

    def __init__(self, title: str) -> None:
        self.cancel = Cancel()
        self._title = title
        self._shown = time.monotonic()
        self._started = self._shown
        self._live = sys.stderr.isatty()
        self._wide = 0

    def update(self, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None:
        now = time.monotonic()
        if not self._live and (now - self._shown < SECONDS or step >= total):
            return
        self._shown = now
        left = (now - self._started) / step * (total - step) if step else 0.0
        line = f"{self._title}: {step} of {total}"
        if step and step < total:
            line += f"  about {left:.0f} s left"
        numbers = (f"  {name} {value:.4g}" for name, value in (metrics or {}).items())
        self._write(line + "".join(numbers))

    def bytes(self, what: str, done: int, total: int) -> None:
        """Work that is counted in bytes; a total of 0 is unknown."""
        now = time.monotonic()
        if now - self._shown < (0.1 if self._live else SECONDS):
            return
        self._shown = now
        line = f"{self._title}: {what}" + (f" {done >> 20} of {total >> 20} MiB" if total else "")
        self._write(line)

    def _write(self, line: str) -> None:
        if self._live:
            # A line that wraps could not be written over: what comes first is what is shown.
            line = line[: shutil.get_terminal_size().columns - 1]
            sys.stderr.write(f"\r{line:<{self._wide}}")
            self._wide = len(line)
        else:
            sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    def examples(self, step: int, ids: Iterable[str]) -> None:
        """Which examples a step used is for records, not for the screen."""

    def done(self) -> None:
        if self._live and self._wide:
            sys.stderr.write("\r" + " " * self._wide + "\r")


@contextlib.contextmanager
def progress(title: str) -> Iterator[LineProgress]:
    """Ctrl-C sets the progress's `cancel`, so that work stops at its next border; a second one
    stops at once."""
    made = LineProgress(title)

    def stop(signum: int, frame: FrameType | None) -> None:
        if made.cancel:
            raise KeyboardInterrupt
        made.cancel.set()
        aside(partial(note, "\nstopping at the next border; Ctrl-C again stops at once"))

    old = signal.signal(signal.SIGINT, stop)
    try:
        yield made
    finally:
        signal.signal(signal.SIGINT, old)
        made.done()
