"""The front end as it is shipped: its files, and the page that every other address shows."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from agentkit.console.faults import missing

KINDS = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".json": "application/json",
    ".map": "application/json",
    ".txt": "text/plain",
    ".ico": "image/x-icon",
}
PIECE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class Shipped:
    """Answers below `/static` and wherever nothing else does."""

    def __init__(self) -> None:
        self._files = files("agentkit.console") / "static"

    async def static(self, request: Request) -> Response:
        return self._file(request.path_params["path"])

    async def front(self, request: Request) -> Response:
        return self._file("index.html")

    def _file(self, path: str) -> Response:
        pieces = path.split("/")
        if not all(PIECE.fullmatch(piece) for piece in pieces):
            raise missing("there is no such file")
        found = self._files.joinpath(*pieces)
        kind = KINDS.get(Path(pieces[-1]).suffix)
        if kind is None or not found.is_file():
            raise missing("there is no such file")
        headers = {"Cache-Control": "no-cache"}
        return Response(found.read_bytes(), headers=headers, media_type=kind)
