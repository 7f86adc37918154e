"""Answers in texts, votes, and the numbers about chains."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from agentkit_power_sampling.answers import answer_in, boxed
from agentkit_power_sampling.measures import autocorrelation_time, pass_at_k, r_hat
from agentkit_power_sampling.methods import Drawn, Job, draw, majority
from agentkit_power_sampling.settings import Sampling
from agentkit_power_sampling.table import TableTokens


@pytest.mark.parametrize(
    ("text", "kind", "answer"),
    [
        ("so \\boxed{3} no, \\boxed{\\frac{1}{2}}", "auto", "\\frac{1}{2}"),
        ("It costs 1,200.50 dollars.", "auto", "1200.5"),
        ("first\nYes.\n\n", "auto", "yes"),
        ("x = -7.", "number", "-7"),
        ("none here", "number", ""),
        ("\\boxed{open", "boxed", ""),
        (" a  b\n", "text", "a b"),
        ("", "auto", ""),
    ],
)
def test_what_a_text_answers(text: str, kind: Any, answer: str) -> None:
    assert answer_in(text, kind) == answer
    assert boxed("\\boxed{a{b}c}") == "a{b}c"


def test_pass_at_k_is_the_mean_over_all_choices() -> None:
    for tries, right in itertools.product((1, 4, 6), (0, 1, 3)):
        marks = [n < right for n in range(tries)]
        for k in range(1, tries + 1):
            subsets = list(itertools.combinations(marks, k))
            share = sum(map(any, subsets)) / len(subsets)
            assert pass_at_k(tries, min(right, tries), k) == pytest.approx(share)
    with pytest.raises(ValueError, match="pass@3"):
        pass_at_k(2, 1, 3)


def test_chains_apart_and_together() -> None:
    noise = np.random.default_rng(0)
    together = noise.normal(size=(4, 400))
    assert r_hat(together) == pytest.approx(1, abs=0.02)
    assert r_hat(together + np.arange(4)[:, None]) > 1.5
    assert r_hat(np.ones((3, 10))) == 1.0
    assert r_hat(np.tile([[0.0], [1.0]], 10)) == math.inf
    assert math.isnan(r_hat(np.ones((3, 2))))


def test_the_time_of_an_autoregression() -> None:
    """x_t = a x_{t-1} + noise has (1 + a) / (1 - a)."""
    noise = np.random.default_rng(1).normal(size=(4, 8000))
    x = np.zeros_like(noise)
    for t in range(1, noise.shape[1]):
        x[:, t] = 0.8 * x[:, t - 1] + noise[:, t]
    assert autocorrelation_time(x) == pytest.approx(9, rel=0.15)
    assert autocorrelation_time(noise) == pytest.approx(1, abs=0.1)
    assert math.isnan(autocorrelation_time(np.ones((2, 20))))


# -- votes ----------------------------------------------------------------------------------------


def drawn(jobs: list[Job], table: TableTokens | None = None) -> list[Drawn]:
    return draw(table or TableTokens.seeded(3), jobs)


def first_token(ids: tuple[int, ...]) -> str:
    return str(ids[0])


def job(seed: int = 0, horizon: int = 6, **settings: Any) -> Job:
    made = Job.of([1], horizon, Sampling.model_validate(settings), seed)
    return Job(made.prompt, horizon, made.settings, seed, made.meter, read=first_token)


@pytest.mark.parametrize("method", ["mh", "smc", "best_of_n", "self_consistency", "beam"])
def test_the_majority_is_taken(method: str) -> None:
    jobs = [job(seed, method=method, select="majority", alpha=1.2, chains=5, steps=2, particles=9,
                every=2, n=9) for seed in range(12)]  # fmt: skip
    for made in drawn(jobs):
        seen = {s.ids: s for s in made.pool} if method == "smc" else dict(enumerate(made.pool))
        votes = [first_token(s.ids) for s in seen.values()]
        assert votes.count(first_token(made.sample.ids)) == max(map(votes.count, votes))


def test_who_votes_and_how_ties_are_broken() -> None:
    pool = drawn([job(method="self_consistency", n=5)])[0].pool
    even = np.full(5, 0.2)
    assert (
        majority(pool, ["", "a", "", "", "b"], np.array([0.6, 0.1, 0, 0, 0.3]), distinct=False) == 4
    )
    assert majority(pool, ["a", "b", "a", "b", "b"], even, distinct=False) in (1, 3, 4)
    same = [pool[0], pool[0], pool[0], pool[1], pool[2]]
    if len({sample.ids for sample in same}) == 3:
        assert majority(same, ["a", "a", "a", "b", "b"], even, distinct=True) in (3, 4)
    assert 0 <= majority(pool, [""] * 5, even, distinct=True) < 5


def test_agreeing_chains_stop_early() -> None:
    asked = {"chains": 4, "steps": 30, "block": 6, "alpha": 4.0}
    free, agreed = drawn([job(1, **asked), job(1, agree=0.5, **asked)])
    assert agreed.spent < free.spent / 2
    assert agreed.diagnostics.agreement >= 0.5
    (never,) = drawn([job(1, **{**asked, "chains": 1}, agree=0.5)])
    assert never.spent > 30  # one chain agrees with itself, which says nothing


def test_chains_are_diagnosed() -> None:
    (made,) = drawn([job(2, chains=4, steps=40, block=6, early_stop=False, alpha=1.5)])
    assert 0.9 < made.diagnostics.r_hat < 1.5 and 1 <= made.diagnostics.autocorrelation < 40
    assert made.diagnostics.certified and made.diagnostics.slack == 0


def test_beams_are_likelier_than_draws_and_spend_what_they_say() -> None:
    table = TableTokens.seeded(1, end=False)
    best = max(table.enumerate(6).values())
    wide = [job(seed, method="beam", beams=16, branches=8, every=1) for seed in range(20)]
    found = draw(table, wide)
    assert sum(made.sample.total == pytest.approx(best) for made in found) >= 15
    assert all(made.spent <= 6 * 128 for made in found)
    for budget in (5, 24, 60, 300):
        (made,) = draw(table, [job(method="beam", every=4, horizon=24, budget_tokens=budget)])
        assert len(made.sample) == min(budget, 24) and made.spent <= budget


@pytest.mark.parametrize(
    "settings",
    [
        {"method": "low_temp", "every": 2},
        {"method": "rollout", "block": 2, "candidates": 3, "rollouts": 2, "lookahead": 4},
        {"method": "smc", "particles": 6, "every": 1, "alpha": 6.0, "trigger": 1.0},
        {"method": "beam", "every": 2, "beams": 2, "branches": 3},
        {"method": "mh", "block": 2, "steps": 3, "window": 1, "early_stop": False},
    ],
    ids=lambda settings: str(settings["method"]),
)
def test_what_is_told_never_changes(settings: dict[str, Any]) -> None:
    table = TableTokens.seeded(5, spread=0.7, end=False)
    early = 0
    for seed in range(30):
        told: list[tuple[int, ...]] = []
        made = Job.of([1], 12, Sampling.model_validate(settings), seed)
        asked = Job(made.prompt, 12, made.settings, seed, made.meter, frozen=told.append)
        (one,) = draw(table, [asked])
        assert all(one.sample.ids[: len(ids)] == ids for ids in told)
        early += any(0 < len(ids) < len(one.sample) for ids in told)
        (quiet,) = draw(table, [Job.of([1], 12, made.settings, seed)])
        assert quiet.sample.ids == one.sample.ids  # being listened to changes nothing
    assert early > 3
