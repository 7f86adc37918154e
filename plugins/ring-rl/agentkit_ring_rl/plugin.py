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
    registry.trainer(
        "sft",
        "agentkit_ring_rl.sft:Sft",
        settings="agentkit_ring_rl.sft:SftSettings",
        needs={"model": "tokens+weights"},
        summary="supervised fine-tuning of a model in this process, whole or by LoRA",
    )
    registry.default_part("trainer", "sft", use="sft")
