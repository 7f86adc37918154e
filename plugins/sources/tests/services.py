"""Search services in miniature, on this machine.

They are fakes because the real ones need keys and the internet; they answer in the shapes that the
services document, over a handful of pages which the same server serves.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGES = {
    "/otters": "<title>Otters</title><h1>Otters</h1><h2>Food</h2><p>Otters eat fish and crabs.</p>"
    "<h2>Sleep</h2><p>Otters sleep afloat, wrapped in kelp.</p>",
    "/kelp": "<title>Kelp</title><h1>Kelp</h1><p>Kelp forests shelter fish and otters.</p>",
    "/denied": "",
    "/bread": "<title>Bread</title><h1>Bread</h1><p>Bread is baked from flour.</p>",
}
SAID = {
    "/otters": "Otters eat fish",
    "/kelp": "Forests of kelp and otters",
    "/denied": "A page about otters that wants a key",
    "/bread": "Bread and flour",
}
KEY = "hush"


class _Handler(BaseHTTPRequestHandler):
    asked: list[tuple[str, dict[str, str]]]

    def log_message(self, *_: object) -> None: ...

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._service("/tavily", {"q": [content["query"]]})

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path in PAGES:
            if parts.path == "/denied":
                self._send(403, b"", "text/html")
            else:
                self._send(200, PAGES[parts.path].encode(), "text/html; charset=utf-8")
        else:
            self._service(parts.path, parse_qs(parts.query))

    def _service(self, path: str, query: dict[str, list[str]]) -> None:
        self.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
        words = next(
            (query[k][0] for k in ("q", "search", "query", "search_query") if k in query), ""
        )
        if "SILENT" in words:
            self._json(
                {"query": words, "results": [], "unresponsive_engines": [["big", "timeout"]]}
            )
        elif "GARBAGE" in words:
            self._send(200, b"<html>not json</html>", "application/json")
        elif "WRONG" in words:
            self._json({"results": "none", "data": 3, "items": {}, "web": {"results": 1}})
        elif "LIMIT" in words:
            self._send(429, b"", "application/json")
        elif path == "/brave" and self.headers.get("X-Subscription-Token") != KEY:
            self._send(401, b"{}", "application/json")
        else:
            every = [w.removeprefix("all:").strip('":').lower() for w in words.split()]
            wanted = [w for w in every if w != "and"]
            found = [u for u, said in SAID.items() if any(w in said.lower() for w in wanted)]
            getattr(self, f"_{path.strip('/').replace('-', '_').replace('/', '_')}")(found)

    def _url(self, path: str) -> str:
        host, port = self.server.server_address[:2]
        return f"http://{host}:{port}{path}"

    def _searxng_search(self, found: list[str]) -> None:
        items = [{"url": self._url(u), "title": u[1:].title(), "content": SAID[u], "engine": "x",
                  "score": 1.0} for u in found]  # fmt: skip
        self._json({"query": "q", "number_of_results": 0, "results": items,
                    "unresponsive_engines": []})  # fmt: skip

    def _tavily(self, found: list[str]) -> None:
        items = [{"url": self._url(u), "title": u[1:], "content": SAID[u], "score": 0.9,
                  "raw_content": None} for u in found]  # fmt: skip
        self._json({"query": "q", "answer": None, "images": [], "results": items})

    def _brave(self, found: list[str]) -> None:
        items = [{"url": self._url(u), "title": u[1:], "description": f"<strong>{SAID[u]}</strong>"}
                 for u in found]  # fmt: skip
        self._json({"type": "search", **({"web": {"results": items}} if items else {})})

    def _openalex(self, found: list[str]) -> None:
        items = [
            {"id": f"https://openalex.org/W{i}", "doi": f"https://doi.org/10.1/{u[1:]}",
             "display_name": u[1:].title(), "publication_year": 2020 + i,
             "authorships": [{"author": {"display_name": "Ada Lovelace"}}],
             "primary_location": {"source": {"display_name": "Sea Letters"}},
             "abstract_inverted_index": {w: [n] for n, w in enumerate(SAID[u].split())}}
            for i, u in enumerate(found)
        ]  # fmt: skip
        self._json({"meta": {"count": len(items)}, "results": items})

    def _semantic_scholar(self, found: list[str]) -> None:
        items = [{"paperId": "p", "title": u[1:], "abstract": SAID[u], "year": 2021, "venue": None,
                  "authors": [{"authorId": "1", "name": "Emmy Noether"}],
                  "url": f"https://www.semanticscholar.org/paper{u}"} for u in found]  # fmt: skip
        self._json({"total": len(items), "offset": 0, **({"data": items} if items else {})})

    def _arxiv(self, found: list[str]) -> None:
        entries = "".join(
            f"<entry><id>http://arxiv.org/abs{u}</id><title>{u[1:]}</title><summary>{SAID[u]}"
            "</summary><published>2021-05-01T00:00:00Z</published>"
            "<author><name>Grace Hopper</name></author></entry>"
            for u in found
        )
        feed = f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom">{entries}</feed>'
        self._send(200, feed.encode(), "application/atom+xml; charset=utf-8")

    def _github(self, found: list[str]) -> None:
        items = [{"name": f"{u[1:]}.py", "path": f"src{u}.py", "html_url": self._url(f"/gh{u}.py"),
                  "repository": {"full_name": "sea/life"},
                  "text_matches": [{"fragment": f"def {u[1:]}():\n    # {SAID[u]}"}]}
                 for u in found]  # fmt: skip
        self._json({"total_count": len(items), "incomplete_results": False, "items": items})

    def _json(self, plain: Any) -> None:
        self._send(200, json.dumps(plain).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def services() -> Iterator[tuple[str, list[tuple[str, dict[str, str]]]]]:
    """(base address, requests to the services as (path, headers)) while they run."""
    _Handler.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", _Handler.asked
    finally:
        server.shutdown()
        server.server_close()
