"""What a router decides: utility, abstention, and the order to fall back in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Decision:
    """order: all models that may be asked, the chosen one first. chances: calibrated probabilities
    of a good answer, empty where the router was not asked or failed. utility: chance less weighted
    cost and latency. margin: the choice's utility less the next one's. propensity: the probability
    with which this model was chosen. reason: "foreseen", "sure of none", "explored", "same
    conversation", "only one can", "no router", "router failed: …", "router too slow"."""

    order: tuple[str, ...]
    reason: str
    chances: Mapping[str, float] = field(default_factory=dict)
    utility: Mapping[str, float] = field(default_factory=dict)
    margin: float = 0.0
    cost: float = 0.0
    propensity: float = 1.0
    seconds: float = 0.0

    @property
    def model(self) -> str:
        return self.order[0]

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "model": self.model, "order": list(self.order)}


def utilities(
    chances: Mapping[str, float],
    costs: Mapping[str, float],
    latencies: Mapping[str, float],
    cost_weight: float = 0.0,
    latency_weight: float = 0.0,
) -> dict[str, float]:
    """u_i = p_i - lambda_cost cost_i - lambda_latency latency_i."""
    return {
        name: p - cost_weight * costs.get(name, 0.0) - latency_weight * latencies.get(name, 0.0)
        for name, p in chances.items()
    }


def choose(
    utility: Mapping[str, float],
    chances: Mapping[str, float],
    default: str,
    lead: float | None = None,
) -> Decision:
    """The best utility first; equal ones by chance of a good answer, then as they are listed.

    Args:
        lead: by how much the choice's chance must be above the default's; None asks for nothing.
    """
    names: Sequence[str] = list(utility)
    order = sorted(names, key=lambda n: (-utility[n], -chances[n], names.index(n)))
    best = order[0]
    margin = utility[best] - utility[order[1]] if len(order) > 1 else 0.0
    reason = "foreseen"
    unsure = lead is not None and default in chances and best != default
    if unsure and lead is not None and chances[best] - chances[default] < lead:
        order = [default, *(n for n in order if n != default)]
        reason = "sure of none"
    return Decision(tuple(order), reason, dict(chances), dict(utility), margin)
