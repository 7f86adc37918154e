"""GU: guards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from agentkit.capabilities import Effect, Proposal, Verdict
from agentkit.testing.conformance.base import Conformance


class GuardConformance(Conformance):
    """Give `toml` or `make()`, what it must stop (deny, or ask about) and what it must let go."""

    noun = "guard"
    stopped: ClassVar[Sequence[Proposal]] = ()
    allowed: ClassVar[Sequence[Proposal]] = ()

    def test_gu01_it_stops_what_it_must(self) -> None:
        """Deny or ask, with a reason that a person can read."""
        assert self.stopped, f"{type(self).__name__} gives no `stopped` proposals"
        for proposal in self.stopped:
            verdict = self.part.judge(proposal)
            assert verdict is not None and verdict.kind in ("deny", "ask"), (
                f"{proposal.name} on {proposal.target} was let go"
            )
            assert verdict.reason, "a stop needs a reason"

    def test_gu02_it_lets_go_what_it_may(self) -> None:
        """Allow, or no opinion."""
        assert self.allowed, f"{type(self).__name__} gives no `allowed` proposals"
        for proposal in self.allowed:
            verdict = self.part.judge(proposal)
            assert verdict is None or verdict.kind == "allow", f"{proposal.name}: {verdict}"

    def test_gu03_it_judges_the_same_again(self) -> None:
        """Asked again, about others in between, from another instance: the same verdict."""
        proposals = [*self.stopped, *self.allowed]
        first = [self.part.judge(p) for p in proposals]
        with self.fresh() as other:
            assert [other.judge(p) for p in reversed(proposals)][::-1] == first
        assert [self.part.judge(p) for p in proposals] == first

    def test_gu04_nothing_makes_it_raise(self) -> None:
        """Odd arguments, names and effects get a verdict; a guard that raises stops everything."""
        deep: Any = {}
        for _ in range(50):
            deep = {"a": [deep, None, 1.5, "🙂", "x" * 1000]}
        base = next(iter([*self.stopped, *self.allowed]))
        for effect in Effect:
            for args in ({}, {"a": None}, {"": deep}, {"path": "\x00../.."}):
                for name in ("", "unknown", base.name):
                    verdict = self.part.judge(replace(base, args=args, name=name, effect=effect))
                    assert verdict is None or (
                        isinstance(verdict, Verdict) and verdict.kind in ("allow", "ask", "deny")
                    )
