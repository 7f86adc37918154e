"""What `agentkit bench retrieval` compares with. Each baseline sees the same passages.

BM25 comes twice: as FTS5 computes it (k1 = 1.2, b = 0.75, all columns alike), and with k1, b and
the weights of title and heading chosen for the development questions, which FTS5 cannot do.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product

import numpy as np

from agentkit.bench import Bench
from agentkit.capabilities import Embed, Hit, Source
from agentkit_sources.index import Index
from agentkit_sources.rerank import BEGINNING
from agentkit_sources.words import words

DEPTH = 50  # hits asked for: enough for ten pages
_COLUMNS = ("title", "heading", "body")
_K1 = (0.4, 0.8, 1.2, 1.6, 2.0, 3.0)
_B = (0.0, 0.25, 0.5, 0.75, 1.0)
_WEIGHTS = ((1, 1, 1), (2, 1, 1), (1, 2, 1), (2, 2, 1), (3, 2, 1), (0.5, 0.5, 1), (0, 1, 1))
_EMBEDDED_AT_ONCE = 512

Find = Callable[[str], Sequence[Hit]]
Parameters = tuple[float, float, tuple[float, float, float]]


class Bm25:
    """BM25 with free parameters over the tokens that FTS5 made; with FTS5's own parameters it
    gives FTS5's scores (a test holds this). The whole index is held in memory."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._ids = index.ids()
        row = {id_: number for number, id_ in enumerate(self._ids)}
        column = {name: number for number, name in enumerate(_COLUMNS)}
        self._lengths = np.zeros(len(row))
        # token: its places, each (row, column, position)
        self._places: dict[str, set[tuple[int, int, int]]] = defaultdict(set)
        with index.database.lock:
            db = index.database.open()
            db.execute(_VOCABULARY.format("main", "passages"))
            found = db.execute("SELECT term, doc, col, offset FROM temp.vocabulary").fetchall()
            db.execute("DROP TABLE temp.vocabulary")
        for term, id_, name, position in found:
            self._places[term].add((row[id_], column[name], position))
            self._lengths[row[id_]] += 1
        self._tokenizer = sqlite3.connect(":memory:", check_same_thread=False)
        self._tokenizer.execute("CREATE VIRTUAL TABLE t USING fts5(x, tokenize='porter unicode61')")
        self._tokenizer.execute(_VOCABULARY.format("main", "t"))

    def scores(self, question: str, parameters: Parameters) -> np.ndarray:
        """(passages,) in the order of `Index.ids`."""
        return self._scores(self._occurrences(question), parameters)

    def find(self, question: str, parameters: Parameters) -> list[Hit]:
        """The best passages."""
        scores = self.scores(question, parameters)
        best = np.argsort(-scores, kind="stable")[:DEPTH]
        return _hits(self._index, [self._ids[i] for i in best if scores[i] > 0])

    def tuned(self, questions: Sequence[tuple[str, frozenset[str]]]) -> Parameters:
        """The parameters with the best recall@5 by page for (question, pages that answer it); among
        equals, those with the best mean reciprocal rank."""
        owners = self._index.owners(self._ids)
        pages = np.array([owners[id_] for id_ in self._ids], object)
        asked = [(self._occurrences(text), answering) for text, answering in questions]
        best: tuple[tuple[int, float], Parameters] | None = None
        for k1, b, weights in product(_K1, _B, _WEIGHTS):
            ranks = []
            for occurrences, answering in asked:
                scores = self._scores(occurrences, (k1, b, weights))
                order = [i for i in np.argsort(-scores, kind="stable")[:DEPTH] if scores[i] > 0]
                found = list(dict.fromkeys(pages[order]))
                ranks.append(next((n for n, p in enumerate(found, 1) if p in answering), 0))
            key = (sum(0 < r <= 5 for r in ranks), sum(1 / r for r in ranks if r))
            if best is None or key > best[0]:
                best = key, (k1, b, weights)
        assert best is not None
        return best[1]

    def _scores(self, occurrences: list[np.ndarray], parameters: Parameters) -> np.ndarray:
        k1, b, weights = parameters
        n = len(self._ids)
        norm = k1 * (1 - b + b * self._lengths / max(float(self._lengths.mean()), 1e-9))
        scores = np.zeros(n)
        for counts in occurrences:
            df = int((counts.sum(0) > 0).sum())
            if df:
                idf = max(1e-6, float(np.log((n - df + 0.5) / (df + 0.5))))
                tf = np.asarray(weights) @ counts
                scores += idf * tf * (k1 + 1) / np.maximum(tf + norm, 1e-12)
        return scores

    def _occurrences(self, question: str) -> list[np.ndarray]:
        """For each word, how often it occurs: (columns, passages). Compounds are phrases."""
        found = []
        for word in words(question):
            counts = np.zeros((len(_COLUMNS), len(self._ids)))
            places = [
                {
                    (row, column, position - offset)
                    for row, column, position in self._places.get(token, ())
                }
                for offset, token in enumerate(self._tokens(word))
            ]
            for row, column, _ in set.intersection(*places) if places else ():
                counts[column, row] += 1
            found.append(counts)
        return found

    def _tokens(self, word: str) -> list[str]:
        db = self._tokenizer
        db.execute("DELETE FROM t")
        db.execute("INSERT INTO t VALUES (?)", (word,))
        return [row[0] for row in db.execute("SELECT term FROM temp.vocabulary ORDER BY offset")]


_VOCABULARY = "CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab('{}', '{}', 'instance')"


def reciprocal(first: Source, second: Source, k: int = 60) -> Find:
    """Reciprocal rank fusion with equal weights and the customary k."""

    def find(question: str) -> list[Hit]:
        scores: dict[tuple[str, int], float] = {}
        hits: dict[tuple[str, int], Hit] = {}
        for source in (first, second):
            for rank, hit in enumerate(source.search(question, 100).hits, 1):
                key = (hit.document, hit.location.start)
                scores[key] = scores.get(key, 0.0) + 1 / (k + rank)
                hits[key] = hit
        return [hits[key] for key in sorted(scores, key=lambda key: (-scores[key], key))]

    return find


def embedder_alone(bench: Bench, index: Index, model: Embed) -> Find:
    """The embedder on the beginning of every passage: what re-ranking few stands in for."""
    ids = index.ids()

    def embed(start: int) -> list[list[float]]:
        some = index.passages(ids[start : start + _EMBEDDED_AT_ONCE])
        texts = [some[id_].text[:BEGINNING] for id_ in ids[start : start + _EMBEDDED_AT_ONCE]]
        made: list[list[float]] = model.embed(texts).tolist()
        return made

    generation = index.database.fact("generation")
    vectors: list[list[float]] = []
    for start in range(0, len(ids), _EMBEDDED_AT_ONCE):
        vectors += bench.once(f"vectors {generation} {start}", partial(embed, start))
    matrix = np.array(vectors, np.float32)

    def find(question: str) -> list[Hit]:
        cosines = matrix @ model.embed([question])[0]
        return _hits(index, [ids[i] for i in np.argsort(-cosines, kind="stable")[:DEPTH]])

    return find


def _hits(index: Index, ids: list[int]) -> list[Hit]:
    passages = index.passages(ids)
    found = [passages[id_] for id_ in ids]
    return [Hit(p.document, p.title, p.text, p.location, 0.0) for p in found]
