"""Websites of every kind, on this machine: good ones and bad ones."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BOMB = gzip.compress(b"<p>" + b"boom " * 30_000_000)  # 150 MB in 150 kB
PAGES = {
    "/": "<title>Zoo</title><h1>Zoo</h1><p>Animals of all kinds.</p><a href='/otter'>Otter</a>"
    "<a href='/script'>Heron</a><a href='/secret/x'>Secret</a><a href='/broken'>Broken</a>"
    "<a href='/zoo.txt'>Text</a><a href='http://127.0.0.2:1/'>Elsewhere</a><a href='/'>Home</a>"
    "<a href='/otter#food'>Food</a><img src='/pixel.png'>",
    "/otter": "<title>Otter</title><h1>Otter</h1><h2 id='food'>Food</h2>"
    "<p>Otters eat crabs and fish.</p><a href='/deep'>Deeper</a>",
    "/script": "<title>Heron</title><body><script>setTimeout(() => {"
    "document.body.innerHTML = '<h1>Heron</h1><p>Herons stand and wait for fish.</p>'}, 50);"
    "fetch('/changed', {method: 'POST', body: 'x'}).catch(() => 0);"
    "fetch('http://169.254.169.254/').catch(() => 0)</script>",
    "/deep": "<title>Deep</title><p>The kraken lives here.</p>",
    "/secret/x": "<p>A secret otter.</p>",
    "/stuck": "<title>Stuck</title><p>Soon.</p><script>setTimeout(() => {while (true) {}}, 20)"
    "</script>",
    "/drawing": "<title>Drawing</title><h1>Fees</h1><canvas id=c width=700 height=200></canvas>"
    "<script>const d = c.getContext('2d'); d.font = '40px sans-serif';"
    "d.fillText('Sails are red', 40, 100)</script>",
    "/form": "<title>Form</title><h1>Form</h1><form method='post' action='/changed'>"
    "<input name='a' aria-label='a'><button>Send</button></form>"
    "<button onclick=\"fetch('/changed', {method: 'POST', body: 'y'})\">Like</button>",
}


class _Handler(BaseHTTPRequestHandler):
    asked: list[str]
    stop = threading.Event()

    def log_message(self, *_: object) -> None: ...

    def do_POST(self) -> None:
        self.asked.append(f"POST {self.path}")
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._send("<title>Changed</title><p>Changed.</p>")

    def do_GET(self) -> None:
        self.asked.append(self.path)
        with suppress(OSError):
            if self.path in PAGES:
                self._send(PAGES[self.path])
            elif self.path == "/robots.txt":
                self._send("User-agent: *\nDisallow: /secret/", "text/plain")
            elif self.path == "/zoo.txt":
                self._send("The zoo opens at nine; crabs are fed at noon.", "text/plain")
            elif self.path == "/denied":
                self.send_error(403)
            elif self.path == "/hang":
                self.stop.wait(20)
            elif self.path == "/loop":
                self.send_response(302)
                self.send_header("Location", "/loop")
                self.end_headers()
            elif self.path == "/away":
                self.send_response(302)
                self.send_header("Location", "http://10.0.0.1/")
                self.end_headers()
            elif self.path == "/endless":
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                while not self.stop.is_set():
                    self.wfile.write(b"<p>more</p>" * 6000)
            elif self.path == "/bomb":
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Encoding", "gzip")
                self.end_headers()
                self.wfile.write(BOMB)
            elif self.path == "/huge":
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(2**31))
                self.end_headers()
                while not self.stop.is_set():
                    self.wfile.write(b"<p>more</p>" * 6000)
            elif self.path == "/file":
                self._send("x" * 100, "application/octet-stream")
            else:
                self.send_error(500)

    def _send(self, text: str, kind: str = "text/html; charset=utf-8") -> None:
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def site() -> Iterator[tuple[str, list[str]]]:
    """(address, paths that were asked for)."""
    _Handler.asked = []
    _Handler.stop.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", _Handler.asked
    finally:
        _Handler.stop.set()
        server.shutdown()
        server.server_close()
