"""One guarded fetch: judged before every hop, bounded in time, size, redirects and type."""

from __future__ import annotations

import json
import ssl
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.message import Message as Headers
from functools import cached_property
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import httpcore

from agentkit.errors import BackendUnavailable, Blocked
from agentkit.fetching.addresses import Gate
from agentkit.fetching.connecting import Deadline, PinnedBackend
from agentkit.fetching.settings import FetchSettings

TEXT = ("text/", "application/json", "application/xhtml", "application/xml", "application/pdf")
_REDIRECTS = (301, 302, 303, 307, 308)
_REFUSED = (401, 403, 407, 451)
_SECRET = ("authorization", "cookie", "x-subscription-token", "x-api-key")
_PIECE = 65536  # bytes that one step of decompression may give


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer. url: the last one, after redirects. media_type: "" where none was named."""

    url: str
    status: int
    body: bytes
    media_type: str = ""
    charset: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The body as text; what is not in its encoding is replaced."""
        try:
            return self.body.decode(self.charset or "utf-8", "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            BackendUnavailable: it is none.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            host = urlsplit(self.url).hostname
            raise BackendUnavailable(f"{host} did not answer with JSON: {error}") from error


class Fetcher:
    """Fetches by the rules of its settings. Safe for threads; keeps no cookies and no
    connections, and goes by no proxy of the environment."""

    def __init__(self, settings: FetchSettings | None = None) -> None:
        self.settings = settings or FetchSettings()
        self.gate = Gate(self.settings)

    def get(
        self, url: str, *, headers: Mapping[str, str] | None = None, types: Iterable[str] = TEXT
    ) -> Fetched:
        """Fetches a URL, following redirects as far as each is allowed.

        Args:
            headers: left out from the first redirect to another host on, where they are secret.
            types: beginnings of the media types that are taken; () takes all.

        Raises:
            Blocked: a rule of ours, or the server (401, 403), said no.
            BackendUnavailable: it could not be fetched, or not within the limits.
        """
        return self._fetch("GET", url, None, dict(headers or {}), tuple(types))

    def post_json(
        self, url: str, content: Any, *, headers: Mapping[str, str] | None = None
    ) -> Fetched:
        """Posts JSON and takes JSON; redirects are not followed. Raises as `get` does."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        body = json.dumps(content).encode()
        return self._fetch("POST", url, body, sent, ("application/json",))

    def close(self) -> None:
        """Nothing is kept open; for use as a context manager."""

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- inside -----------------------------------------------------------------------------------

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    def _fetch(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: dict[str, str],
        types: tuple[str, ...],
    ) -> Fetched:
        deadline = Deadline(self.settings.seconds)
        for _ in range(self.settings.redirects + 1):
            host, port = self.gate.url(url)
            found = self._once(method, url, host, body, headers, types, deadline)
            if isinstance(found, Fetched):
                return found
            if method != "GET":
                raise BackendUnavailable(f"{host} redirects a {method}", "give the final address")
            url = urljoin(url, found)
            if self.gate.url(url) != (host, port):
                headers = {k: v for k, v in headers.items() if k.lower() not in _SECRET}
        raise BackendUnavailable(f"{host} redirects more than {self.settings.redirects} times")

    def _once(
        self,
        method: str,
        url: str,
        host: str,
        body: bytes | None,
        headers: dict[str, str],
        types: tuple[str, ...],
        deadline: Deadline,
    ) -> Fetched | str:
        """An answer, or the address that it redirects to."""
        wire = _ascii(url)
        sent = {
            "Host": urlsplit(wire).netloc,
            "User-Agent": "agentkit",
            "Accept": "*/*",
            "Accept-Encoding": "gzip, deflate",
            "Connection": "close",
            **headers,
        }
        if body is not None:
            sent["Content-Length"] = str(len(body))
        try:
            with (
                httpcore.ConnectionPool(
                    ssl_context=self._tls, network_backend=PinnedBackend(self.gate, deadline)
                ) as pool,
                pool.stream(method, wire, headers=[*sent.items()], content=body) as answer,
            ):
                got = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in answer.headers}
                if answer.status in _REDIRECTS and "location" in got:
                    return got["location"]
                _judge(answer.status, host)
                media_type, charset = _media_type(got.get("content-type", ""))
                if types and media_type and not media_type.startswith(types):
                    raise BackendUnavailable(f"{host} sent {media_type}", "it is not read")
                content = self._read(answer, got, host)
        except (httpcore.TimeoutException, TimeoutError) as error:
            raise BackendUnavailable(f"{host} did not answer in time") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError, ValueError) as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise BackendUnavailable(f"{host} could not be reached: {reason}") from error
        return Fetched(url, answer.status, content, media_type, charset, got)

    def _read(self, answer: httpcore.Response, headers: Mapping[str, str], host: str) -> bytes:
        """The body, decompressed in small steps, never more than is allowed."""
        most = self.settings.bytes
        declared = headers.get("content-length", "")
        if declared.isdigit() and int(declared) > most:
            raise BackendUnavailable(f"{host} sends {int(declared):,} bytes; {most:,} are allowed")
        encoding = headers.get("content-encoding", "").strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise BackendUnavailable(f"{host} sends what is packed as {encoding[:40]!r}")
        unpack = _Unpacker(encoding) if encoding not in ("", "identity") else None
        content = bytearray()
        for piece in answer.iter_stream():
            for some in unpack.feed(piece) if unpack else (piece,):
                content += some
                if len(content) > most:
                    raise BackendUnavailable(f"{host} sends more than {most:,} bytes")
        return bytes(content)


class _Unpacker:
    """gzip or deflate, with or without zlib's header."""

    def __init__(self, encoding: str) -> None:
        self._gzip = "gzip" in encoding
        self._inner: Any = None

    def feed(self, data: bytes) -> Iterable[bytes]:
        if self._inner is None:
            if not data:
                return
            raw = not self._gzip and data[0] & 0x0F != 8
            self._inner = zlib.decompressobj(31 if self._gzip else -15 if raw else 15)
        while data and not self._inner.eof:
            try:
                yield self._inner.decompress(data, _PIECE)
            except zlib.error as error:
                raise BackendUnavailable(f"what was sent cannot be unpacked: {error}") from error
            data = self._inner.unconsumed_tail


def _judge(status: int, host: str) -> None:
    if status in _REFUSED:
        raise Blocked(f"{host} refuses ({status})", "see whether it wants a key, or forbids this")
    if status == 429:
        raise BackendUnavailable(f"{host} has had enough requests (429)", "try again later")
    if not 200 <= status < 300:
        raise BackendUnavailable(f"{host} answers {status}")


def _media_type(value: str) -> tuple[str, str]:
    headers = Headers()
    headers["Content-Type"] = value or "application/x-unnamed"
    kind = headers.get_content_type() if value else ""
    return kind, str(headers.get_param("charset") or "")


def _ascii(url: str) -> str:
    """A URL as it goes over the wire."""
    parts = urlsplit(url)
    netloc = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="%=&:@!$'()*+,;/?~-._[]")
    return parts._replace(netloc=netloc, path=path, query=query, fragment="").geturl()
