"""Guard: allows, denies, or asks a person before something happens.

All guards are asked; deny beats ask beats allow, and a guard that raises is a deny.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from agentkit.capabilities.tool import Effect


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is about to happen. target: the tool or environment; name: the tool or action kind."""

    run: str
    agent: str
    target: str
    name: str
    args: Mapping[str, Any]
    effect: Effect


@dataclass(frozen=True, slots=True)
class Verdict:
    kind: Literal["allow", "ask", "deny"]
    reason: str = ""


ALLOW = Verdict("allow")


@runtime_checkable
class Guard(Protocol):
    def judge(self, proposal: Proposal) -> Verdict | None:
        """None: no opinion."""
        ...
