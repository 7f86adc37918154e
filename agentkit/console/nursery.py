"""Begins the processes of runs quickly: a process that has loaded what all of them need, and forks.

    {"run": "…", "folder": "…", …}      one line on standard input for each, see `worker`

It reads no settings and builds no part, so it has one thread and holds nothing that could not be
shared. When the server ends, so does it; the runs that it began go on.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LOADED = (
    "agentkit.console.worker",
    "agentkit.runs.drive",
    "agentkit.runs.graph",
    "agentkit.runs.checkpoint",
    "agentkit.runs.runtime",
    "langgraph.graph",
    "langgraph.errors",
    "langgraph.runtime",
    "langgraph.types",
)


class Nursery:
    """The server's side. A worker that cannot be begun by a fork is begun as a program."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def warm(self) -> None:
        """Begins to load, so that the first run need not wait for it."""
        with self._lock:
            self._running()

    def spawn(self, told: Mapping[str, Any]) -> None:
        """A process for a run; see `worker`."""
        line = json.dumps(told)
        with self._lock:
            try:
                process = self._running()
                assert process.stdin is not None
                process.stdin.write(line.encode() + b"\n")
                process.stdin.flush()
                return
            except OSError:
                self._process = None  # it was killed
        with log_of(told).open("ab") as log:
            subprocess.Popen(
                [sys.executable, "-m", "agentkit.console.worker", line],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # it outlives the server
            )

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "agentkit.console.nursery"],
                stdin=subprocess.PIPE,
                start_new_session=True,  # a Ctrl-C at the server is not meant for it
            )
        return self._process

    def close(self) -> None:
        """It ends by itself, after it has begun what it was told to; nobody waits for that."""
        with self._lock:
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.close()
            self._process = None


def log_of(told: Mapping[str, Any]) -> Path:
    """Where the worker of a run writes what it has to say."""
    folder = Path(told["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{told['run']}.log"


def main() -> None:
    import importlib

    for name in LOADED:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the runs
    for line in sys.stdin.buffer:
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            become(json.loads(line))


def become(told: Mapping[str, Any]) -> None:
    """This process is the worker of a run from now on."""
    from agentkit.console.worker import main as work

    code = 1
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDONLY)
        log = os.open(log_of(told), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        for old, new in ((0, nothing), (1, log), (2, log)):
            os.dup2(new, old)
        work(told)
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # threads of models would hold the interpreter up


if __name__ == "__main__":
    main()
