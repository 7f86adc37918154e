"""What an embedder adds to a search: candidates in other words, and a second look at the best.

It may be absent at any point (no such part, its files not fetched, damaged): then `missing` says
so and the search goes on by words alone.
"""

from __future__ import annotations

import threading

from agentkit.capabilities import Cancel, Embed, OnProgress
from agentkit.errors import AgentkitError
from agentkit.kit import Parts
from agentkit.models.files import model_folder
from agentkit_sources.index import Index
from agentkit_sources.rerank import Reranker
from agentkit_sources.vectors import Maker, StaticVectors, TokenTable


class Semantics:
    """Static vectors and re-ranking over one index, each made when first used."""

    def __init__(self, index: Index, parts: Parts) -> None:
        self._index, self._parts = index, parts
        self._names = parts.names("embedder")
        self._vectors: StaticVectors | None = None
        self._reranker: Reranker | None = None
        self._lock = threading.RLock()
        self.missing = "" if self._names else "no embedder is set"

    def refresh(self, on_progress: OnProgress | None = None, cancel: Cancel | None = None) -> None:
        """Brings the vectors up to date; the first time on a machine, makes them."""
        with self._lock:
            if not self._names:
                return
            self.missing = ""  # it may have been fetched since
            try:
                if self._vectors is None:
                    self._vectors = StaticVectors(self._index, self.table(on_progress, cancel))
                self._vectors.refresh(on_progress, cancel)
            except AgentkitError as error:
                self._gone(error)

    def table(
        self, on_progress: OnProgress | None = None, cancel: Cancel | None = None
    ) -> TokenTable:
        """The embedder's token table, one for all sources of a kit.

        Raises:
            AgentkitError: the embedder is not there.
        """
        return self._parts.share(
            f"sources.tokens.{self._names[0]}",
            lambda: TokenTable(self._maker(), on_progress, cancel),
        )

    def near(self, text: str, limit: int) -> dict[int, float]:
        """Candidates: the passages nearest to a text by static vectors, with their cosines."""
        with self._lock:
            return self._vectors.search(text, limit) if self._vectors and not self.missing else {}

    def read(self, query: str, ids: list[int]) -> dict[int, float]:
        """The embedder's own cosines of a query and these passages."""
        if self.missing or not ids:
            return {}
        try:
            with self._lock:
                if self._reranker is None:
                    maker = self._maker()
                    self._reranker = Reranker(self._index, maker.embed, maker.fingerprint)
            return self._reranker.cosines(query, ids)
        except AgentkitError as error:
            self._gone(error)
            return {}

    def loaded(self) -> dict[str, str]:
        """The embedder's fingerprint, "" where there is none."""
        try:
            return {"embedder": "" if self.missing else self._maker().fingerprint}
        except AgentkitError:
            return {"embedder": ""}

    def _maker(self) -> Maker:
        """Where the embedder's files are; loads nothing.

        Raises:
            AgentkitError: they are not there.
        """
        folder, fingerprint = model_folder(self._parts, "embedder")
        return Maker(folder / "tokenizer.json", fingerprint, self._embed)

    def _embed(self) -> Embed:
        return self._parts["embedder"].ability(Embed)  # type: ignore[no-any-return]

    def _gone(self, error: AgentkitError) -> None:
        self.missing = f"words alone: {error.message}" + (f" ({error.hint})" if error.hint else "")
