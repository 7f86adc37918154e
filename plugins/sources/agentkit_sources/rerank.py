"""Re-ranking: the embedder itself reads the question and a few passages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from agentkit.capabilities import Embed
from agentkit_sources.index import Index

BEGINNING = 500  # characters of a passage; reading it to its end cost twice the time, for nothing


class Reranker:
    """Cosines of a question and passages by a sentence embedder. A passage is embedded when it is
    first met and kept in the index."""

    def __init__(self, index: Index, embed: Callable[[], Embed], fingerprint: str) -> None:
        self._index, self._embed, self._fingerprint = index, embed, fingerprint

    def cosines(self, query: str, ids: Sequence[int]) -> dict[int, float]:
        """How near each passage is to the query, -1 to 1."""
        if not ids:
            return {}
        model = self._embed()
        self._index.use_embeddings_of(self._fingerprint)
        known = self._index.embeddings(ids)
        vectors = {id_: np.frombuffer(blob, "<f4") for id_, blob in known.items()}
        passages = self._index.passages([id_ for id_ in ids if id_ not in vectors])
        missing = list(passages)
        if missing:
            made = model.embed([passages[id_].text[:BEGINNING] for id_ in missing]).astype("<f4")
            vectors |= dict(zip(missing, made))
            self._index.put_embeddings((id_, vectors[id_].tobytes()) for id_ in missing)
        asked = model.embed([query])[0]
        return {id_: float(vector @ asked) for id_, vector in vectors.items()}
