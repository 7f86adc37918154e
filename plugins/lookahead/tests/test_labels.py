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
    ("threshold 0.5", [1.0, 0.5, 0.4], {"threshold": 0.2}, [1, 0, 0], 1),
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
