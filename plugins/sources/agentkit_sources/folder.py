"""The part: `use = "folder"`."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from agentkit.capabilities import Cancel, Document, Hit, OnProgress, SearchResult, SourceInfo
from agentkit.errors import DataError
from agentkit.files import cache_dir, sha256
from agentkit.kit import Parts
from agentkit_sources.blocks import clean
from agentkit_sources.database import VERSION, Damaged, damaged
from agentkit_sources.index import Index, Passage, Update
from agentkit_sources.ranking import fuse, total
from agentkit_sources.semantics import Semantics
from agentkit_sources.settings import FolderSettings
from agentkit_sources.words import expression, phrase, words

T = TypeVar("T")
CANDIDATES = 100  # of each signal


class FolderSource:
    """A Source and a Vocabulary over the documents of a folder.

    The index is made at the first search and brought up to date by later ones; `update` does it at
    a time of your choosing and tells what was read, what was not, and why.
    """

    def __init__(self, settings: FolderSettings, parts: Parts) -> None:
        self.settings = settings
        self.root = parts.resolve(settings.path, "path").resolve()
        if not self.root.exists():
            raise DataError(
                f"sources.{parts.name}: there is no folder {self.root}",
                "set `path` to a folder of documents, or to one file",
            )
        self.index = Index(index_file(self.root, settings), self.root)
        self.info = SourceInfo(parts.name, "documents", f"documents in {self.root.name}")
        self.semantics = Semantics(self.index, parts)
        self._lock = threading.RLock()
        self._fresh_until = 0.0

    # -- Source -----------------------------------------------------------------------------------

    def search(self, query: str, k: int = 10) -> SearchResult:
        query = clean(query)
        terms = words(query)
        if not terms or k < 1:
            return SearchResult("empty", reason="the query holds no words")
        try:
            return self._healed(lambda: self._search(query, terms, k))
        except PermissionError as error:
            return SearchResult("blocked", reason=f"{self.root}: {error.strerror}")
        except (OSError, sqlite3.Error, Damaged) as error:
            return SearchResult("failed", reason=f"{self.root}: {error}")

    def open(self, document: str) -> Document:
        try:
            found = self._healed(lambda: self._document(document))
        except (OSError, sqlite3.Error, Damaged) as error:
            raise DataError(f"{document} cannot be opened: {error}", str(self.root)) from error
        if found is None:
            raise DataError(
                f"there is no document {document!r} in {self.root}",
                "it was moved or deleted, or it cannot be read: `agentkit index` says which",
            )
        return found

    # -- Vocabulary -------------------------------------------------------------------------------

    def document_frequency(self, word: str) -> int:
        if not words(word):
            return 0
        return self._healed(lambda: self.index.frequency(phrase(word)))

    # -- the index --------------------------------------------------------------------------------

    def update(
        self, *, on_progress: OnProgress | None = None, cancel: Cancel | None = None
    ) -> Update:
        """Brings the index up to date, and the vectors where there is an embedder.

        Args:
            on_progress: told (done, of how many, what) now and then.

        Raises:
            OSError: the folder cannot be listed, or the cache cannot be written.
            sqlite3.Error: the index cannot be written, e.g. because the disk is full.
            RunInterrupted: by `cancel`; what was read stays.
        """
        with self._lock:
            try:
                return self._update(on_progress, cancel)
            except (sqlite3.DatabaseError, Damaged) as error:
                if not damaged(error):
                    raise
            self.index.database.throw_away()
            done = self._update(on_progress, cancel)
            done.rebuilt = True
            return done

    def loaded(self) -> dict[str, str]:
        """What makes two of these give the same results: for the recipe of a run."""
        return {"root": str(self.root), "index": str(VERSION), **self.semantics.loaded()}

    def close(self) -> None:
        self.index.database.close()

    # -- inside -----------------------------------------------------------------------------------

    def _update(self, on_progress: OnProgress | None, cancel: Cancel | None) -> Update:
        s = self.settings
        done = self.index.update(
            s.include, s.exclude, s.largest, on_file=on_progress, cancel=cancel
        )
        self.info = replace(self.info, documents=done.documents)
        if s.weights.likeness:
            self.semantics.refresh(on_progress, cancel)
        self._fresh_until = time.monotonic() + s.refresh
        return done

    def _search(self, query: str, terms: list[str], k: int) -> SearchResult:
        signals = {"words": dict(self.index.match(expression(terms), CANDIDATES))}
        signals["likeness"] = self.semantics.near(" ".join(terms), CANDIDATES)
        weights = self.settings.weights.model_dump()
        ranked = fuse(signals, weights)
        if self.settings.read and weights["reading"]:
            signals["reading"] = self.semantics.read(query, list(ranked)[: self.settings.read])
            ranked = fuse(signals, weights)
        documents = self.index.owners(list(ranked))
        taken: Counter[str] = Counter()
        chosen: list[int] = []
        for id_ in ranked:
            document = documents.get(id_)  # None: another process has just removed it
            if document and taken[document] < self.settings.per_document and len(chosen) < k:
                taken[document] += 1
                chosen.append(id_)
        passages = self.index.passages(chosen)
        hits = [_hit(passages[id_], ranked[id_]) for id_ in chosen if id_ in passages]
        if not hits:
            known = self.index.counts()[0]
            nothing = "none of its words occurs" if known else "there is no document to read"
            return SearchResult("empty", reason=f"{nothing} in {self.root.name}")
        reason = self.semantics.missing
        if not signals["words"]:
            reason = "none of its words occurs; these are near in meaning"
        return SearchResult("ok", tuple(hits), reason)

    def _document(self, path: str) -> Document | None:
        """The stored document, read again first where its file has changed since."""
        found = self.index.document(path)
        if found is None:
            return None
        digest = found[1]
        file = self.root / path if self.root.is_dir() else self.root
        if not file.is_file() or sha256(file) != digest:
            self.index.doubt(path)
            self.update()
            found = self.index.document(path)
        return found[0] if found else None

    def _healed(self, ask: Callable[[], T]) -> T:
        """Asks of an index that is up to date, and of a new one where this one is damaged."""
        if time.monotonic() >= self._fresh_until:
            self.update()
        try:
            return ask()
        except (sqlite3.DatabaseError, Damaged) as error:
            if not damaged(error):
                raise
        self.index.database.throw_away()
        self.update()
        return ask()


def index_file(root: Path, settings: FolderSettings) -> Path:
    """Where a folder's index lies. Settings that change what is in it are part of the name."""
    key = json.dumps([VERSION, str(root), settings.include, settings.exclude, settings.largest])
    name = hashlib.sha256(key.encode()).hexdigest()[:20]
    return cache_dir() / "sources" / f"{name}.sqlite"


def _hit(passage: Passage, parts: tuple[tuple[str, float], ...]) -> Hit:
    return Hit(passage.document, passage.title, passage.text, passage.location, total(parts), parts)
