"""All guards are asked. Deny beats ask beats allow; a guard that raises is a deny."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from agentkit.capabilities.guard import ALLOW, Proposal, Verdict

if TYPE_CHECKING:
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
