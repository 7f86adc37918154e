"""What a lookahead router is measured against. Each learns from texts, scores and set names, and
gives utilities (n, K), of which the largest is chosen.

    oracle, fixed, random       the bounds, in `scorecard`
    TaskLookup                  the best model of the query's set: told the set, it sees no query
    Neighbours                  mean within-query score of the k nearest training queries
    Words                       logistic regression on tf-idf, one candidate against the rest
    Factors                     matrix factorisation after RouteLLM (arXiv 2406.18665, section 4.2)
    DualContrast                after RouterDC (arXiv 2409.19886): two contrastive losses

All read queries as tf-idf: the papers' sentence encoders are larger than all else here together.
The two that learn a module can be given vectors of the texts instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from agentkit_lookahead.labels import targets, within_query
from agentkit_lookahead.rows import Table

PATTERN = r"\w+|[^\w\s]"


class Baseline(Protocol):
    name: str

    def fit(self, table: Table, seed: int) -> Baseline: ...

    def utilities(self, texts: Sequence[str], sets: Sequence[str]) -> np.ndarray: ...


class TaskLookup:
    """Knows which set a query is from, and nothing else."""

    name = "task_lookup"

    def fit(self, table: Table, seed: int) -> TaskLookup:
        self._means: Mapping[str, np.ndarray] = {
            name: table.scores[np.array(table.sets) == name].mean(0) for name in {*table.sets}
        }
        self._all = table.scores.mean(0)
        return self

    def utilities(self, texts: Sequence[str], sets: Sequence[str]) -> np.ndarray:
        return np.stack([self._means.get(name, self._all) for name in sets])


class Fixed:
    """The best single model of the training rows."""

    name = "best fixed"

    def fit(self, table: Table, seed: int) -> Fixed:
        names = sorted({*table.sets})
        # Sets are on scales of their own: each counts by the share of its range.
        by_set = [within_query(table.scores[np.array(table.sets) == n]).mean(0) for n in names]
        self._worth = np.mean(by_set, axis=0)
        return self

    def utilities(self, texts: Sequence[str], sets: Sequence[str]) -> np.ndarray:
        return np.tile(self._worth, (len(texts), 1))


class Neighbours:
    """k nearest training queries by the cosine of tf-idf vectors."""

    def __init__(self, k: int = 100) -> None:
        self.name, self._k = f"knn-{k}", k

    def fit(self, table: Table, seed: int) -> Neighbours:
        self._vectors = _tfidf()
        self._known = self._vectors.fit_transform(table.texts)
        self._scores = within_query(table.scores)
        return self

    def utilities(self, texts: Sequence[str], sets: Sequence[str]) -> np.ndarray:
        near = np.asarray((self._vectors.transform(texts) @ self._known.T).todense())
        k = min(self._k, near.shape[1])
        nearest = np.argpartition(-near, k - 1, axis=1)[:, :k]
        found: np.ndarray = self._scores[nearest].mean(1)
        return found


class Words:
    """Logistic regression on tf-idf."""

    name = "tfidf_lr"

    def fit(self, table: Table, seed: int) -> Words:
        from sklearn.linear_model import LogisticRegression

        goals, weights = targets(table.scores)
        kept = weights[:, 0] > 0
        self._vectors = _tfidf()
        x = self._vectors.fit_transform([t for t, k in zip(table.texts, kept) if k])
        self._models: list[Any] = []
        for column in goals[kept].T:
            one = {*column.tolist()}
            self._models.append(
                LogisticRegression(max_iter=300).fit(x, column) if len(one) > 1 else one.pop()
            )
        return self

    def utilities(self, texts: Sequence[str], sets: Sequence[str]) -> np.ndarray:
        x = self._vectors.transform(texts)
        columns = [
            np.full(len(texts), m) if isinstance(m, float) else m.predict_proba(x)[:, 1]
            for m in self._models
        ]
        return np.stack(columns, 1)


class _Learned:
    """A small torch module over reduced tf-idf vectors."""

    name = ""
    steps, rate, width = 400, 3e-3, 64

    def __init__(self, vectors: Mapping[str, np.ndarray] | None = None) -> None:
        self._given = vectors

    def fit(self, table: Table, seed: int) -> Any:
        if self._given is None:
            size = min(128, max(2, len(table.rows) - 1))
            self._embed: Any = _reduced(size, seed)
            x = torch.tensor(self._embed.fit_transform(table.texts), dtype=torch.float32)
        else:
            x = self._read(table.texts)
        scores = torch.tensor(within_query(table.scores), dtype=torch.float32)
        kept = scores.max(1).values > 0
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self._module = self._make(x.shape[1], scores.shape[1])
            optimizer = torch.optim.AdamW(self._module.parameters(), lr=self.rate)
            for _ in range(self.steps):
                rows = torch.randint(int(kept.sum()), (128,))
                loss = self._loss(x[kept][rows], scores[kept][rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return self

    def utilities(self, texts: Sequence[str], sets: Sequence[str]) -> np.ndarray:
        x = self._read(texts)
        with torch.no_grad():
            found: np.ndarray = self._utility(x).numpy()
        return found

    def _read(self, texts: Sequence[str]) -> torch.Tensor:
        if self._given is None:
            return torch.tensor(self._embed.transform(list(texts)), dtype=torch.float32)
        return torch.tensor(np.stack([self._given[t] for t in texts]), dtype=torch.float32)

    def _make(self, inputs: int, candidates: int) -> nn.Module:
        raise NotImplementedError

    def _loss(self, x: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def _utility(self, x: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError


class Factors(_Learned):
    """delta(M, q) = w . (v_M * (W q + b)), learned from pairs by Bradley-Terry."""

    name = "matrix factorisation"

    def _make(self, inputs: int, candidates: int) -> nn.Module:
        return nn.ModuleDict(
            {
                "model": nn.Embedding(candidates, self.width),
                "query": nn.Linear(inputs, self.width),
                "weigh": nn.Linear(self.width, 1, bias=False),
            }
        )

    def _utility(self, x: torch.Tensor) -> torch.Tensor:
        parts: Any = self._module
        models = F.normalize(parts["model"].weight, dim=-1)
        found: torch.Tensor = parts["weigh"](parts["query"](x)[:, None] * models[None])[..., 0]
        return found

    def _loss(self, x: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        worth = self._utility(x)
        gap = worth[:, :, None] - worth[:, None, :]
        wins = scores[:, :, None] > scores[:, None, :]
        return -F.logsigmoid(gap)[wins].mean()


class DualContrast(_Learned):
    """Queries are pulled to the models that answer them best and pushed from the others
    (sample-LLM), and to the query most like them (sample-sample; the paper groups by k-means)."""

    name = "RouterDC-style"
    steps, good, weight, temperature = 400, 3, 1.0, 1.0

    def _make(self, inputs: int, candidates: int) -> nn.Module:
        return nn.ModuleDict(
            {
                "model": nn.Embedding(candidates, self.width),
                "query": nn.Sequential(
                    nn.Linear(inputs, 128), nn.Tanh(), nn.Linear(128, self.width)
                ),
            }
        )

    def _utility(self, x: torch.Tensor) -> torch.Tensor:
        parts: Any = self._module
        query = F.normalize(parts["query"](x), dim=-1)
        return query @ F.normalize(parts["model"].weight, dim=-1).T / self.temperature

    def _loss(self, x: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        likeness = 5 * self._utility(x)
        above = scores >= scores.topk(min(self.good, scores.shape[1]), dim=1).values[:, -1:]
        above &= scores >= 0.8
        below = scores < 0.5
        losses = []
        for positive in range(scores.shape[1]):
            rows = above[:, positive] & below.any(1)
            if rows.any():
                own = likeness[rows, positive]
                against = likeness[rows].masked_fill(~below[rows], -1e4)
                both = torch.cat([own[:, None], against], 1)
                losses.append((both.logsumexp(1) - own).mean())
        pulled = torch.stack(losses).mean() if losses else likeness.sum() * 0
        parts: Any = self._module
        query = F.normalize(parts["query"](x), dim=-1)
        alike = query @ query.T * 5
        # A query's own group is the ones nearest to it as they came, the rest are others.
        near = (x @ x.T).fill_diagonal_(-1).topk(1, dim=1).indices[:, 0]
        rest = alike.masked_fill(torch.eye(len(x), dtype=torch.bool), -1e4)
        grouped = (rest.logsumexp(1) - rest[torch.arange(len(x)), near]).mean()
        return pulled + self.weight * 0.2 * grouped


def all_baselines() -> list[Baseline]:
    return [Fixed(), TaskLookup(), Neighbours(), Words(), Factors(), DualContrast()]


def _tfidf() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(
        sublinear_tf=True, ngram_range=(1, 2), max_features=50000, token_pattern=PATTERN
    )


def _reduced(size: int, seed: int) -> Any:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer

    return make_pipeline(_tfidf(), TruncatedSVD(size, random_state=seed), Normalizer())
