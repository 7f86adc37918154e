"""A run in a process of its own, so that it outlives the console's server.

    python -m agentkit.console.worker '{"run": "…", "folder": "…", "config": null, "options": []}'

Where the run waits for an answer the process stays a while, so that it goes on at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from agentkit.console.live import Passing
from agentkit.errors import AgentkitError
from agentkit.kit import load
from agentkit.runs.store import ENDED

if TYPE_CHECKING:
    from agentkit.kit import Kit
    from agentkit.runs.agent import Run
    from agentkit.runs.store import RunStore

STAY = 600.0  # seconds that it stays while the run waits
POLL = 0.05  # seconds between looks for an answer
LOOKED = 200  # last events among which an answer is looked for
PATIENCE = 15.0  # seconds that it waits for another worker of the same run to leave

LOG = logging.getLogger("agentkit.console")


def lock_of(folder: Path, run: str) -> Path:
    return folder / f"{run}.lock"


@contextlib.contextmanager
def alone(folder: Path, run: str, patience: float) -> Iterator[bool]:
    """Whether this process is the run's only worker, waited for so long."""
    folder.mkdir(parents=True, exist_ok=True)
    with lock_of(folder, run).open("ab") as file:
        held = _locked(file)
        end = time.monotonic() + patience
        while not held and time.monotonic() < end:
            time.sleep(POLL)
            held = _locked(file)
        yield held


def _locked(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def work(run: Run, store: RunStore, passing: Passing) -> None:
    """Drives a run until it stops, and through every answer that comes in time."""
    while True:
        for event in run:
            passing.show(event)
        if run.status != "waiting" or not _answered(store, run.id):
            return
        run.resume()


def _answered(store: RunStore, run: str) -> bool:
    """Waits for an answer; False where none came, or somebody else goes on with the run."""
    end = time.monotonic() + STAY
    while time.monotonic() < end and store.get(run).status == "waiting":
        if owed(store, run):
            return True
        time.sleep(POLL)
    return False


def owed(store: RunStore, run: str) -> bool:
    """Whether a run waits, though it was answered since."""
    last = store.last(run)
    told = store.tail(run, max(0, last - LOOKED), ("run.status", "question.answered"))
    waits = store.get(run).status == "waiting"
    return waits and bool(told) and told[-1].kind == "question.answered"


def main(told: Mapping[str, Any]) -> None:
    """Drives a run. told: its id, the folder for what passes, and as the server was started the
    settings file (config) and what overrides it (options)."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", force=True)
    run, folder = str(told["run"]), Path(told["folder"])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C at the server is not meant for the run
    again = True
    while again:
        with load(told["config"], overrides=told["options"]) as kit:
            with alone(folder, run, PATIENCE) as held:
                if held:
                    _drive(kit, folder, run)
            # An answer that came when this process was about to leave found its lock held, and
            # nobody else would take the run up.
            again = held and owed(kit.runs, run)


def _drive(kit: Kit, folder: Path, run: str) -> None:
    store, passing = kit.runs, Passing(folder, run)

    def pause(*_: object) -> None:
        # In another thread: this one may just be in the midst of a transaction.
        threading.Thread(target=store.request, args=(run, "pause"), daemon=True).start()

    try:
        if store.get(run).status not in ENDED:
            going = kit.resume(run)
            signal.signal(signal.SIGTERM, pause)
            work(going, store, passing)
    except AgentkitError as error:
        LOG.warning("run %s: %s", run, error)
    finally:
        passing.close()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
    sys.stdout.flush()
    os._exit(0)  # threads of models would hold the interpreter up
