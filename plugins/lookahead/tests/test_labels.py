"""The label rule by hand, and the scorecard on a table small enough to check by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from agentkit.errors import DataError
from agentkit_lookahead import labels, scorecard

CASES: list[tuple[str, list[float], dict[str, Any], list[float], float]] = [
    ("one is best", [1, 0, 0], {}, [1, 0, 0], 1),
    ("two tie at the top", [1, 1, 0], {}, [1, 1, 0], 1),
    ("near enough to the best", [1.0, 0.81, 0.0], {}, [1, 1, 0], 1),
    ("exactly the threshold", [10.0, 8.0, 0.0], {}, [1, 1, 0], 1),
    ("not near enough", [1.0, 0.79, 0.0], {}, [1, 0, 0], 1),
    ("rewards below zero", [-1.0, -5.0, -1.5], {}, [1, 0, 1], 1),
    ("all fail: dropped", [0, 0, 0], {}, [1, 1, 1], 0),
    ("all fail: none is good", [0, 0, 0], {"equal": "absolute"}, [0, 0, 0], 1),
    ("all pass: all are good", [1, 1, 1], {"equal": "absolute"}, [1, 1, 1], 1),
    ("all fail, as the official code has it", [0, 0, 0], {"equal": "positive"}, [1, 1, 1], 1),
    ("threshold 0: soft", [4.0, 1.0, 2.0], {"threshold": 0.0}, [1, 0, 1 / 3], 1),
    ("a low threshold", [1.0, 0.5, 0.4], {"threshold": 0.2}, [1, 0, 0], 1),
]


@pytest.mark.parametrize("what, scores, settings, wanted, weight", CASES, ids=[c[0] for c in CASES])
def test_labels_by_hand(
    what: str, scores: list[float], settings: dict[str, Any], wanted: list[float], weight: float
) -> None:
    made, weights = labels.targets(np.array([scores]), bounds=(0.0, 1.0), **settings)
    assert made[0] == pytest.approx(wanted, abs=1e-6) and set(weights[0].tolist()) == {weight}


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_is_refused(bad: float) -> None:
    with pytest.raises(DataError, match="no finite number"):
        labels.targets(np.array([[1.0, bad]]))


def test_a_scorecard_by_hand() -> None:
    """Three queries of one set, two candidates: means 2/3 and 1/3, the best possible 1."""
    scores = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    card = scorecard.card(scores, ["s"] * 3, np.array([0, 1, 1]), {"s": 0}, ("a", "b"))
    one = card.sets["s"]
    assert one.score == pytest.approx(2 / 3) and one.random == pytest.approx(0.5)
    assert one.oracle == 1 and one.best == pytest.approx(2 / 3)
    assert one.mu == pytest.approx(100 / 3) and one.within == 0
    assert one.accuracy == pytest.approx(2 / 3) and one.range == pytest.approx(1)
    assert one.shares == {"a": pytest.approx(1 / 3), "b": pytest.approx(2 / 3)}


PATTERNS = {
    "HumanEval": "00000:10 00001:12 00010:2 00101:5 00111:1 01011:2 01100:1 01101:7 01111:10 "
    "10000:4 10001:4 10101:1 10110:1 10111:5 11001:2 11011:6 11100:2 11101:14 11110:1 11111:74",
    "GSM8k": "00000:33 00001:3 00010:6 00011:2 00100:9 00101:1 00110:3 00111:6 01000:4 01001:7 "
    "01010:1 01011:7 01100:6 01101:10 01110:11 01111:44 10000:9 10001:2 10010:6 10011:1 10100:5 "
    "10101:10 10110:7 10111:31 11000:6 11001:14 11010:8 11011:35 11100:14 11101:109 11110:60 "
    "11111:849",
}
"""How often which of the paper's five candidates were right together, in its released scores."""
RELEASED = {
    "HumanEval": ([0.6951, 0.7256, 0.7439, 0.6220, 0.8720], 0.7317, 0.9390, 0.8720),
    "GSM8k": ([0.8840, 0.8984, 0.8908, 0.8165, 0.8575], 0.8694, 0.9750, 0.8984),
}


def test_the_released_scores_random_oracle_and_fixed_rows_to_four_decimals() -> None:
    rows, sets = [], []
    for name, counts in PATTERNS.items():
        for pattern, count in (one.split(":") for one in counts.split()):
            rows += [[float(digit) for digit in pattern]] * int(count)
            sets += [name] * int(count)
    scores, candidates = np.array(rows), ("Yi", "InternLM", "Phi-3", "Llama-3.1", "Coder")
    best = scorecard.best_fixed(scores, sets)
    for number, _ in enumerate(candidates):
        always = scorecard.card(scores, sets, np.full(len(sets), number), best, candidates)
        for name, (fixed, random, oracle, top) in RELEASED.items():
            one = always.sets[name]
            assert [one.score, one.random, one.oracle, one.best] == pytest.approx(
                [fixed[number], random, oracle, top], abs=5e-5
            )
            assert one.rows == {"HumanEval": 164, "GSM8k": 1319}[name]


def test_ties_count_as_right_and_the_bounds_are_0_and_100() -> None:
    scores = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    sets = ["x", "x", "x"]
    best = scorecard.best_fixed(scores, sets)
    oracle = scorecard.card(scores, sets, np.array([1, 2, 0]), best, "abc")
    assert oracle.accuracy == 1 and oracle.mu == pytest.approx(100)
    even = scorecard.card(scores, sets, np.full((3, 3), 1 / 3), best, "abc")
    assert even.mu == pytest.approx(0)
    (low, high), _ = scorecard.bootstrap(scores, sets, np.array([1, 2, 0]), best, draws=50)
    assert low <= 100 <= high + 1e-9


def test_cost_is_saved_where_the_cheap_one_is_as_good() -> None:
    scores = np.array([[1.0, 1.0]] * 5 + [[0.0, 1.0]] * 5)
    costs = np.array([1.0, 10.0])
    saved, weight = scorecard.cost_at_equal_quality(scores, costs, scores * 0.8 + [0.0, 0.05])
    assert saved == pytest.approx(0.45) and weight > 0
    nothing, _ = scorecard.cost_at_equal_quality(scores, costs, np.tile([0.0, 9.0], (10, 1)) * 50)
    assert nothing == 0


def test_sample_efficiency_by_hand() -> None:
    sizes = (100, 1000, 10000)
    assert scorecard.sample_efficiency(sizes, (0, 20, 30), (0, 10, 20)) == pytest.approx(10)
    assert scorecard.sample_efficiency(sizes, (0, 10, 20), (0, 20, 30)) == pytest.approx(0.1)
    assert scorecard.sample_efficiency(sizes, (10, 30, 40), (0, 0, 20)) == pytest.approx(10**1.5)
    assert scorecard.sample_efficiency(sizes, (50, 40, 40), (0, 5, 20)) == 100  # at least
    assert scorecard.sample_efficiency(sizes, (1, 2, 3), (1, 2, 3)) == pytest.approx(1)
