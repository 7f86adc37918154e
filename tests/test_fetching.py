"""Guarded fetching against servers of every bad kind. They are local ones: the real internet has
all of these, and none that can be relied on."""

from __future__ import annotations

import gzip
import itertools
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from agentkit.errors import BackendUnavailable, Blocked
from agentkit.fetching import Fetcher, FetchSettings, Gate, addresses

pytestmark = pytest.mark.slow

GIB = 1 << 30


class Handler(BaseHTTPRequestHandler):
    """Paths say how to misbehave."""

    protocol_version = "HTTP/1.1"
    stop = threading.Event()
    seen: list[tuple[str, dict[str, str]]]

    def log_message(self, *_: object) -> None: ...

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.reply(content, "application/json")

    def do_GET(self) -> None:
        self.seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
        path, _, query = self.path.partition("?")
        with suppress(OSError):
            getattr(self, "do" + path.replace("/", "_"), self.missing)(query)

    def reply(self, body: bytes, kind: str = "text/html; charset=utf-8", **headers: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def missing(self, _: str) -> None:
        self.send_error(404)

    def do_page(self, _: str) -> None:
        self.reply("<p>Grüße</p>".encode())

    def do_latin(self, _: str) -> None:
        self.reply("<p>Grüße</p>".encode("latin-1"), "text/html; charset=iso-8859-1")

    def do_status(self, query: str) -> None:
        self.send_response(int(query))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_to(self, query: str) -> None:
        self.send_response(302)
        self.send_header("Location", query)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_loop(self, _: str) -> None:
        self.do_to("/loop")

    def do_hang(self, _: str) -> None:
        self.stop.wait(30)

    def do_drip(self, _: str) -> None:
        """A byte of the header now and then, for ever."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.stop.wait(0.05):
            self.wfile.write(b"a")

    def do_dripbody(self, _: str) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        while not self.stop.wait(0.05):
            self.wfile.write(b"a")

    def do_big(self, _: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(2 * GIB))
        self.end_headers()
        self.wfile.write(b"x" * 1000)

    def do_endless(self, _: str) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        for _n in itertools.count():
            self.wfile.write(b"x" * 65536)

    def do_packed(self, query: str) -> None:
        text = b"<p>packed</p>"
        packed = {"gzip": gzip.compress(text), "deflate": zlib.compress(text), "raw": _raw(text)}
        self.reply(packed[query], Content_Encoding="deflate" if query == "raw" else query)

    def do_bomb(self, _: str) -> None:
        """A thousand times as large when unpacked."""
        self.reply(gzip.compress(b"\0" * 50_000_000), Content_Encoding="gzip")

    def do_broken(self, _: str) -> None:
        self.reply(b"\x1f\x8b not really", Content_Encoding="gzip")

    def do_strange(self, _: str) -> None:
        self.reply(b"xx", Content_Encoding="zzz")

    def do_picture(self, _: str) -> None:
        self.reply(b"\x89PNG", "image/png")

    def do_nonsense(self, _: str) -> None:
        self.wfile.write(b"this is not HTTP at all\r\n\r\n")
        self.close_connection = True


def _raw(text: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(text) + packer.flush()


@pytest.fixture
def base() -> Iterator[str]:
    Handler.stop.clear()
    Handler.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    Handler.stop.set()
    server.shutdown()
    server.server_close()


def fetcher(**settings: object) -> Fetcher:
    values = {"private": ("127.0.0.1",), "seconds": 5.0, "bytes": 100_000, **settings}
    return Fetcher(FetchSettings.model_validate(values))


def test_a_page(base: str) -> None:
    page = fetcher().get(f"{base}/page?a=ü#part")
    assert (page.status, page.text, page.media_type) == (200, "<p>Grüße</p>", "text/html")
    assert Handler.seen[0][0] == "/page?a=%C3%BC"
    assert fetcher().get(f"{base}/latin").text == "<p>Grüße</p>"
    assert fetcher().post_json(f"{base}/x", {"q": 1}).json() == {"q": 1}


@pytest.mark.parametrize("how", ["gzip", "deflate", "raw"])
def test_packed_pages(base: str, how: str) -> None:
    assert fetcher().get(f"{base}/packed?{how}").text == "<p>packed</p>"


@pytest.mark.parametrize(
    ("path", "kind", "said"),
    [
        ("/missing", BackendUnavailable, "answers 404"),
        ("/status?500", BackendUnavailable, "answers 500"),
        ("/status?429", BackendUnavailable, "enough requests"),
        ("/status?403", Blocked, "refuses"),
        ("/status?401", Blocked, "refuses"),
        ("/loop", BackendUnavailable, "more than 5 times"),
        ("/big", BackendUnavailable, "2,147,483,648 bytes"),
        ("/endless", BackendUnavailable, "more than 100,000 bytes"),
        ("/bomb", BackendUnavailable, "more than 100,000 bytes"),
        ("/broken", BackendUnavailable, "cannot be unpacked"),
        ("/strange", BackendUnavailable, "packed as 'zzz'"),
        ("/picture", BackendUnavailable, "image/png"),
        ("/nonsense", BackendUnavailable, "could not be reached"),
        ("/to?file:///etc/passwd", Blocked, "only http"),
        ("/to?http://169.254.169.254/latest/meta-data/", Blocked, "not a public address"),
        ("/to?http://[::1]:1/", Blocked, "not a public address"),
        ("/to?http://10.0.0.1/", Blocked, "not a public address"),
        ("/to?http://user:hush@127.0.0.1/", Blocked, "user name"),
        ("/to?http://a b/", Blocked, "no address"),
    ],
)
def test_what_is_not_fetched(base: str, path: str, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said) as caught:
        fetcher().get(base + path)
    assert "hush" not in str(caught.value) and len(str(caught.value).splitlines()) <= 2


@pytest.mark.parametrize("path", ["/hang", "/drip", "/dripbody"])
def test_what_takes_too_long(base: str, path: str) -> None:
    started = time.monotonic()
    with pytest.raises(BackendUnavailable, match=r"in time|stopped after"):
        fetcher(seconds=0.4).get(base + path)
    assert time.monotonic() - started < 10  # far below what these servers take


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost:22/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://192.168.1.1/",
        "http://172.16.0.1/",
        "http://100.64.0.1/",
        "http://169.254.169.254/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://example.org:99999/",
        "http://exa mple.org/",
        "http://example.org/\r\nX: y",
        "gopher://127.0.0.1/",
        "",
    ],
)
def test_addresses_that_are_not_public(url: str) -> None:
    with pytest.raises(Blocked):
        Fetcher(FetchSettings()).get(url)


def test_only_hosts_that_are_named(base: str) -> None:
    only = fetcher(hosts=("127.0.0.*",))
    assert only.get(f"{base}/page").status == 200
    with pytest.raises(Blocked, match="not among the `hosts`"):
        only.get(f"{base}/to?http://other.example/")
    gate = Gate(FetchSettings(hosts=("*.example.org",)))
    assert gate.url("https://a.EXAMPLE.org/x") == ("a.example.org", 443)
    for url in ("https://example.org.evil/", "https://evilexample.org/"):
        with pytest.raises(Blocked):
            gate.url(url)


def test_private_addresses_by_name_port_or_network(base: str) -> None:
    port = base.rpartition(":")[2]
    for private in ("127.0.0.1", f"127.0.0.1:{port}", "127.0.0.0/8"):
        assert fetcher(private=(private,)).get(f"{base}/page").status == 200
    for private in ("127.0.0.1:1", "10.0.0.0/8", "localhost"):
        with pytest.raises(Blocked):
            fetcher(private=(private,)).get(f"{base}/page")


Names = Callable[[dict[str, list[list[str]]]], list[str]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Makes names mean what a test says, another time something else; gives what was asked."""

    def set_up(meanings: dict[str, list[list[str]]]) -> list[str]:
        asked: list[str] = []
        real = socket.getaddrinfo

        def answer(host: str, port: int, *args: object, **kwargs: object) -> object:
            if host not in meanings:
                return real(host, port, *args, **kwargs)  # type: ignore[arg-type]
            asked.append(host)
            turn = meanings[host]
            ips = turn.pop(0) if len(turn) > 1 else turn[0]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ips]

        monkeypatch.setattr(addresses.socket, "getaddrinfo", answer)
        return asked

    return set_up


def test_a_name_is_looked_up_once_and_that_address_is_used(base: str, names: Names) -> None:
    port = base.rpartition(":")[2]
    asked = names({"wiki.test": [["127.0.0.1"], ["10.0.0.1"]]})
    page = fetcher(private=("wiki.test",)).get(f"http://wiki.test:{port}/page")
    assert page.status == 200 and asked == ["wiki.test"]
    assert Handler.seen[0][1]["host"] == f"wiki.test:{port}"


def test_a_name_that_means_something_else_a_moment_later(base: str, names: Names) -> None:
    """Rebinding: public when it is judged, this machine when it would be connected to."""
    port = base.rpartition(":")[2]
    asked = names({"evil.test": [["192.0.2.1"], ["127.0.0.1"]]})
    with pytest.raises((Blocked, BackendUnavailable)):
        fetcher(private=("192.0.2.0/24",), seconds=0.3).get(f"http://evil.test:{port}/page")
    assert asked == ["evil.test"] and not Handler.seen


def test_one_bad_address_among_good_ones_is_enough(names: Names) -> None:
    names({"mixed.test": [["93.184.216.34", "10.0.0.1"]]})
    with pytest.raises(Blocked, match=r"10\.0\.0\.1"):
        fetcher().get("http://mixed.test/")


def test_an_unknown_name_and_a_resolver_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BackendUnavailable, match="not known"):
        fetcher().get("http://no-such-host.invalid/")
    waiting = threading.Event()
    monkeypatch.setattr(addresses.socket, "getaddrinfo", lambda *_, **__: waiting.wait(30) and [])
    with pytest.raises(BackendUnavailable, match="not looked up"):
        fetcher(seconds=0.2).get("http://slow.test/")
    waiting.set()


def test_secrets_do_not_follow_to_another_host(base: str, names: Names) -> None:
    port = base.rpartition(":")[2]
    names({"other.test": [["127.0.0.1"]]})
    both = fetcher(private=("127.0.0.1", "other.test"))
    headers = {"Authorization": "Bearer hush", "X-Kind": "plain"}
    both.get(f"{base}/to?/page", headers=headers)
    both.get(f"{base}/to?http://other.test:{port}/page", headers=headers)
    sent = [(path, got.get("authorization"), got["x-kind"]) for path, got in Handler.seen]
    assert [row[1] for row in sent] == ["Bearer hush", "Bearer hush", "Bearer hush", None]
    assert {row[2] for row in sent} == {"plain"}
