"""A source of one text file whose lines are found by their words."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from agentkit.capabilities import Document, Hit, Location, SearchResult, SourceInfo
from agentkit.errors import DataError
from agentkit.kit import Parts
from agentkit.settings import PartSettings


class Settings(PartSettings):
    """path: the file, UTF-8, relative to the settings file."""

    path: Path


class ClassName:
    """Lines are passages; a line's score is the share of the query's words that it holds."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._path = parts.resolve(settings.path, "path")
        self.info = SourceInfo(parts.name, "documents", f"the lines of {self._path.name}", 1)

    def search(self, query: str, k: int = 10) -> SearchResult:
        try:
            text = self.open(self._path.name).text
        except DataError as error:
            return SearchResult("failed", reason=error.message)
        wanted = _words(query)
        hits, start = [], 0
        for line in text.encode().splitlines(keepends=True):
            passage = line.decode().strip()
            if found := wanted & _words(passage):
                first = start + line.index(passage.encode())
                place = Location(first, first + len(passage.encode()))
                score = len(found) / len(wanted)
                hits.append(Hit(self._path.name, self._path.name, passage, place, score))
            start += len(line)
        hits.sort(key=lambda hit: (-hit.score, hit.location.start))
        return SearchResult("ok", tuple(hits[:k])) if hits and k > 0 else SearchResult("empty")

    def open(self, document: str) -> Document:
        if document != self._path.name:
            raise DataError(f"{self.info.name} has no document {document!r}", self._path.name)
        try:
            text = self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{self._path} cannot be read: {error}", "is it UTF-8 text?") from error
        return Document(document, document, text, hashlib.sha256(text.encode()).hexdigest())


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))
