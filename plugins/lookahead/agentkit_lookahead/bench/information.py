"""What a router's states tell of the answers that it has not seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from agentkit_lookahead.rows import Table as Rows


def information(router: Any, test: Rows) -> float:
    """Held-out R2 of a ridge regression from a router's states to embeddings of the true answers
    (tf-idf, 16 dimensions), mean over the candidates: a lower bound on what the states tell of the
    answers. One half of the test rows fits it, the other judges."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import RidgeCV
    from sklearn.metrics import r2_score

    said = [n for n in range(len(test.rows)) if all(test.responses(n))]
    if len(said) < 40:
        return float("nan")
    states = router.states([test.rows[n].text for n in said])
    first, second = np.arange(len(said)) % 2 == 0, np.arange(len(said)) % 2 == 1
    found = []
    for candidate in range(len(test.candidates)):
        texts = [test.responses(n)[candidate] for n in said]
        vectors = TfidfVectorizer(sublinear_tf=True, max_features=5000).fit_transform(texts)
        size = min(16, vectors.shape[1] - 1)
        goal = TruncatedSVD(size, random_state=0).fit_transform(vectors)
        x = states[:, candidate]
        ridge = RidgeCV(alphas=np.geomspace(1e-2, 1e4, 13)).fit(x[first], goal[first])
        guess = ridge.predict(x[second])
        found.append(r2_score(goal[second], guess, multioutput="variance_weighted"))
    return float(np.mean(found))
