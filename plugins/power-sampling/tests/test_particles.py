"""SMC and the rollout method against the enumerated target, and the parts they are made of."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agentkit_power_sampling.methods import Drawn, Job, draw
from agentkit_power_sampling.rollout import jackknifed
from agentkit_power_sampling.settings import Sampling
from agentkit_power_sampling.smc import ETA, chopthin, effective, log_mean, ramped, systematic
from agentkit_power_sampling.table import TableTokens, total_variation

pytestmark = pytest.mark.slow  # distributions need many draws

HORIZON = 6
TABLES = {
    1.0: TableTokens.seeded(6, spread=5.0),
    2.0: TableTokens.seeded(9, spread=2.0),
    4.0: TableTokens.seeded(11, spread=3.0),
}


def drawn(table: TableTokens, settings: Sampling, runs: int, horizon: int = HORIZON) -> list[Drawn]:
    return draw(table, [Job.of([1], horizon, settings, seed) for seed in range(runs)])


def distance(table: TableTokens, settings: Sampling, runs: int) -> float:
    """Of what is drawn by weight in the long run: the mean of the weighted pools."""
    found = [
        (sample.ids, weight)
        for made in drawn(table, settings, runs)
        for sample, weight in zip(made.pool, made.weights)
    ]
    return total_variation(found, table.power(settings.alpha, HORIZON))


@pytest.mark.parametrize("resampler", ["systematic", "chopthin"])
@pytest.mark.parametrize(("alpha", "table"), TABLES.items(), ids=map(str, TABLES))
def test_particles_have_the_power_distribution(
    alpha: float, table: TableTokens, resampler: str
) -> None:
    settings = Sampling.model_validate(
        {"method": "smc", "alpha": alpha, "particles": 64, "every": 2, "trigger": 0.9,
         "resampler": resampler}
    )  # fmt: skip
    assert distance(table, settings, 120) <= 0.03


@pytest.mark.parametrize("ramp", [3, 20])
def test_a_rising_exponent_has_the_same_target(ramp: int) -> None:
    table = TABLES[4.0]
    settings = Sampling(method="smc", alpha=4, particles=64, every=1, trigger=0.9, ramp=ramp)
    assert distance(table, settings, 100) <= 0.03
    assert [ramped(settings, place, 6) for place in (3, 6)][1] == 4
    assert ramped(settings, 2, 6) == pytest.approx(1 + 3 * 2 / min(ramp, 6))


def test_one_draw_by_weight_has_the_power_distribution() -> None:
    table = TABLES[4.0]
    settings = Sampling(method="smc", alpha=4, particles=16, every=2)
    found = [(made.sample.ids, 1.0) for made in drawn(table, settings, 1000)]
    assert total_variation(found, table.power(4.0, HORIZON)) <= 0.03


@pytest.mark.parametrize("resampler", ["systematic", "chopthin"])
def test_the_mean_weight_estimates_the_sum_of_the_target(resampler: str) -> None:
    table = TableTokens.seeded(5)
    settings = Sampling.model_validate(
        {"method": "smc", "alpha": 2, "particles": 16, "every": 1, "trigger": 0.9,
         "resampler": resampler}
    )  # fmt: skip
    made = drawn(table, settings, 400)
    estimates = [math.exp(one.diagnostics.log_z or 0.0) for one in made]
    assert np.mean(estimates) == pytest.approx(math.exp(table.log_z(2.0, HORIZON)), rel=0.03)
    assert all(1 <= ess <= 16.001 for one in made for ess in one.diagnostics.ess)


@pytest.mark.parametrize("resample", [systematic, chopthin])
def test_resampling_keeps_the_expected_weights(resample: object) -> None:
    logw = np.array([0.0, -1.0, -2.0, 3.0, -8.0, 0.5, 1.0, 2.9])
    mass = np.zeros(len(logw))
    for point in np.arange(0.0005, 1, 0.001):
        parents, after = resample(logw, float(point))  # type: ignore[operator]
        assert len(parents) == len(logw)
        np.add.at(mass, parents, np.exp(after))
        assert np.exp(after).max() / np.exp(after).min() <= ETA + 1e-9
    np.testing.assert_allclose(mass / 1000, np.exp(logw), rtol=0.02, atol=2e-3)


def test_weights_in_logarithms() -> None:
    assert effective(np.zeros(8)) == pytest.approx(8)
    assert effective(np.array([-900.0, 0.0, -900.0])) == pytest.approx(1)
    assert log_mean(np.array([-1000.0, -1000.0])) == pytest.approx(-1000)


def test_rollouts_come_nearer_than_low_temperature() -> None:
    table = TABLES[2.0]
    near = Sampling(method="rollout", alpha=2, block=2, candidates=8, rollouts=4, lookahead=HORIZON)
    assert distance(table, near, 500) < 0.12
    assert distance(table, Sampling(method="low_temp", alpha=2), 2000) > 0.18


def test_the_jackknife_leaves_exact_chances_alone() -> None:
    logw = np.log(np.array([0.2, 0.3, 0.5]))
    same = jackknifed(logw, np.tile(np.array([[0.0], [1.0], [-1.0]]), (1, 4)))
    expected = np.array([0.2, 0.3 * math.e, 0.5 / math.e])
    np.testing.assert_allclose(same, expected / expected.sum())
    uneven = jackknifed(np.zeros(2), np.array([[0.0, -40.0, -40.0], [-1.0, -1.0, -1.0]]))
    assert uneven.sum() == pytest.approx(1) and (uneven >= 0).all()


def test_the_likeliest_of_n_is_taken() -> None:
    table = TableTokens.seeded(1)
    (made,) = drawn(table, Sampling(method="best_of_n", n=12), 1)
    assert len(made.pool) == 12
    assert made.sample.total == max(sample.total for sample in made.pool)
    (one,) = drawn(table, Sampling(method="best_of_n", n=1), 1)
    assert made.sample.total >= one.sample.total


@pytest.mark.parametrize("method", ["mh", "smc", "rollout", "low_temp", "best_of_n"])
def test_no_method_spends_more_than_its_budget(method: str) -> None:
    table = TableTokens.seeded(1, end=False)
    for budget in (5, 24, 60, 300):
        settings = Sampling.model_validate(
            {"method": method, "block": 8, "every": 4, "lookahead": 8, "candidates": 2,
             "rollouts": 1, "budget_tokens": budget}
        )  # fmt: skip
        (made,) = drawn(table, settings, 1, horizon=24)
        assert len(made.sample) == min(budget, 24) and made.spent <= budget
