"""SO: sources."""

from __future__ import annotations

import hashlib
import threading
from typing import Any, ClassVar

from agentkit.capabilities import SearchResult, Vocabulary
from agentkit.errors import DataError
from agentkit.testing.conformance.base import Conformance

NONSENSE = "qzxvkjwq zzqqxxvv"
ODD = (
    "",
    " ",
    '"',
    "'; DROP TABLE documents; --",
    "AND OR NOT NEAR(",
    "a* (b OR",
    "^title : x",
    "\x00",
    "word " * 3000,
    "漢字 🙂 Grüße",
    "-",
)


class SourceConformance(Conformance):
    """Give `toml` or `make()`, and a query that finds at least two passages."""

    noun = "source"
    query: ClassVar[str] = ""

    def found(self, k: int = 10) -> SearchResult:
        assert self.query, f"{type(self).__name__} gives no `query` that finds something"
        result: SearchResult = self.part.search(self.query, k)
        assert result.status == "ok" and result.hits, f"{self.query!r} found nothing: {result}"
        return result

    def test_so01_the_best_come_first(self) -> None:
        """At most k hits, sorted by score, none twice; asking for fewer gives their beginning."""
        hits = self.found().hits
        assert 2 <= len(hits) <= 10, "choose a `query` that finds at least two passages"
        scores = [hit.score for hit in hits]
        assert scores == sorted(scores, reverse=True)
        places = [(h.document, h.location.start, h.location.end) for h in hits]
        assert len(set(places)) == len(places), "a passage was found twice"
        assert self.found(1).hits == hits[:1]

    def test_so02_every_quote_is_verbatim(self) -> None:
        """A hit's text is its document's bytes at its location; the hash is that of the text."""
        for hit in self.found().hits:
            document = self.part.open(hit.document)
            assert document.id == hit.document
            assert document.quote(hit.location) == hit.text, f"{hit.location} holds other text"
            assert document.sha256 == hashlib.sha256(document.text.encode()).hexdigest()
            assert hit.text.strip() and hit.title

    def test_so03_nothing_found_is_a_result(self) -> None:
        """Words that do not occur give "empty", without hits."""
        result = self.part.search(NONSENSE)
        assert result.status == "empty" and not result.hits, result

    def test_so04_any_query_is_answered(self) -> None:
        """No query raises, and results that are not "ok" say why they failed."""
        for query in ODD:
            result = self.part.search(query, 3)
            assert result.status in ("ok", "empty", "failed", "blocked")
            assert bool(result.hits) == (result.status == "ok")
            assert result.reason or result.status in ("ok", "empty")
            assert len(result.hits) <= 3
        assert not self.part.search(self.query, 0).hits

    def test_so05_a_document_that_is_not_there(self) -> None:
        """open raises DataError, for names that would leave the source as well."""
        for name in ("no-such-document", "", "../../../../etc/passwd", "/etc/passwd", "\x00"):
            try:
                self.part.open(name)
            except DataError:
                continue
            raise AssertionError(f"opened {name!r}")

    def test_so06_the_same_query_finds_the_same(self) -> None:
        """Searching is deterministic, for another instance too."""
        with self.fresh() as other:
            assert self.found().hits == self.found().hits == other.search(self.query).hits

    def test_so07_threads_may_search_at_once(self) -> None:
        """Results do not depend on who else is searching."""
        expected = self.found().hits
        found: list[Any] = []

        def look() -> None:
            try:
                found.append(self.part.search(self.query).hits)
            except Exception as error:
                found.append(error)

        threads = [threading.Thread(target=look) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert found == [expected] * 6

    def test_so08_it_says_what_it_is(self) -> None:
        """Name and kind; and how many documents where that is known."""
        info = self.part.info
        assert info.name and info.kind
        assert info.documents is None or info.documents > 0

    def test_so09_a_vocabulary_counts(self) -> None:
        """A source that counts words knows those that it found and none that do not occur."""
        if not isinstance(self.part, Vocabulary):
            return
        word = max(self.query.split(), key=len).strip("?.,!").lower()
        assert self.part.document_frequency(word) > 0, f"{word!r} is in no passage"
        assert self.part.document_frequency("qzxvkjwq") == 0
