"""What this plugin registers. Imports nothing heavy."""

from __future__ import annotations

from agentkit import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.reward(
        "prompt-mii-made",
        "agentkit_prompt_mii.rewards:Made",
        settings="agentkit_prompt_mii.rewards:MadeSettings",
        summary="macro-F1 of an instruction under the exact follower of made tasks",
    )
