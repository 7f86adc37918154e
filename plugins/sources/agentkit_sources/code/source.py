"""The part: `use = "code"`."""

from __future__ import annotations

import hashlib
import math
import re
import threading
from collections import Counter
from dataclasses import replace

from agentkit.capabilities import Cancel, Document, Hit, Location, OnProgress, SearchResult
from agentkit.errors import DataError
from agentkit.kit import Parts
from agentkit_sources.blocks import clean
from agentkit_sources.code.history import PREFIX, Commit, commits, head
from agentkit_sources.folder import FolderSource
from agentkit_sources.index import Update
from agentkit_sources.settings import CodeSettings, FolderSettings
from agentkit_sources.words import words

_NAME = re.compile(r"[^\W\d]\w*")
_OF_ONE_NAME = 20  # definitions
_OF_HISTORY = 0.9  # what a perfect match in the history is worth against one in the code


class CodeSource:
    """A repository as a Source and a Vocabulary. What is named in a query is found by its
    definition first; then what holds the words, code, documentation and commits."""

    def __init__(self, settings: CodeSettings, parts: Parts) -> None:
        values = settings.model_dump(exclude={"commits"})
        values["path"] = parts.resolve(settings.path, "path")
        self._commits = settings.commits
        self.files = FolderSource(FolderSettings.model_validate(values), parts)
        description = f"code and documentation in {self.files.root.name}"
        self.info = replace(self.files.info, kind="code", description=description)
        self._lock = threading.Lock()
        self._head = ""
        self._history: dict[str, Commit] = {}

    def search(self, query: str, k: int = 10) -> SearchResult:
        query = clean(query)
        found = self.files.search(query, max(k, 1))
        if found.status in ("failed", "blocked") or k < 1:
            return found if k >= 1 else SearchResult("empty", reason="nothing was asked for")
        hits = list(found.hits)
        best = max((hit.score for hit in hits), default=1.0)
        defined = self._defined(query, best)
        places = {(hit.document, hit.location.start) for hit in defined}
        hits = [hit for hit in hits if (hit.document, hit.location.start) not in places]
        every = [*defined, *hits, *self._changes(query, best)]
        every.sort(key=lambda hit: -hit.score)
        if not every:
            return found
        self.info = replace(self.info, documents=self.files.info.documents)
        return SearchResult("ok", tuple(every[:k]), found.reason)

    def open(self, document: str) -> Document:
        if not document.startswith(PREFIX):
            return self.files.open(document)
        commit = self._log().get(document)
        if commit is None:
            raise DataError(
                f"there is no {document[:80]!r} among the latest commits", "raise `commits`"
            )
        digest = hashlib.sha256(commit.text.encode()).hexdigest()
        uri = self.files.root.as_uri()
        return Document(document, commit.subject or document, commit.text, digest, uri)

    def document_frequency(self, word: str) -> int:
        return self.files.document_frequency(word)

    def update(
        self, *, on_progress: OnProgress | None = None, cancel: Cancel | None = None
    ) -> Update:
        """Brings the index up to date: see `FolderSource.update`."""
        return self.files.update(on_progress=on_progress, cancel=cancel)

    def loaded(self) -> dict[str, str]:
        """For the recipe of a run."""
        return {**self.files.loaded(), "head": self._head}

    def close(self) -> None:
        self.files.close()

    # -- inside -----------------------------------------------------------------------------------

    def _defined(self, query: str, best: float) -> list[Hit]:
        """Definitions of what a query names. "Shop.add" is a method of a class; a plain word of
        English counts only where it is written as names are, or alone."""
        asked = list(dict.fromkeys(_NAME.findall(query)))[:40]
        names = [n for n in asked if len(asked) == 1 or _like_a_name(n) or f"{n}(" in query]
        dotted = {last: first for first, last in re.findall(r"(\w+)(?:\.|::)(\w+)", query)}
        names += [name for name in dotted if name not in names]
        index = self.files.index
        ids = index.headed(names, _OF_ONE_NAME)
        passages = index.passages(ids)
        ranked: list[tuple[float, Hit]] = []
        for order, id_ in enumerate(ids):
            one = passages[id_]
            owner = dotted.get(one.location.heading[-1].rpartition(" ")[2], "")
            inside = any(h.rpartition(" ")[2] == owner for h in one.location.heading[:-1])
            bonus = 2.0 if owner and inside else 1.0
            score = best + bonus - 0.001 * order
            hit = Hit(one.document, one.title, one.text, one.location, score, (("name", bonus),))
            ranked.append((score, hit))
        return [hit for _, hit in sorted(ranked, key=lambda pair: -pair[0])]

    def _changes(self, query: str, best: float) -> list[Hit]:
        """Commits that hold the words of a query, rarer words weighing more."""
        log = self._log()
        terms = words(query)
        if not log or not terms:
            return []
        texts = {name: commit.text.lower() for name, commit in log.items()}
        holds = Counter(term for text in texts.values() for term in terms if term in text)
        weight = {t: math.log(1 + len(texts) / holds[t]) if holds[t] else 4.0 for t in terms}
        whole = sum(weight.values())
        hits = []
        for name, text in texts.items():
            share = sum(weight[term] for term in terms if term in text) / whole
            if share > 0.3:
                commit = log[name]
                message = "\n\n".join(p for p in (commit.subject, commit.body) if p)
                location = Location(0, len(message.encode()), ("history",))
                score = best * share * _OF_HISTORY
                title = f"{commit.subject} ({commit.date[:10]})"
                hits.append(Hit(name, title, message, location, score, (("history", share),)))
        return [hit for hit in hits if hit.text.strip()]

    def _log(self) -> dict[str, Commit]:
        """The history, read again where the repository has moved on."""
        with self._lock:
            now = head(self.files.root)
            if now != self._head:
                found = commits(self.files.root, self._commits) if now else []
                self._history = {commit.name: commit for commit in found}
                self._head = now
            return self._history


def _like_a_name(word: str) -> bool:
    """Whether a word is written as names in code are: snake_case, camelCase, CONSTANT, Type2."""
    inner = word[1:]
    return "_" in word.strip("_") or any(c.isupper() or c.isdigit() for c in inner)
