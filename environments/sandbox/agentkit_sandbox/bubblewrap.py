"""The part `use = "bubblewrap"`."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

from agentkit.capabilities import Execution, Limits
from agentkit.errors import BackendUnavailable, UsageError
from agentkit.kit import Parts
from agentkit_sandbox import watch
from agentkit_sandbox.command import PATH, wrapped
from agentkit_sandbox.folder import results, working_folder
from agentkit_sandbox.settings import SandboxSettings

TOOLS = ("bwrap", "prlimit")
LOOK = 0.05  # seconds between two looks at memory and files
# Run by root, each program gets a user of its own that nobody is: it can do nothing to files that
# it should ever reach, and the kernel counts its processes apart.
NOBODIES = itertools.cycle(range(0x70000000, 0x70010000))


class Bubblewrap:
    """Programs see /usr, their folder and nothing else of this machine. Thread-safe.

    Stopped by "seconds", "memory", "disk" or "output", all its processes are killed.
    """

    def __init__(self, settings: SandboxSettings, parts: Parts) -> None:
        self._name = f"sandboxes.{parts.name}"
        self._visible = settings.visible
        self._limits = Limits(
            settings.seconds,
            settings.memory,
            settings.output,
            settings.disk,
            processes=settings.processes,
        )
        for tool in TOOLS:
            if shutil.which(tool, path=PATH) is None:
                raise BackendUnavailable(
                    f"{self._name}: {tool} not found",
                    "it needs Linux with bubblewrap: apt-get install bubblewrap util-linux",
                )
        for path in self._visible:
            if not os.path.exists(path):
                raise UsageError(f"{self._name}: visible: there is no {path}", "leave it out")
        tried = self.run(["/usr/bin/true"])
        if tried.exit != 0:
            raise BackendUnavailable(
                f"{self._name}: bwrap cannot run a program apart: {_line(tried)}",
                "in a container allow user namespaces (sysctl user.max_user_namespaces, and no "
                "seccomp profile against them); programs are never run without",
            )

    def run(
        self,
        command: Sequence[str],
        *,
        files: Mapping[str, bytes] | None = None,
        stdin: bytes = b"",
        limits: Limits | None = None,
    ) -> Execution:
        """See `Sandbox.run`. memory bounds each process's address space, and what all together
        really use; disk bounds a file, the folder, and /tmp.

        Raises:
            UsageError: no command, or a name that would leave the folder.
        """
        if not command or any("\0" in word for word in command):
            raise UsageError("no command to run", "give a program and its arguments")
        limits = limits or self._limits
        owner = next(NOBODIES) if os.geteuid() == 0 else None
        with working_folder(files or {}, owner) as folder, tempfile.TemporaryFile() as given:
            given.write(stdin)
            given.seek(0)
            whole = wrapped(command, folder, limits, self._visible)
            run = _Run(whole, folder, given, limits, owner)
            exit_, stopped, seconds = run.wait()
            found = results(folder, limits.disk) if not stopped else {}
            if found is None:
                exit_, stopped, found = None, "disk", {}
            return Execution(exit_, run.text(0), run.text(1), seconds, stopped, found)


class _Run:
    """One program on its way, and what it said so far."""

    def __init__(
        self,
        command: Sequence[str],
        folder: str,
        stdin: IO[bytes],
        limits: Limits,
        owner: int | None,
    ) -> None:
        self._folder, self._limits = folder, limits
        self._begun = time.monotonic()
        user: dict[str, Any] = {}
        if owner is not None:
            user = {"user": owner, "group": owner, "extra_groups": []}
        self._process = subprocess.Popen(
            command,
            cwd="/",
            env={"PATH": PATH},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            **user,
        )
        self._said = (bytearray(), bytearray())
        self._flooded = threading.Event()
        self._listeners = [
            threading.Thread(target=self._listen, args=pair, daemon=True)
            for pair in zip((self._process.stdout, self._process.stderr), self._said)
        ]
        for listener in self._listeners:
            listener.start()

    def wait(self) -> tuple[int | None, str, float]:
        """(exit status, limit that stopped it, seconds), when none of its processes is left."""
        stopped = ""
        try:
            while not stopped and self._process.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(LOOK)
                    break
                if self._flooded.is_set():
                    stopped = "output"
                elif time.monotonic() - self._begun > self._limits.seconds:
                    stopped = "seconds"
                else:
                    stopped = watch.exceeded(self._process.pid, self._folder, self._limits)
        finally:
            self._kill()
        for listener in self._listeners:  # pipes end when the last process is gone
            listener.join()
        if self._flooded.is_set():
            stopped = "output"
        seconds = time.monotonic() - self._begun
        return (None if stopped else self._process.returncode), stopped, seconds

    def text(self, which: int) -> str:
        """What it wrote to stdout (0) or stderr (1), at most the limit."""
        return bytes(self._said[which][: self._limits.output]).decode(errors="replace")

    def _kill(self) -> None:
        """With bwrap its first process dies, and with that the whole process namespace."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _listen(self, pipe: IO[bytes], said: bytearray) -> None:
        with pipe:
            while piece := os.read(pipe.fileno(), 1 << 16):
                room = self._limits.output - len(said)
                said += piece[:room]
                if len(piece) > room:
                    self._flooded.set()  # and goes on reading, so that nobody waits for it


def check() -> str:
    """For `agentkit doctor`.

    Raises:
        BackendUnavailable: programs cannot be run apart here.
    """
    import agentkit

    with agentkit.load() as kit:
        kit.define("sandbox", "doctor", use="bubblewrap")
        kit.part("sandbox", "doctor")
    return "programs of models run apart (bubblewrap)"


def _line(done: Execution) -> str:
    return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.exit}"
