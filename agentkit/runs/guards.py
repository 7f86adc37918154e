"""All guards are asked. Deny beats ask beats allow; a guard that raises is a deny."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from agentkit.capabilities.guard import ALLOW, Proposal, Verdict
from agentkit.capabilities.tool import Effect
from agentkit.settings import PartSettings

if TYPE_CHECKING:
    from agentkit.kit import Parts
    from agentkit.runs.session import Session

RANK = {"allow": 0, "ask": 1, "deny": 2}


def judge(session: Session, proposal: Proposal) -> Verdict:
    """The strictest verdict of the kit's guard parts and of every plugin's `agentkit_guard`."""
    verdicts = [ALLOW]
    for name, guard in _guards(session):
        try:
            verdict = guard(proposal)
            if verdict is not None and verdict.kind not in RANK:
                raise ValueError(f"no verdict {verdict.kind!r}")
        except Exception as error:
            verdict = Verdict("deny", f"guard {name!r} failed: {type(error).__name__}: {error}")
        if verdict is not None:
            verdicts.append(verdict)
    return max(verdicts, key=lambda v: RANK[v.kind])


def _guards(session: Session) -> Iterator[tuple[str, Any]]:
    for name, function in session.kit.host.each("agentkit_guard"):
        yield name, lambda proposal, function=function: function(proposal=proposal)
    for name in session.kit.names("guard"):
        yield name, session.kit.part("guard", name).judge


class EffectSettings(PartSettings):
    """ask, deny: effects of a tool or an action; the rest is allowed."""

    ask: tuple[Effect, ...] = (Effect.OUTSIDE, Effect.IRREVERSIBLE)
    deny: tuple[Effect, ...] = ()


class EffectGuard:
    """`use = "effects"`: judges by what a call may change."""

    def __init__(self, settings: EffectSettings, parts: Parts) -> None:
        self._settings = settings

    def judge(self, proposal: Proposal) -> Verdict:
        effect = proposal.effect
        reason = f"its effect is {effect.value}"
        if effect in self._settings.deny:
            return Verdict("deny", reason)
        return Verdict("ask", reason) if effect in self._settings.ask else ALLOW
