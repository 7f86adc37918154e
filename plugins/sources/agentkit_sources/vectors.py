"""Static token vectors: a second source of candidates that knows related words, without a model
at search time.

The recipe of model2vec: every token of a sentence embedder's vocabulary goes through it once,
alone; the vectors are centred and brought to 256 principal components. A text is the sum of its
tokens' vectors, rare tokens weighing more, brought to length 1. Weights are inverse document
frequencies of tokens in this very corpus: they beat those from general frequencies clearly (on
SQLite's pages, everything is about databases).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from agentkit.capabilities import Cancel, Embed, OnProgress
from agentkit.errors import ModelFileError, RunInterrupted
from agentkit.files import cache_dir, write_atomic
from agentkit_sources.index import Index

DIMENSIONS = 256  # at most: an embedder of fewer keeps its own
_TOKENS_AT_ONCE = 512
_CHUNKS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Maker:
    """Where vectors come from. tokenizer: the embedder's tokenizer.json. fingerprint: of its
    weights and tokenizer. embed: gives the embedder, loaded only when the table must be made."""

    tokenizer: Path
    fingerprint: str
    embed: Callable[[], Embed]


class TokenTable:
    """One vector a token: (tokens, d). Made once for an embedder, then kept in the cache."""

    def __init__(
        self, maker: Maker, on_progress: OnProgress | None = None, cancel: Cancel | None = None
    ) -> None:
        """Loads the table, or makes it: 30,522 short texts, half a minute for MiniLM.

        Raises:
            ModelFileError: the tokenizer cannot be read, or the embedder cannot be loaded.
            RunInterrupted: by `cancel`.
        """
        self.fingerprint = f"{maker.fingerprint[:20]}-{DIMENSIONS}"
        self._tokenizer = _tokenizer(maker.tokenizer)
        self.size: int = self._tokenizer.get_vocab_size()
        file = cache_dir() / "sources" / f"tokens-{self.fingerprint}.npy"
        table = _load(file, self.size)
        if table is None:
            write_atomic(
                file, _bytes(make_table(self._tokenizer, maker.embed(), on_progress, cancel))
            )
            table = _load(file, self.size)
            assert table is not None
        self.vectors = table

    def tokenize(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Token ids of each text, without special tokens; no text is cut."""
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [np.asarray(e.ids, dtype=np.int64) for e in encodings]


class StaticVectors:
    """The passages of an index as vectors: (n, d), rows of length 1."""

    def __init__(self, index: Index, table: TokenTable) -> None:
        self._index, self._table = index, table
        self._generation = ""
        self._ids = np.empty(0, np.int64)
        self._matrix = np.empty((0, DIMENSIONS), np.float32)
        self._idf = np.empty(0, np.float32)

    def refresh(self, on_progress: OnProgress | None = None, cancel: Cancel | None = None) -> None:
        """Brings the vectors up to date with the index: only new passages are tokenised."""
        generation = self._index.database.fact("generation")
        if generation == self._generation:
            return
        file = Path(f"{self._index.database.file}.vectors.npz")
        key = f"{generation} {self._table.fingerprint}"
        if not self._read(file, key):
            self._tokenize(on_progress, cancel)
            self._ids, self._matrix, self._idf = self._sum()
            self._write(file, key)
            self._matrix = _unit(self._matrix.astype(np.float16).astype(np.float32))
        self._generation = generation

    def search(self, text: str, limit: int) -> dict[int, float]:
        """Cosines of the `limit` passages nearest to a text."""
        if not len(self._ids):
            return {}
        tokens = self._table.tokenize([text])[0]
        if not len(tokens):
            return {}
        vector = self._vector(tokens, self._idf)
        cosines = self._matrix @ (vector / max(float(np.linalg.norm(vector)), 1e-9))
        best = np.argsort(-cosines, kind="stable")[:limit]
        return {int(self._ids[i]): float(cosines[i]) for i in best}

    def _read(self, file: Path, key: str) -> bool:
        try:
            with np.load(file, allow_pickle=False) as stored:
                if str(stored["key"]) != key:
                    return False
                self._ids, self._idf = stored["ids"], stored["idf"]
                self._matrix = _unit(stored["matrix"].astype(np.float32))
        except (
            OSError,
            ValueError,
            KeyError,
            EOFError,
            BadZipFile,
        ):  # absent, or cut short: made again
            return False
        return True

    def _write(self, file: Path, key: str) -> None:
        out = io.BytesIO()
        half = self._matrix.astype(np.float16)
        np.savez(out, key=np.array(key), ids=self._ids, matrix=half, idf=self._idf)
        write_atomic(file, out.getvalue())

    def _tokenize(self, on_progress: OnProgress | None, cancel: Cancel | None) -> None:
        self._index.tokens.made_by(self._table.fingerprint)
        missing = self._index.tokens.missing()
        for start in range(0, len(missing), _CHUNKS_AT_ONCE):
            if cancel:
                raise RunInterrupted("indexing was interrupted")
            if on_progress is not None:
                on_progress(start, len(missing), "tokens")
            some = missing[start : start + _CHUNKS_AT_ONCE]
            passages = self._index.passages(some)
            tokens = self._table.tokenize([passages[id_].labelled for id_ in some])
            self._index.tokens.put(
                (id_, ids.astype("<u4").tobytes()) for id_, ids in zip(some, tokens)
            )

    def _sum(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(ids, matrix, idf) of all passages."""
        rows = self._index.tokens.all()
        ids = np.array([id_ for id_, _ in rows], np.int64)
        every = [np.frombuffer(blob, "<u4").astype(np.int64) for _, blob in rows]
        occurs = np.zeros(self._table.size)
        for tokens in every:
            occurs[np.unique(tokens)] += 1
        n = len(every)
        idf = (np.log(1 + n / (1 + occurs)) / np.log(2 + n)).astype(np.float32)
        matrix = np.zeros((n, self._table.vectors.shape[1]), np.float32)
        for row, tokens in enumerate(every):
            if len(tokens):
                matrix[row] = self._vector(tokens, idf)
        return ids, _unit(matrix), idf

    def _vector(self, tokens: np.ndarray, idf: np.ndarray) -> np.ndarray:
        kinds, counts = np.unique(tokens, return_counts=True)
        weights = idf[kinds] * counts
        summed: np.ndarray = weights.astype(np.float32) @ self._table.vectors[kinds]
        return summed


def make_table(
    tokenizer: Any, model: Embed, on_progress: OnProgress | None, cancel: Cancel | None
) -> np.ndarray:
    """Every token's vector: (tokens, at most DIMENSIONS) float16."""
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    tokens = sorted(vocabulary, key=lambda token: vocabulary[token])
    rows = []
    for start in range(0, len(tokens), _TOKENS_AT_ONCE):
        if cancel:
            raise RunInterrupted("making token vectors was interrupted")
        if on_progress is not None:
            on_progress(start, len(tokens), "token vectors, once for this machine")
        some = tokens[start : start + _TOKENS_AT_ONCE]
        rows.append(model.embed([token.removeprefix("##") or token for token in some]))
    vectors = np.concatenate(rows).astype(np.float64)
    special = np.array([token.startswith("[") and token.endswith("]") for token in tokens])
    vectors -= vectors[~special].mean(0)
    vectors[special] = 0
    _, axes = np.linalg.eigh(vectors.T @ vectors)
    table: np.ndarray = (vectors @ axes[:, ::-1][:, :DIMENSIONS]).astype(np.float16)
    return table


def _tokenizer(file: Path) -> Any:
    from tokenizers import Tokenizer

    try:
        tokenizer: Any = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises plain Exception
        raise ModelFileError(f"{file}: cannot be read: {error}", "fetch the model again") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _load(file: Path, tokens: int) -> np.ndarray | None:
    try:
        table: np.ndarray = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):  # absent, or cut short: made again
        return None
    return table.astype(np.float32) if table.ndim == 2 and len(table) == tokens else None


def _bytes(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=False)
    return out.getvalue()


def _unit(matrix: np.ndarray) -> np.ndarray:
    lengths: np.ndarray = np.linalg.norm(matrix, axis=1, keepdims=True)
    unit: np.ndarray = matrix / np.maximum(lengths, 1e-9)
    return unit
