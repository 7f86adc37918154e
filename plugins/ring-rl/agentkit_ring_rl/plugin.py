"""What this plugin registers. Imports nothing heavy."""

from __future__ import annotations

from agentkit import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.trainer(
        "ring-rl",
        "agentkit_ring_rl.trainer:RingRl",
        settings="agentkit_ring_rl.trainer:Settings",
        summary="a trainer that fits a line by gradient descent",
    )
