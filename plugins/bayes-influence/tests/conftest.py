"""Ridge regression, whose influence is known in closed form."""

from __future__ import annotations

import pytest

from agentkit_bayes_influence.exact import Ridge
from agentkit_bayes_influence.posterior import Posterior


@pytest.fixture(scope="session")
def ridge() -> Ridge:
    return Ridge.drawn(60, 5, gamma=5.0)


@pytest.fixture(scope="session")
def posterior(ridge: Ridge) -> Posterior:
    return ridge.posterior()
