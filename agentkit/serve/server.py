"""The process around the application: a socket, signals, and a stop that lets answers end."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from agentkit.errors import BackendUnavailable
from agentkit.serve.app import Api

BACKLOG = 2048  # connections that the system keeps until they are taken up
FILES = 8192  # open files that are asked for: each connection is one


class Listening(uvicorn.Server):
    """Serves an application until it is told to stop: once, and it lets answers end; twice, and it
    does not. It listens from the moment that it is made.

    Args:
        drain: seconds that answers under way get at the end.
    """

    def __init__(self, app: ASGIApp, host: str, port: int, *, drain: float = 30.0) -> None:
        self.socket = _bound(host, port)
        settings: dict[str, Any] = {
            "log_level": "warning",
            "access_log": False,
            "server_header": False,
            "ws": "none",
            "lifespan": "off",
            "backlog": BACKLOG,
            "timeout_graceful_shutdown": int(drain),
        }
        super().__init__(uvicorn.Config(app, **settings))

    @property
    def address(self) -> str:
        """host:port as it stands in URLs."""
        host, port = self.socket.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def serve_here(self) -> None:
        """Runs in this thread until `stop`, or a signal where it is the main one."""
        _raise_file_limit()
        try:
            self.run([self.socket])
        finally:
            self.socket.close()

    def stop(self) -> None:
        """From any thread. A second call breaks off what is still being answered."""
        self.force_exit = self.should_exit
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """In place of uvicorn's own, which raises the signal again when all is done: the process
        would die of it before models are closed."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def heard(_: int, __: FrameType | None) -> None:
            self.stop()

        before = {s: signal.signal(s, heard) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class Server(Listening):
    """Serves models."""

    def __init__(self, api: Api, host: str, port: int, *, drain: float = 30.0) -> None:
        self.api = api
        super().__init__(api.app, host, port, drain=drain)

    @property
    def url(self) -> str:
        return f"http://{self.address}/v1"

    def serve_here(self) -> None:
        try:
            super().serve_here()
        finally:
            self.api.workers.close()

    def stop(self) -> None:
        super().stop()
        self.api.workers.refuse()


def _bound(host: str, port: int) -> socket.socket:
    """A listening address that is ours before anything else happens.

    Raises:
        BackendUnavailable: it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(BACKLOG)  # who connects before models are loaded waits
    except OSError as error:
        made.close()
        raise BackendUnavailable(
            f"cannot listen on {host} port {port}: {error.strerror or error}",
            "choose another --port (0: any), or stop what listens there",
        ) from error
    return made


def _raise_file_limit() -> None:
    """Shells often allow 1,024 open files, fewer than connections that are no trouble otherwise."""
    try:
        import resource
    except ImportError:  # Windows knows no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
