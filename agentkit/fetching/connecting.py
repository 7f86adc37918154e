"""Connections that go to judged addresses only, and end when their time is over."""

from __future__ import annotations

import time
from collections.abc import Iterable
from ssl import SSLContext
from typing import Any

import httpcore

from agentkit.errors import BackendUnavailable
from agentkit.fetching.addresses import Gate


class Deadline:
    """A moment after which nothing is waited for."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends = time.monotonic() + seconds

    def left(self, most: float | None = None) -> float:
        """Seconds that are left, at most `most`.

        Raises:
            BackendUnavailable: none.
        """
        left = self._ends - time.monotonic()
        if left <= 0:
            raise BackendUnavailable(f"stopped after {self.seconds:g} s")
        return left if most is None else min(left, most)


class PinnedBackend(httpcore.NetworkBackend):
    """Looks names up through the gate, and connects to what the gate let through."""

    def __init__(self, gate: Gate, deadline: Deadline) -> None:
        self._gate, self._deadline = gate, deadline
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        last: Exception | None = None
        for address in self._gate.resolve(host, port, self._deadline.left()):
            try:
                stream = self._inner.connect_tcp(address.ip, port, self._deadline.left(timeout))
                return _Timed(stream, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        assert last is not None
        raise last

    def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
        raise httpcore.ConnectError("not allowed")

    def sleep(self, seconds: float) -> None:
        time.sleep(self._deadline.left(seconds))


class _Timed(httpcore.NetworkStream):
    """A stream that knows the deadline: one that sends a byte now and then does not outlive it."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner, self._deadline = inner, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, self._deadline.left(timeout))
        return _Timed(inner, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
