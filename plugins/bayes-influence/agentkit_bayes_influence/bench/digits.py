"""Softmax regression on scikit-learn's handwritten digits, trained to its optimum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from agentkit_bayes_influence.posterior import Items, Posterior

CLASSES = 10
PRIOR = 1.0
"""gamma: weights are pulled to 0 in training, and to w* in sampling, by the same strength."""


def loss(parameters: Mapping[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
    """(n, 1) nats of each digit."""
    return -(x @ parameters["w"]).log_softmax(-1).gather(1, y[:, None])


@dataclass(frozen=True)
class Digits:
    """x: (n, 65) with a constant. y: (n,). queries of both kinds beside."""

    x: Tensor
    y: Tensor
    query_x: Tensor
    query_y: Tensor

    def fit(self, rows: np.ndarray | None = None) -> Tensor:
        """(65, 10): the weights of least sum of losses + PRIOR / 2 |w|^2, by Newton's method's
        cheap cousin (L-BFGS), which a convex problem needs no seed for."""
        x, y = (self.x, self.y) if rows is None else (self.x[rows], self.y[rows])
        w = torch.zeros(x.shape[1], CLASSES, requires_grad=True)
        optimizer = torch.optim.LBFGS([w], max_iter=100, line_search_fn="strong_wolfe")

        def closure() -> Tensor:
            optimizer.zero_grad()
            total = F.cross_entropy(x @ w, y, reduction="sum") + PRIOR / 2 * w.square().sum()
            total.backward()
            return total

        optimizer.step(closure)
        return w.detach()

    def posterior(self) -> Posterior:
        return Posterior(loss, {"w": self.fit()}, _items(self.x, self.y, "train"), chunk=1024)

    def queries(self) -> Items:
        return _items(self.query_x, self.query_y, "query")

    def outcomes(self, chosen: np.ndarray) -> np.ndarray:
        """(M, q): the query losses of models trained on subsets (M, n)."""
        found = []
        for rows in chosen:
            w = self.fit(np.flatnonzero(rows))
            found.append(loss({"w": w}, self.query_x, self.query_y)[:, 0].numpy())
        return np.stack(found)


def digits(n: int, q: int, seed: int, mislabelled: int = 0) -> Digits:
    """n digits to train on, q others to ask. mislabelled: how many have wrong labels, the first."""
    from sklearn.datasets import load_digits

    found = load_digits()
    order = np.random.default_rng(seed).permutation(len(found.target))[: n + q]
    x = np.concatenate([found.data[order] / 16, np.ones((n + q, 1))], axis=1)
    y = found.target[order].copy()
    y[:mislabelled] = (y[:mislabelled] + 1) % CLASSES
    both = torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.long)
    return Digits(both[0][:n], both[1][:n], both[0][n:], both[1][n:])


def _items(x: Tensor, y: Tensor, kind: str) -> Items:
    ids = tuple(f"{kind} {n}" for n in range(len(x)))
    return Items((x, y), torch.ones(len(x), 1, dtype=torch.bool), ids)
