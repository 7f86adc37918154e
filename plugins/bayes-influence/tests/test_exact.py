"""The sampler and the estimator against ridge regression, where all is known (acceptance 1, 2, 5,
13's reference, 14)."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agentkit.errors import UsageError
from agentkit.testing.progress import Recorder
from agentkit_bayes_influence.attribution import Attribution
from agentkit_bayes_influence.exact import Ridge, damped, fisher, halved_squares, similarity
from agentkit_bayes_influence.posterior import Posterior
from agentkit_bayes_influence.sampling import Sampling, draws, resolve
from agentkit_bayes_influence.traces import Traces, TraceStore

pytestmark = pytest.mark.slow


def test_the_derivative_of_the_expected_loss_is_the_influence(
    ridge: Ridge, posterior: Posterior
) -> None:
    exact = ridge.bif(ridge.x, ridge.y)
    # Both sides: the one-sided difference is off by the second derivative times delta / 2.
    both = (ridge.response(ridge.x, ridge.y, 0.01) + ridge.response(ridge.x, ridge.y, -0.01)) / 2
    assert (both - exact).abs().max() <= 0.005 * exact.abs().max()


def test_the_first_term_is_the_damped_classical_influence(
    ridge: Ridge, posterior: Posterior
) -> None:
    mean, covariance = ridge.moments()
    at_mean = Posterior(halved_squares, {"w": mean.float()}, posterior.items)
    found = damped(at_mean, posterior.items, nbeta=60.0, gamma=ridge.gamma)
    residual = ridge.y - ridge.x @ mean
    first = -residual[:, None] * residual[None] * (ridge.x @ covariance @ ridge.x.T)
    assert torch.allclose(found.double(), first, atol=1e-4)


def test_fisher_is_the_same_by_either_inverse() -> None:
    noise = torch.Generator().manual_seed(1)
    train, query = torch.randn(6, 9, generator=noise), torch.randn(2, 9, generator=noise)
    direct = -train @ torch.linalg.inv(3 * train.T @ train + 0.5 * torch.eye(9)) @ query.T
    assert torch.allclose(fisher(train, query, 3.0, 0.5), direct, atol=1e-5)
    assert similarity(train, train, cosine=True).diagonal().allclose(torch.tensor(-1.0))


@pytest.mark.slow
@pytest.mark.parametrize("step", [0.1, 1.0, 2.0])
def test_the_variance_is_that_of_finite_steps(
    ridge: Ridge, posterior: Posterior, step: float
) -> None:
    values, vectors = torch.linalg.eigh(ridge.precision())
    epsilon = step / float(values[-1])
    thin = {0.1: 8}.get(step, 2)
    # Burn-in for the sharpest direction alone, which is the one that is looked at.
    wanted = Sampling(
        chains=400, draws=12, thin=thin, epsilon=epsilon, gamma=5.0, burn_in=120, force=True
    )
    use = resolve(posterior, wanted)
    assert use.curvature == pytest.approx(float(values[-1]), rel=0.05)
    w = torch.stack([d.weights for d in draws(posterior, wanted, use, range(400))]).double()
    along = (w - ridge.moments()[0]) @ vectors[:, -1]
    # Chains are independent of one another: their mean squares give the Monte-Carlo error.
    squared = along.square().mean(0)
    expected = 1 / (values[-1] * (1 - step / 4))
    assert abs(squared.mean() - expected) < 3 * squared.std() / 20


def sampled(tmp_path_factory: pytest.TempPathFactory, posterior: Posterior, **how: float) -> Traces:
    wanted = Sampling.model_validate({"gamma": 5.0, "force": True, **how})
    store = TraceStore(tmp_path_factory.mktemp("traces") / "t")
    return store.sample(posterior, posterior.items, wanted, Recorder())


@pytest.mark.slow
def test_the_sampled_influence_is_the_exact_one(
    ridge: Ridge, posterior: Posterior, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Four chains' worth of draws, spread over more chains, which cost the same side by side."""
    traces = sampled(
        tmp_path_factory, posterior, chains=200, draws=100, thin=3, mala=True, step=0.9
    )
    assert 0.5 < traces.accepted < 1
    found, error = Attribution(*traces.sequences()).matrix()
    exact = ridge.bif(ridge.x, ridge.y).numpy()
    off = ~np.eye(60, dtype=bool)
    assert np.abs(found - exact).max() <= 0.05 * np.abs(exact).max()
    assert np.corrcoef(found[off], exact[off])[0, 1] >= 0.995
    assert (found.diagonal() < 0).all()
    # Pairs share their five weights, so that their errors are far from independent.
    assert 0.4 < np.sqrt((((found - exact) / error) ** 2)[off].mean()) < 2.5


def test_a_stiff_pull_leaves_no_covariance_and_no_data_leaves_a_plain_normal(
    ridge: Ridge, posterior: Posterior, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stiff = sampled(tmp_path_factory, posterior, chains=32, draws=20, gamma=1e8, step=1.0)
    loose = sampled(tmp_path_factory, posterior, chains=32, draws=20, step=1.0)
    sizes = [np.abs(Attribution(*t.sequences()).matrix()[0]).max() for t in (stiff, loose)]
    assert sizes[0] < 1e-4 * sizes[1]
    free = sampled(
        tmp_path_factory, posterior, chains=64, draws=40, gamma=5.0, nbeta=0.0, step=0.5, thin=8
    )
    expected = 5 / 5.0 / (1 - 0.5 / 4)  # d / gamma, of steps of that length
    assert (free.distance**2).mean() == pytest.approx(expected, rel=0.1)


def test_a_step_that_cannot_be_stable_is_refused(ridge: Ridge, posterior: Posterior) -> None:
    high = float(torch.linalg.eigvalsh(ridge.precision())[-1])
    with pytest.raises(UsageError, match="epsilon"):
        resolve(posterior, Sampling(epsilon=4.2 / high, gamma=5.0))
    with pytest.raises(UsageError, match="burn_in"):
        resolve(posterior, Sampling(epsilon=0.1 / high, gamma=5.0, burn_in=3))
