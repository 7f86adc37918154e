"""What this plugin registers. Imports nothing heavy."""

from __future__ import annotations

from agentkit import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.model(
        "prompt-mii",
        "agentkit_prompt_mii.model:Induced",
        settings="agentkit_prompt_mii.settings:InducedSettings",
        needs={"base": "model"},
        gives=("grammar", "vision", "logprobs"),
        summary="gives its base an induced instruction with every request",
    )
    registry.reward(
        "prompt-mii",
        "agentkit_prompt_mii.rewards:Followed",
        settings="agentkit_prompt_mii.rewards:FollowedSettings",
        needs={"follower": "model"},
        summary="macro-F1 that a follower reaches with an instruction",
    )
    registry.reward(
        "prompt-mii-made",
        "agentkit_prompt_mii.rewards:Made",
        settings="agentkit_prompt_mii.rewards:MadeSettings",
        summary="macro-F1 of an instruction under the exact follower of made tasks",
    )
    registry.command(
        "induce",
        "agentkit_prompt_mii.command:app",
        summary="write an instruction from labelled examples; list, show and revert accepted ones",
    )
    registry.experiment(
        "induce-families",
        "agentkit_prompt_mii.bench.made:INDUCE_FAMILIES",
        summary="a tiny generator on unseen families of made tasks, before and after training",
    )
    registry.experiment(
        "induce-real",
        "agentkit_prompt_mii.bench.real:INDUCE_REAL",
        summary="real labelled sets: naive, examples, induced and searched prompts",
    )
