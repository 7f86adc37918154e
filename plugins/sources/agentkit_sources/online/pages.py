"""Found pages as documents, kept on disk, so that another process opens what was quoted."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentkit.capabilities import Document
from agentkit.errors import AgentkitError, DataError
from agentkit.fetching import Fetched, Fetcher
from agentkit.files import cache_dir, write_atomic
from agentkit_sources.blocks import Block, Parsed, TextWriter, Unreadable
from agentkit_sources.online.answers import Found
from agentkit_sources.readers import read

_SUFFIXES = {
    "text/html": "page.html",
    "application/xhtml+xml": "page.html",
    "text/markdown": "page.md",
    "application/pdf": "page.pdf",
    "application/json": "page.json",
}


@dataclass(frozen=True, slots=True)
class Page:
    """A document with its blocks. fault: why the page itself was not read, "" where it was."""

    document: Document
    parsed: Parsed
    fault: str = ""


class Pages:
    """The documents of one source."""

    def __init__(self, name: str, fetcher: Fetcher, keep: float) -> None:
        key = hashlib.sha256(name.encode()).hexdigest()[:20]
        self._folder = cache_dir() / "search" / key
        self._fetcher, self._keep = fetcher, keep

    def page(self, found: Found) -> Page:
        """The page behind a result, fetched unless it was lately; where it cannot be, what the
        service said about it."""
        kept = self._kept(found.url, self._keep)
        if kept and not kept.fault:
            return kept
        try:
            fetched = self._fetcher.get(found.url)
            parsed = _parsed(found, fetched)
        except (AgentkitError, Unreadable) as error:
            return self.record(found, str(error).splitlines()[0])
        return self._store(found.url, parsed, "")

    def record(self, found: Found, fault: str = "") -> Page:
        """What the service said, as a document. Its name tells it from the page itself."""
        writer = TextWriter()
        writer.add("heading", found.title)
        for paragraph in found.text.split("\n\n"):
            writer.add("paragraph", paragraph, (found.title,))
        parsed = writer.done(found.title, "text/plain")
        return self._store(f"{found.url}#said", parsed, fault)

    def open(self, name: str) -> Document:
        """A document that a search gave.

        Raises:
            DataError: no search gave it.
        """
        kept = self._kept(name, float("inf"))
        if kept is None:
            raise DataError(
                f"no search has found {name[:200]!r}", "only what was found can be opened"
            )
        return kept.document

    # -- inside -----------------------------------------------------------------------------------

    def _file(self, name: str) -> Path:
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()}.json"

    def _store(self, name: str, parsed: Parsed, fault: str) -> Page:
        page = _page(name, parsed, fault)
        plain = {
            "name": name,
            "at": time.time(),
            "title": parsed.title,
            "text": parsed.text,
            "media_type": parsed.media_type,
            "blocks": [
                [b.kind, b.start, b.end, list(b.heading), b.page, b.anchor] for b in parsed.blocks
            ],
        }
        write_atomic(self._file(name), json.dumps(plain, ensure_ascii=False))
        return page

    def _kept(self, name: str, seconds: float) -> Page | None:
        try:
            plain: Any = json.loads(self._file(name).read_text("utf-8"))
            if plain["name"] != name or time.time() - plain["at"] > seconds:
                return None
            blocks = tuple(Block(k, s, e, tuple(h), p, a) for k, s, e, h, p, a in plain["blocks"])
            parsed = Parsed(plain["title"], plain["text"], blocks, plain["media_type"])
        except (OSError, ValueError, KeyError, TypeError):  # absent, or cut short
            return None
        return _page(name, parsed, "")


def _page(name: str, parsed: Parsed, fault: str) -> Page:
    digest = hashlib.sha256(parsed.text.encode()).hexdigest()
    uri = name.removesuffix("#said")
    document = Document(name, parsed.title, parsed.text, digest, uri, parsed.media_type)
    return Page(document, parsed, fault)


def _parsed(found: Found, fetched: Fetched) -> Parsed:
    name = _SUFFIXES.get(fetched.media_type, "page.txt" if fetched.media_type else "page.html")
    decoded = fetched.charset and name != "page.pdf"
    parsed = read(name, fetched.text.encode() if decoded else fetched.body)
    title = found.title if parsed.title == name else parsed.title
    return Parsed(title, parsed.text, parsed.blocks, fetched.media_type or "text/plain")
