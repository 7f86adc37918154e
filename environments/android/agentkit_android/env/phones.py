"""Simulated phones that run in processes of their own: which there are, and how one is started.

Each has a small file in the user's data folder that says where it listens. It goes on when the
program that started it ends, and whoever knows its name finds it again.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from agentkit.errors import BackendUnavailable, UsageError
from agentkit.files import data_dir, write_atomic

START = 60.0
"""Seconds that a phone may take to be switched on, on a machine that has much else to do."""
IDLE = 3600
"""Seconds without any command after which a phone that an agent started switches itself off."""


@dataclass(frozen=True, slots=True)
class Known:
    """A phone that was switched on."""

    name: str
    port: int
    pid: int

    @property
    def serial(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def is_on(self) -> bool:
        try:
            os.kill(self.pid, 0)
            socket.create_connection(("127.0.0.1", self.port), 2).close()
        except OSError:
            return False
        return True


def folder() -> Path:
    return data_dir() / "phones"


def known() -> Iterator[Known]:
    """Every phone that was switched on and not off again."""
    for path in sorted(folder().glob("*.json")):
        if (found := find(path.stem)) is not None:
            yield found


def find(name: str) -> Known | None:
    try:
        plain = json.loads((folder() / f"{name}.json").read_text())
        return Known(str(plain["name"]), int(plain["port"]), int(plain["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def announce(name: str, port: int) -> Known:
    """Says that this process is the phone of that name."""
    made = Known(name, port, os.getpid())
    write_atomic(folder() / f"{name}.json", json.dumps(asdict(made)))
    return made


def withdraw(name: str) -> None:
    found = find(name)
    if found is not None and found.pid == os.getpid():
        (folder() / f"{name}.json").unlink(missing_ok=True)


def started(name: str) -> Known:
    """The phone of that name, switched on if need be; one that was killed gets its port back.

    Raises:
        BackendUnavailable: it could not be started.
    """
    with _locked(f"{name}.start"):
        found = find(name)
        if found is not None and found.is_on:
            return found
        return _start(name, found.port if found is not None else 0)


def stop(name: str) -> None:
    """Switches a phone off.

    Raises:
        UsageError: none of that name is on.
    """
    found = find(name)
    if found is None or not found.is_on:
        (folder() / f"{name}.json").unlink(missing_ok=True)
        raise UsageError(f"no phone {name!r} is on", "agentkit phone list")
    os.kill(found.pid, signal.SIGTERM)


def _start(name: str, port: int) -> Known:
    log = folder() / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    (folder() / f"{name}.json").unlink(missing_ok=True)
    words = ["--port", str(port), "--name", name, "--idle", str(IDLE)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "agentkit", "phone", "start", *words],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,  # a Ctrl-C at the agent is not meant for the phone
        )
    end = time.monotonic() + START
    while time.monotonic() < end:
        if (found := find(name)) is not None:
            return found
        if process.poll() is not None:
            if port:
                return _start(name, 0)  # another program took the port meanwhile
            break
        time.sleep(0.02)
    said = log.read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
    raise BackendUnavailable(
        f"the phone {name!r} could not be switched on: {said[0][:200]}", f"its log is {log}"
    )


class Lease:
    """The right to use a phone, held by one environment at a time; the next free name is taken.
    `shared`: whoever comes back to this very phone need not be alone."""

    def __init__(self, name: str, *, shared: bool = False) -> None:
        self.name = name
        self._file: IO[bytes] | None = None
        if shared:
            self._file = _try_lock(name)
            return
        for number in range(1, 1000):
            self.name = name if number == 1 else f"{name}-{number}"
            self._file = _try_lock(self.name)
            if self._file is not None:
                return
        raise UsageError(f"a thousand phones {name!r} are in use", "agentkit phone list")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _try_lock(name: str) -> IO[bytes] | None:
    file = _lock_file(name)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _locked(name: str) -> IO[bytes]:
    file = _lock_file(name)
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _lock_file(name: str) -> IO[bytes]:
    folder().mkdir(parents=True, exist_ok=True)
    return (folder() / f"{name}.lock").open("ab")
