"""Difficulty, pass rates, mixing, caps: what stays, and that the counts add up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest

from agentkit.errors import UsageError
from agentkit_stepwise_rl.filtering import (
    PassRates,
    Report,
    capped,
    difficulty_filter,
    mix,
    useless_share,
)


@dataclass(frozen=True)
class One:
    id: str


MANY = [One(f"s{n}") for n in range(900)]
RIGHT = {one.id: n % 9 for n, one in enumerate(MANY)}  # 100 of each count, 0 to 8


def test_what_all_runs_solve_goes_and_of_what_none_solves_a_share_stays() -> None:
    report = Report("difficulty")
    kept = difficulty_filter(MANY, RIGHT, keep_zero=0.25, seed=3, report=report)
    by = Counter(RIGHT[one.id] for one in kept)
    assert by[8] == 0 and all(by[n] == 100 for n in range(1, 8)) and 12 <= by[0] <= 38
    assert report.into == 900 == report.out + sum(report.why.values())
    assert report.why == {"solved by every run": 100, "solved by no run": 100 - by[0]}
    assert kept == difficulty_filter(MANY, RIGHT, keep_zero=0.25, seed=3)
    assert kept != difficulty_filter(MANY, RIGHT, keep_zero=0.25, seed=4)
    for share, count in ((0.0, 0), (1.0, 100)):
        again = difficulty_filter(MANY, RIGHT, keep_zero=share)
        assert sum(RIGHT[one.id] == 0 for one in again) == count


def test_a_sample_that_was_not_run_is_an_error() -> None:
    with pytest.raises(UsageError, match="s1"):
        difficulty_filter(MANY[:2], {"s0": 1})
    with pytest.raises(UsageError, match="9 times"):
        difficulty_filter(MANY[:1], {"s0": 9})


def test_useless_groups_of_five() -> None:
    shares = {0.5: 0.0625, 0.8: 0.328, 0.9: 0.5905, 0.1: 0.5905, 1.0: 1.0, 0.0: 1.0}
    for rate, share in shares.items():
        assert useless_share(rate, 5) == pytest.approx(share, abs=1e-4)


def test_pass_rates_follow_the_policy_and_prefer_what_teaches() -> None:
    rates = PassRates(decay=0.5)
    for _ in range(8):
        rates.told("easy", 5, 5)
        rates.told("hard", 0, 5)
        rates.told("half", 2, 5)
    assert rates.rate("easy") > 0.8 > 0.6 > rates.rate("half") > 0.3 > rates.rate("hard")
    ids = ["easy", "hard", "half"]
    first = Counter(rates.draw(ids, 1, 5, seed)[0] for seed in range(300))
    assert first["half"] > first["easy"] > 0 and first["half"] > first["hard"] > 0
    for _ in range(8):
        rates.told("hard", 3, 5)  # the policy moved: it is of use now
    assert 0.4 < rates.rate("hard") < 0.7
    again = PassRates.from_json(rates.to_json(), decay=0.5)
    assert again.draw(ids, 2, 5, 7) == rates.draw(ids, 2, 5, 7)


def test_a_mix_has_the_shares_and_no_sample_twice() -> None:
    sets = {"phone": MANY[:600], "grounding": MANY[600:]}
    report = Report("mix")
    made = mix(sets, {"phone": 3.0, "grounding": 1.0}, size=200, seed=1, report=report)
    own = {one.id for one in sets["phone"]}
    assert len({one.id for one in made}) == 200 == report.out
    assert sum(one.id in own for one in made) == 150
    assert report.into == report.out + sum(report.why.values())
    assert made == mix(sets, {"phone": 3.0, "grounding": 1.0}, size=200, seed=1)
    assert len(mix(sets, {"phone": 1.0, "grounding": 1.0})) == 600  # as the scarcest allows
    with pytest.raises(UsageError):
        mix(sets, {"phone": 1.0})


def test_a_cap_holds_for_each_key() -> None:
    report = Report("cap")
    made = capped(MANY, lambda one: str(RIGHT[one.id]), 7, seed=2, report=report)
    assert Counter(RIGHT[one.id] for one in made) == dict.fromkeys(range(9), 7)
    assert report.into == report.out + sum(report.why.values())
