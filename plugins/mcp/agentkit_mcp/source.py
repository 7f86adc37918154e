"""The part: `use = "mcp"`, a source."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import shutil
import threading
import time
from dataclasses import replace
from typing import Any

from mcp import types

from agentkit.capabilities import Document, Hit, Location, SearchResult, Source, SourceInfo
from agentkit.errors import AgentkitError, BackendUnavailable, DataError
from agentkit.files import cache_dir, write_atomic
from agentkit.kit import Parts
from agentkit_mcp.said import plain, texts_of
from agentkit_mcp.settings import SourceSettings
from agentkit_mcp.tool import shared

_KINDS = {
    "text/html": ".html",
    "text/markdown": ".md",
    "application/json": ".json",
    "application/pdf": ".pdf",
    "text/csv": ".csv",
}
_PASSAGE = 1000  # characters
_LONGEST_QUERY = 2000


class McpSource:
    """Documents of a server: its resources, read into the cache and searched there; or what its own
    search tool finds, each text of an answer a document named by the query."""

    def __init__(self, settings: SourceSettings, parts: Parts) -> None:
        self.settings, self._parts = settings, parts
        self._server = shared(settings, parts)
        self.info = SourceInfo(parts.name, "mcp", f"the MCP server {self._server.name}")
        key = settings.model_dump_json(include={"command", "url", "cwd", "resources"})
        self._folder = cache_dir() / "mcp" / hashlib.sha256(key.encode()).hexdigest()[:20]
        self._files: dict[str, str] = {}  # file to URI
        self._found: dict[str, str] = {}  # document of an answer to its text
        self._pages: Source | None = None
        self._fresh_until = 0.0
        self._lock = threading.RLock()

    def search(self, query: str, k: int = 10) -> SearchResult:
        query = plain(query, _LONGEST_QUERY)
        if not query or k < 1:
            return SearchResult("empty", reason="the query holds no words")
        try:
            return self._asked(query, k) if self.settings.search else self._resources(query, k)
        except (AgentkitError, OSError) as error:
            return SearchResult("failed", reason="; ".join(str(error).splitlines()))

    def open(self, document: str) -> Document:
        if self.settings.search:
            return self._answer(document)
        self._read_resources()
        file = next((name for name, uri in self._files.items() if uri == document), None)
        if file is None:
            raise DataError(
                f"{self._server.name} has no resource {document[:200]!r}", "search it first"
            )
        return replace(self._searched().open(file), id=document, uri=document)

    # -- resources --------------------------------------------------------------------------------

    def _resources(self, query: str, k: int) -> SearchResult:
        self._read_resources()
        if not self._files:
            return SearchResult("empty", reason=f"{self._server.name} lists no resources")
        found = self._searched().search(query, k)
        hits = tuple(
            replace(hit, document=self._files.get(hit.document, hit.document)) for hit in found.hits
        )
        return replace(found, hits=hits)

    def _read_resources(self) -> None:
        """Reads all resources into the cache, where they are not fresh there."""
        with self._lock:
            if time.monotonic() < self._fresh_until:
                return
            files: dict[str, str] = {}
            for resource in self._server.resources()[: self.settings.resources]:
                uri = str(resource.uri)
                for data, kind in _contents(self._server.read(uri)):
                    name = hashlib.sha256(uri.encode()).hexdigest()[:24] + kind
                    write_atomic(self._folder / name, data)
                    files[name] = uri
            for old in self._folder.glob("*") if self._folder.is_dir() else ():
                if old.name not in files:
                    shutil.rmtree(old) if old.is_dir() else old.unlink()
            self._files = files
            self.info = replace(self.info, documents=len(files) or None)
            self._fresh_until = time.monotonic() + self.settings.refresh

    def _searched(self) -> Source:
        """The source that searches them: the kit's own kind for folders."""
        with self._lock:
            if self._pages is None:
                name = f"{self.info.name}-resources"
                self._parts.kit.define(
                    "source",
                    name,
                    use="folder",
                    path=str(self._folder),
                    embedder=self.settings.embedder,
                    refresh=0.0,
                )
                self._pages = self._parts.kit.source(name)
            return self._pages

    # -- the server's own search ------------------------------------------------------------------

    def _asked(self, query: str, k: int) -> SearchResult:
        texts = self._call(query)
        hits: list[Hit] = []
        for number, text in enumerate(texts):
            name = _name(query, number)
            self._found[name] = text
            title = next(iter(text.splitlines()), "")[:120] or query
            for order, (start, end) in enumerate(_passages(text)):
                passage = text.encode()[start:end].decode()
                score = 1 / (1 + number) - 0.0001 * order
                hits.append(Hit(name, title, passage, Location(start, end), score))
        hits.sort(key=lambda hit: -hit.score)
        if not hits:
            return SearchResult("empty", reason=f"{self.settings.search} found nothing")
        return SearchResult("ok", tuple(hits[:k]))

    def _call(self, query: str) -> list[str]:
        s = self.settings
        assert s.search is not None
        result = self._server.call(s.search, {**s.arguments, s.argument: query})
        texts = [_clean(text) for text in texts_of(result)]
        if result.is_error:
            reason = plain(" ".join(texts), 300)
            raise BackendUnavailable(f"{self._server.name}: {s.search} failed: {reason}")
        return [text for text in texts if text.strip()]

    def _answer(self, document: str) -> Document:
        """An answer's text; asked for again where this process has not heard it."""
        if document not in self._found:
            query, number = _parsed(document)
            if query is None:
                raise DataError(f"{document[:200]!r} is no answer of {self._server.name}", "search")
            texts = self._call(query)
            if number >= len(texts):
                raise DataError(f"{self._server.name} gives that answer no longer", document[:200])
            self._found[document] = texts[number]
        text = self._found[document]
        title = next(iter(text.splitlines()), "")[:120] or document
        return Document(document, title, text, hashlib.sha256(text.encode()).hexdigest())


def _contents(result: types.ReadResourceResult) -> list[tuple[bytes, str]]:
    """(bytes, file ending) of a resource's parts that can be read."""
    found = []
    for part in result.contents:
        kind = _KINDS.get((part.mime_type or "").partition(";")[0], ".txt")
        text: Any = getattr(part, "text", None)
        if text is not None:
            found.append((str(text).encode("utf-8", "replace"), kind))
        elif kind == ".pdf":
            try:
                found.append((base64.b64decode(getattr(part, "blob", ""), validate=True), kind))
            except (binascii.Error, ValueError):
                continue
    return found[:1]


def _passages(text: str) -> list[tuple[int, int]]:
    """Byte ranges of paragraphs, joined up to a passage's length."""
    found: list[tuple[int, int]] = []
    for match in re.finditer(r"\S(?:.|\n(?!\s*\n))*", text):
        body = match[0].rstrip()
        start = len(text[: match.start()].encode())
        end = start + len(body.encode())
        if found and end - found[-1][0] <= _PASSAGE:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def _clean(text: str) -> str:
    """What UTF-8 and a quote can hold."""
    return text.replace("\r\n", "\n").replace("\x00", "").encode("utf-8", "replace").decode()


def _name(query: str, number: int) -> str:
    return f"answer {number} to {json.dumps(query, ensure_ascii=False)}"


def _parsed(document: str) -> tuple[str | None, int]:
    match = re.fullmatch(r"answer (\d{1,4}) to (\".*\")", document, re.S)
    if match is None:
        return None, 0
    try:
        query = json.loads(match[2])
    except ValueError:
        return None, 0
    return (query if isinstance(query, str) else None), int(match[1])
