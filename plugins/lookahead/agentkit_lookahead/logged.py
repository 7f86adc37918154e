"""Learning from one's own runs, where only the chosen candidate's outcome is known.

Two estimators, both unbiased where the propensities are right. Inverse propensity scoring (IPS:
Horvitz and Thompson 1952) weighs what was seen by one over the chance of seeing it. The doubly
robust one (DR: Dudik et al., arXiv 1103.4601) predicts every outcome by a simple model and corrects
the one that was seen. A score that was not seen is never
taken for one.
"""

from __future__ import annotations

import numpy as np

from agentkit.errors import DataError
from agentkit.seeds import derive
from agentkit_lookahead.labels import scaled
from agentkit_lookahead.rows import Outcome, Row, Table

MOST = 20.0
"""Weights are cut here: one rare choice must not decide alone. Costs some bias."""


def ips(table: Table, bounds: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """(targets, weights), each (n, K): scaled scores where known, weighted by 1 / propensity.

    Raises:
        DataError: a known score has no propensity.
    """
    seen, chance = _seen(table)
    share = np.where(seen, scaled(table.scores, *bounds), 0.0)
    weights = np.where(seen, np.minimum(1 / np.where(seen, chance, 1), MOST), 0.0)
    return share.astype(np.float32), weights.astype(np.float32)


def dr(table: Table, bounds: tuple[float, float], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(targets, weights): predicted outcomes, corrected where they were seen; all weights 1.

    A target may leave 0..1; the log loss with logits is linear in it, so nothing is lost by that.
    """
    seen, chance = _seen(table)
    share = scaled(table.scores, *bounds)
    guess = outcome_model(table.texts, share, seed)
    weight = np.minimum(1 / np.where(seen, chance, 1), MOST)
    made = guess + np.where(seen, weight * (np.where(seen, share, 0) - guess), 0.0)
    return made.astype(np.float32), np.ones_like(made, dtype=np.float32)


def outcome_model(texts: list[str], share: np.ndarray, seed: int = 0, folds: int = 2) -> np.ndarray:
    """(n, K): each candidate's score, by ridge regression on words, from the other folds' rows."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import Ridge

    words = TfidfVectorizer(sublinear_tf=True, max_features=20000, token_pattern=r"\w+|[^\w\s]")
    try:
        x = words.fit_transform(texts)
    except ValueError:  # not one word in all texts
        return np.tile(np.nanmean(share, axis=0), (len(texts), 1))
    fold = np.array([derive(seed, f"fold {n}") % folds for n in range(len(texts))])
    made = np.full(share.shape, np.nan)
    for candidate in range(share.shape[1]):
        known = np.isfinite(share[:, candidate])
        mean = float(share[known, candidate].mean()) if known.any() else 0.0
        for own in range(folds):
            rows = np.flatnonzero(known & (fold != own))
            asked = np.flatnonzero(fold == own)
            if not len(asked):
                continue
            if len(rows) < 5:
                made[asked, candidate] = mean
                continue
            fitted = Ridge(alpha=1.0).fit(x[rows], share[rows, candidate])
            made[asked, candidate] = np.clip(fitted.predict(x[asked]), 0, 1)
    return made


def hide(table: Table, behaviour: np.ndarray, seed: int) -> Table:
    """The table as a log of it would be: one outcome a row, drawn with probabilities (n, K). For
    experiments."""
    rng = np.random.default_rng(derive(seed, "log"))
    rows = []
    for row, chances in zip(table.rows, behaviour):
        chosen = int(rng.choice(len(chances), p=chances))
        kept = [Outcome()] * len(chances)
        one = row.outcomes[chosen]
        kept[chosen] = Outcome(one.score, one.response, one.cost, one.latency, chances[chosen])
        rows.append(Row(row.id, row.set, row.text, tuple(kept)))
    return Table(table.candidates, tuple(rows))


def _seen(table: Table) -> tuple[np.ndarray, np.ndarray]:
    seen = np.isfinite(table.scores)
    lacking = seen & ~np.isfinite(table.propensities)
    if lacking.any():
        row, candidate = np.argwhere(lacking)[0]
        raise DataError(
            f"row {table.rows[row].id!r}: the score of {table.candidates[candidate]} has no "
            "propensity, so nobody knows how often it would have been seen",
            "record with explore > 0, or score every candidate and use feedback = 'full'",
        )
    return seen, table.propensities
