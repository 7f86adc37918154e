"""Estimators and diagnostics on traces whose answer is known (acceptance 3, 4, 10)."""

from __future__ import annotations

import numpy as np
import pytest

from agentkit_bayes_influence.attribution import Attribution, between_share
from agentkit_bayes_influence.diagnostics import Gate, effective, health, split_rhat


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def test_the_token_block_sums_to_the_covariance_of_sums() -> None:
    tokens = noise(3, 50, 4, 6)
    whole, _ = Attribution(tokens.sum(3), tokens.sum(3), kind="cov").matrix()
    flat = tokens.reshape(3, 50, 24)
    block, _ = Attribution(flat, flat, kind="cov").matrix()
    assert np.allclose(block.reshape(4, 6, 4, 6).sum((1, 3)), whole, rtol=1e-5)
    assert np.allclose(block, block.T)
    direct = np.mean([np.cov(c.T, ddof=0) for c in flat], axis=0) * 150 / 147
    assert np.allclose(block, direct)


@pytest.mark.parametrize("pooling", ["pooled", "stack"])
def test_a_correlation_lies_within_one(pooling: str) -> None:
    traces = noise(2, 30, 5)
    found, _ = Attribution(traces, traces, kind="correlation", pooling=pooling).matrix()  # type: ignore[arg-type]
    assert np.allclose(found.diagonal(), 1) and (np.abs(found) <= 1).all()
    bif, _ = Attribution(traces, traces).matrix()
    assert (bif.diagonal() < 0).all()


def test_a_series_that_never_varies_gives_zeros_and_a_flag() -> None:
    traces = noise(2, 30, 3)
    traces[:, :, 1] = 0.25
    found, error = Attribution(traces, traces, kind="correlation").matrix()
    assert np.isfinite(found).all() and np.isfinite(error).all()
    assert (found[1] == 0).all() and (found[:, 1] == 0).all()
    assert Gate().faults(health(traces))[1] == "never varies"


def test_offsets_of_chains_are_no_covariance() -> None:
    traces = noise(2, 400, 2)
    traces[1] += 3.0
    pooled, _ = Attribution(traces, traces, kind="correlation").matrix()
    stacked, _ = Attribution(traces, traces, kind="correlation", pooling="stack").matrix()
    assert abs(pooled[0, 1]) < 0.15 and stacked[0, 1] > 0.5
    found = health(traces)
    assert (found.rhat > 1.1).all() and (between_share(traces) > 0.5).all()
    assert all(fault.startswith("chains disagree") for fault in Gate().faults(found))


def test_rows_come_best_first_and_blocks_change_nothing() -> None:
    traces, query = noise(4, 60, 40), noise(4, 60, 2, seed=1)
    traces[:, :, 7] += 3 * query[:, :, 0]
    traces[:, :, 9] -= 3 * query[:, :, 0]
    kinds = [Attribution(traces, query, kind=k) for k in ("cov", "bif", "correlation")]
    assert all(one.top(3)[0][0] == 7 for one in kinds)
    assert all(one.top(3, helpful=False)[0][0] == 9 for one in kinds)
    assert kinds[0].top(5) == kinds[0].top(5, rows=3)
    whole, _ = kinds[0].matrix()
    assert np.allclose(np.concatenate([b.value for b in kinds[0].blocks(7)]), whole)


def test_effective_draws_and_the_error_are_those_of_an_autoregressive_series() -> None:
    rho, chains, count = 0.8, 8, 2000
    thrown = noise(chains, count, 50)
    series = np.zeros_like(thrown)
    for t in range(1, count):
        series[:, t] = rho * series[:, t - 1] + thrown[:, t]
    series = series[:, 200:]
    expected = chains * 1800 * (1 - rho) / (1 + rho)
    assert effective(series).mean() == pytest.approx(expected, rel=0.1)
    assert split_rhat(series).max() < 1.05
    # Independent series: their covariance is 0, give or take the error that is told.
    value, error = Attribution(series[:, :, :25], series[:, :, 25:], kind="cov").matrix()
    assert 0.8 < np.sqrt((value**2 / error**2).mean()) < 1.5


def test_a_walk_and_a_trend_are_found_out() -> None:
    walk = noise(4, 200, 3).cumsum(1)
    assert all(Gate().faults(health(walk)))
    trend = noise(4, 200, 3) - np.linspace(0, 2.5, 200)[:, None]
    found = health(trend)
    assert (found.drift < -4).all() and all(Gate(ess=1, rhat=9).faults(found))
    assert Gate().faults(health(noise(4, 200, 3))) == ["", "", ""]
