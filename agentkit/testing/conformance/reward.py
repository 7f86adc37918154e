"""RE: rewards."""

from __future__ import annotations

from math import isfinite
from typing import Any, ClassVar

from agentkit.capabilities import Outcome
from agentkit.errors import AgentkitError
from agentkit.testing.conformance.base import Conformance


class RewardConformance(Conformance):
    """Give `toml` or `make()`, an outcome that scores well and one that scores less."""

    noun = "reward"
    good: ClassVar[Outcome]
    bad: ClassVar[Outcome]

    def outcomes(self) -> list[Outcome]:
        odd = ("", " ", "漢字 🙂", "x" * 10_000, "\x00", '{"a": [', "nan")
        return [self.good, self.bad, *(Outcome(self.good.task, o, self.good.data) for o in odd)]

    def test_re01_better_scores_more(self) -> None:
        """`good` scores more than `bad`."""
        good, bad = self.part.score(self.good), self.part.score(self.bad)
        assert good.value > bad.value, f"good {good.value:g}, bad {bad.value:g}"

    def test_re02_scores_keep_their_bounds(self) -> None:
        """Within `bounds`, finite, for odd answers too."""
        low, high = self.part.bounds
        assert isfinite(low) and isfinite(high) and low < high
        for outcome in self.outcomes():
            value = self.part.score(outcome).value
            assert low <= value <= high, f"{value} for {outcome.answer[:40]!r}"

    def test_re03_the_same_scores_the_same(self) -> None:
        """Twice, in another order, from another instance; and the outcome is left alone."""
        outcomes = self.outcomes()
        before = repr(outcomes)
        first = [self.part.score(o) for o in outcomes]
        with self.fresh() as other:
            second = [other.score(o) for o in reversed(outcomes)][::-1]
        assert first == second and repr(outcomes) == before

    def test_re04_a_score_has_reasons(self) -> None:
        """In words, and its parts are finite."""
        for outcome in (self.good, self.bad):
            score = self.part.score(outcome)
            assert score.reasons and all(score.reasons), "no reasons"
            assert all(isfinite(value) for value in score.parts.values())

    def test_re05_a_task_without_its_data_is_an_error(self) -> None:
        """Nothing to compare with: an error that says so, or a score; never another exception."""
        try:
            score: Any = self.part.score(Outcome({}, "answer"))
        except AgentkitError:
            return
        assert self.part.bounds[0] <= score.value <= self.part.bounds[1]
