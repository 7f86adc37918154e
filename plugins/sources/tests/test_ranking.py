"""Fusing signals."""

from __future__ import annotations

import pytest

from agentkit_sources.ranking import fuse, scaled, total
from agentkit_sources.words import expression, words


def test_scaled_to_its_own_range() -> None:
    assert scaled({1: 10.0, 2: 5.0, 3: 0.0}) == {1: 1.0, 2: 0.5, 3: 0.0}
    assert scaled({1: -3.0}) == {1: 1.0}
    assert scaled({1: 2.0, 2: 2.0}) == {1: 1.0, 2: 1.0}
    assert scaled({}) == {}


def test_fused_by_weight_best_first_ties_by_number() -> None:
    ranked = fuse(
        {"a": {1: 9.0, 2: 8.0, 3: 0.0}, "b": {3: 0.4, 4: 0.2, 5: 0.2}}, {"a": 1.0, "b": 2.0}
    )
    assert list(ranked) == [3, 1, 2, 4, 5]
    assert ranked[3] == (("a", 0.0), ("b", 2.0))
    assert total(ranked[2]) == pytest.approx(8 / 9)


def test_a_signal_without_weight_only_adds_nothing() -> None:
    assert total(fuse({"a": {1: 1.0, 2: 0.5}}, {"a": 0.0})[1]) == 0.0


def test_words() -> None:
    assert words("What does sqlite3_busy_timeout do, and what is R*Tree?") == [
        "sqlite3_busy_timeout",
        "r",
        "tree",
    ]
    assert words("to be or not to be") == ["not"]
    assert words("what is it") == ["what", "is", "it"]
    assert words("Größe größe") == ["größe"]
    assert expression(["a.b", "c"]) == '"a.b" OR "c"'
