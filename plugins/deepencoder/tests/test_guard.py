"""The repeat guard and the detector of loops."""

from __future__ import annotations

import random

import pytest
import torch

from agentkit_deepencoder.guard import TABLE_CELLS, NoRepeat, looped


def spelled_out(ids: list[int], n: int, window: int, allowed: set[int]) -> set[int]:
    """The published rule, step by step."""
    if len(ids) < n:
        return set()
    prefix = tuple(ids[-(n - 1) :])
    found = set()
    for start in range(max(0, len(ids) - window), len(ids) - n + 1):
        gram = tuple(ids[start : start + n])
        if gram[:-1] == prefix:
            found.add(gram[-1])
    return found - allowed


CASES = [
    ([1, 2, 3, 1, 2], 3, 90, set(), {3}),
    ([1, 2, 3, 1, 2, 4, 1, 2], 3, 90, set(), {3, 4}),
    ([1, 2, 3, 1, 2, 4, 1, 2], 3, 5, set(), {4}),
    ([1, 2, 3, 1, 2], 3, 90, {3}, set()),
    ([5, 5], 2, 90, set(), {5}),
    ([5], 2, 90, set(), set()),
    ([], 2, 90, set(), set()),
    ([1, 2, 3], 4, 90, set(), set()),
    ([7, 7, 7], 1, 90, set(), set()),
]


@pytest.mark.parametrize(("ids", "n", "window", "allowed", "expected"), CASES)
def test_listed_cases(
    ids: list[int], n: int, window: int, allowed: set[int], expected: set[int]
) -> None:
    assert NoRepeat(n, window, frozenset(allowed)).banned(ids) == expected
    assert spelled_out(ids, n, window, allowed) == expected


def test_random_ids_are_judged_as_published() -> None:
    rng = random.Random(0)
    for _ in range(500):
        ids = rng.choices(range(4), k=rng.randint(0, 60))
        n, window = rng.randint(1, 5), rng.randint(1, 70)
        assert NoRepeat(n, window, frozenset()).banned(ids) == spelled_out(ids, n, window, set())


def test_logits_are_left_but_for_what_is_banned() -> None:
    logits = torch.arange(5.0)
    made = NoRepeat(2, 90)([1, 3, 1], logits)
    assert made.tolist() == [0, 1, 2, -float("inf"), 4] and logits[3] == 3
    assert NoRepeat(2, 90)([1, 2, 3], logits) is logits
    cell = min(TABLE_CELLS)
    assert NoRepeat(2, 90).banned([cell, cell]) == set()


@pytest.mark.parametrize("bad", [{"n": 0}, {"n": -1}, {"window": 0}, {"n": 2.5}, {"n": True}])
def test_bad_numbers_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="whole number"):
        NoRepeat(**bad)


def test_loops_are_seen_within_three_periods() -> None:
    for period in (8, 13, 40, 128):
        start, cycle = list(range(1000, 1050)), list(range(period))
        ids = start + cycle * 3
        assert looped(ids) == period and not looped(ids[:-1])


def test_rulers_and_numbers_are_no_loops() -> None:
    assert not looped([9] * 23) and looped([9] * 24) == 1
    assert not looped(list(range(500)))
    assert not looped([1, 2] * 11) and looped([1, 2] * 12) == 2
    assert not looped([])
