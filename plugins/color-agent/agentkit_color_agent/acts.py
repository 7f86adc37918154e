"""Actions by their kind: the environment's classes are taken as they are, never imported."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agentkit.agents.acting import kind_of
from agentkit.capabilities import Action, Effect
from agentkit_color_agent.state import Ask, Remember

OWN: tuple[type[Action], ...] = (Remember, Ask)
"""The agent's own, which the environment does not see."""


def made(plain: Mapping[str, Any], actions: Sequence[type[Action]]) -> Action:
    """An action from JSON that was one before."""
    return next(a for a in actions if kind_of(a) == plain["kind"]).model_validate(dict(plain))


def key(plain: Mapping[str, Any] | None) -> str:
    """An action as text, for comparing; "" for none."""
    return json.dumps(plain, sort_keys=True, ensure_ascii=False) if plain else ""


def sensitive(action: Action, what: str, *, restorable: bool) -> Action:
    """The same action, of which guards are told what it does: `Proposal.args["sensitive"]`. Where
    the environment cannot be put back its effect is outside, so that it is never done twice."""
    kind = type(action)
    raised = Effect.INSIDE if restorable else Effect.OUTSIDE
    annotated = {"__annotations__": {"sensitive": str}, "sensitive": what, "effect": raised}
    told: Any = type(kind.__name__, (kind,), {"__module__": kind.__module__, **annotated})
    return told(**action.model_dump())  # type: ignore[no-any-return]
