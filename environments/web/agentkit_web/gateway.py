"""A proxy on this machine through which a browser reaches the world: every host is judged by the
rules of guarded fetching, and connected to at the very address that was judged."""

from __future__ import annotations

import base64
import secrets
import select
import socket
import threading
import time
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any
from urllib.parse import urlsplit

from agentkit.errors import AgentkitError, Blocked
from agentkit.fetching import FetchSettings, Gate

_LONGEST_HEAD = 65536  # bytes
_IDLE = 30.0  # seconds without a byte end a connection


class Gateway:
    """The proxy. refused: the latest reasons, the newest last; refusals: how many in all."""

    def __init__(self, settings: FetchSettings) -> None:
        self.settings = settings
        self.gate = Gate(settings)
        self.user, self.word = "agentkit", secrets.token_urlsafe(16)
        self.refused: list[str] = []
        self.refusals = 0
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.gateway = self
        threading.Thread(target=self._server.serve_forever, daemon=True, name="gateway").start()

    @property
    def proxy(self) -> Any:
        """What Playwright wants to know. Nothing bypasses it, this machine included."""
        port = self._server.server_address[1]
        return {
            "server": f"http://127.0.0.1:{port}",
            "bypass": "<-loopback>",
            "username": self.user,
            "password": self.word,
        }

    def admits(self, header: str) -> bool:
        """Whether a request comes from our browser and not from somebody else on this machine."""
        expected = base64.b64encode(f"{self.user}:{self.word}".encode()).decode()
        return secrets.compare_digest(header.encode(), f"Basic {expected}".encode())

    def refuse(self, reason: str) -> None:
        self.refused = [*self.refused[-99:], reason]
        self.refusals += 1

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingTCPServer):
    daemon_threads = True
    gateway: Gateway


class _Handler(BaseRequestHandler):
    """One connection of the browser."""

    server: _Server

    def handle(self) -> None:
        gateway = self.server.gateway
        self.request.settimeout(_IDLE)
        try:
            head, rest = self._head()
            lines = head.decode("latin-1").split("\r\n")
            method, target, _ = lines[0].split(" ", 2)
            headers = [line.partition(":")[::2] for line in lines[1:] if ":" in line]
            given = next((v.strip() for k, v in headers if k.lower() == "proxy-authorization"), "")
            if not gateway.admits(given):
                self._say(407, "who are you", "Proxy-Authenticate: Basic realm=agentkit\r\n")
                return
            tunnel = method == "CONNECT"
            url = f"https://{target}" if tunnel else target
            host, port = gateway.gate.url(url)
            addresses = gateway.gate.resolve(host, port, gateway.settings.seconds)
            upstream = socket.create_connection((addresses[0].ip, port), gateway.settings.seconds)
        except Blocked as error:
            gateway.refuse(error.message)
            self._say(403, error.message)
            return
        except (AgentkitError, OSError, ValueError) as error:
            gateway.refuse(str(error).splitlines()[0] if str(error) else type(error).__name__)
            self._say(502, "not reached")
            return
        with upstream:
            if tunnel:
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                upstream.sendall(_forwarded(method, url, headers) + rest)
                rest = b""
            self._relay(upstream, rest, gateway.settings.bytes)

    def _head(self) -> tuple[bytes, bytes]:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self.request.recv(8192)
            if not piece or len(data) > _LONGEST_HEAD:
                raise ValueError("no request")
            data += piece
        head, _, rest = data.partition(b"\r\n\r\n")
        return head, rest

    def _relay(self, upstream: socket.socket, first: bytes, most: int) -> None:
        """Bytes both ways until one side ends, nothing comes, or more came in than is allowed."""
        if first:
            upstream.sendall(first)
        both = [self.request, upstream]
        came = 0
        last = time.monotonic()
        while time.monotonic() - last < _IDLE:
            ready, _, _ = select.select(both, [], [], 1.0)
            for one in ready:
                last = time.monotonic()
                try:
                    data = one.recv(65536)
                    if not data:
                        return
                    (upstream if one is self.request else self.request).sendall(data)
                except OSError:
                    return
                came += len(data) if one is upstream else 0
                if came > most:
                    self.server.gateway.refuse(f"more than {most:,} bytes over one connection")
                    return

    def _say(self, status: int, text: str, extra: str = "") -> None:
        body = text.encode()
        head = (
            f"HTTP/1.1 {status} {'Forbidden' if status == 403 else 'No'}\r\n{extra}"
            f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        try:
            self.request.sendall(head.encode() + body)
        except OSError:
            pass


def _forwarded(method: str, url: str, headers: list[Any]) -> bytes:
    """A plain request as the server expects it; one a connection, so that each is judged."""
    parts = urlsplit(url)
    path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    kept = [
        f"{name}: {value.strip()}"
        for name, value in headers
        if not name.lower().startswith("proxy-") and name.lower() not in ("connection", "host")
    ]
    lines = [f"{method} {path} HTTP/1.1", f"Host: {parts.netloc}", *kept, "Connection: close"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
