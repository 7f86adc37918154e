"""Steering by typing: lines that a person types while a run works are messages to it.

Only while it works: when it stands still at a question, the line is the answer and is left alone.
"""

from __future__ import annotations

import select
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from agentkit.errors import UsageError

if TYPE_CHECKING:
    from agentkit.runs.agent import Run

EVERY = 0.2  # seconds between two looks


def pass_on(run: Run, stream: TextIO, wait: float = 0.0) -> str:
    """Sends a line that was typed, and gives its message's id; "" where none was, or the run does
    not work."""
    ready, _, _ = select.select([stream], [], [], wait)
    if not ready or not run.driving:
        return ""
    line = stream.readline().strip()
    with suppress(UsageError):  # it has just ended, and says so itself
        return run.send(line).id if line else ""
    return ""


@contextmanager
def steered(run: Run, stream: TextIO | None = None) -> Iterator[None]:
    """Passes on what is typed for as long as the block lasts; nothing where nobody types."""
    stream = sys.stdin if stream is None else stream
    if not stream.isatty():
        yield
        return
    over = threading.Event()

    def listen() -> None:
        while not over.is_set():
            if run.driving:
                pass_on(run, stream, EVERY)
            else:
                over.wait(EVERY)

    threading.Thread(target=listen, daemon=True, name="typed messages").start()
    try:
        yield
    finally:
        over.set()
