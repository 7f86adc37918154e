"""The server's process: started, known to be well, started again, stopped."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import httpx

from agentkit.capabilities import Cancel
from agentkit.errors import BackendUnavailable, Cancelled
from agentkit_vllm import guard

STRIKES = 3  # looks in a row that find it unwell, until it is started again
LAST_WORDS = 2000  # characters of its log that are searched for a reason
# Of our own interpreter; they would lead the other one to our packages.
OURS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONSTARTUP")


class ServerProcess:
    """One server at a time. Thread-safe.

    Args:
        name: of the part, for errors.
        command: all but the port.
        env: variables beside those of this process.
        port: 0 is any that is free; every start has the same.
        restarts: how often in a row it is started again after it died.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        env: dict[str, str],
        port: int,
        start_timeout: float,
        check: float,
        restarts: int,
        stop_timeout: float,
    ) -> None:
        self.key = secrets.token_urlsafe(24)
        self.log = log
        self.url = f"http://127.0.0.1:{port or _free_port()}"
        self._name, self._command, self._env = name, command, env
        self._start_timeout, self._check = start_timeout, check
        self._restarts, self._stop_timeout = restarts, stop_timeout
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._seen_well = 0.0
        self._died = 0
        self._closed = False

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def answers(self) -> bool:
        """Whether it is there and well at this moment."""
        return self.alive and _healthy(self.url)

    def ready(self, cancel: Cancel | None = None) -> str:
        """The address of a server that is well: the running one, or a new one.

        Raises:
            BackendUnavailable: it cannot be started, or died too often.
            Cancelled: while it started.
        """
        with self._lock:
            if self._closed:
                raise BackendUnavailable(f"models.{self._name} is closed", "open the kit again")
            if self.alive and self._well():
                return self.url
            if self._process is not None:
                self._died += 1
                self._stop()
            if self._died > self._restarts:
                raise BackendUnavailable(
                    f"models.{self._name}: the vLLM server ended {self._died} times in a row"
                    f"{self._reason()}",
                    f"its log: {self.log}",
                )
            self._start(cancel)
            return self.url

    def worked(self) -> None:
        """An answer came: what went wrong before is over."""
        self._died = 0

    def close(self) -> None:
        """Stops the server and waits for its end."""
        with self._lock:
            self._closed = True
            self._stop()

    # -- inside -----------------------------------------------------------------------------------

    def _start(self, cancel: Cancel | None) -> None:
        port = self.url.rpartition(":")[2]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        guarded = [sys.executable, guard.__file__, f"{self._stop_timeout:g}"]
        env = {k: v for k, v in os.environ.items() if k not in OURS}
        with self.log.open("wb") as out:
            self._process = subprocess.Popen(
                [*guarded, *self._command, "--port", port],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**env, **self._env, "VLLM_API_KEY": self.key},
                start_new_session=True,  # Ctrl-C in a terminal is ours to judge
            )
        end = time.monotonic() + self._start_timeout
        while not _healthy(self.url):
            if cancel:
                self._stop()
                raise Cancelled
            if self._process.poll() is not None:
                reason = self._reason()
                self._process = None
                raise BackendUnavailable(
                    f"models.{self._name}: the vLLM server did not start{reason}",
                    f"its log: {self.log}",
                )
            if time.monotonic() > end:
                self._stop()
                raise BackendUnavailable(
                    f"models.{self._name}: the vLLM server was not ready after "
                    f"{self._start_timeout:g} s",
                    f"raise start_timeout, or see its log: {self.log}",
                )
            time.sleep(0.1)
        self._seen_well = time.monotonic()

    def _well(self) -> bool:
        """Whether it is: looked at now and then, and given some tries."""
        if time.monotonic() - self._seen_well < self._check:
            return True
        for _ in range(STRIKES):
            if _healthy(self.url):
                self._seen_well = time.monotonic()
                return True
            if not self.alive:
                return False
        return False

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()  # the guard does the rest
        try:
            process.wait(self._stop_timeout + 10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _reason(self) -> str:
        """The last line of its log that tells of an error."""
        try:
            lines = self.log.read_bytes()[-LAST_WORDS:].decode(errors="replace").splitlines()
        except OSError:
            return ""
        told = [line.strip() for line in lines if "rror" in line or "not found" in line]
        said = (told or [line.strip() for line in lines if line.strip()] or [""])[-1]
        return f": {said[-200:]}" if said else ""


def _healthy(url: str) -> bool:
    try:
        return _client().get(f"{url}/health").status_code == 200
    except httpx.HTTPError:
        return False


@cache
def _client() -> httpx.Client:
    """One for all looks: each new one reads all certificates, which takes longer than a look. It
    keeps no connection, as the server may be another one by the next look."""
    return httpx.Client(timeout=5.0, limits=httpx.Limits(max_keepalive_connections=0))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
