"""What this plugin registers. Imports nothing heavy."""

from __future__ import annotations

from agentkit import hookimpl
from agentkit.registry import Registry

SEVEN = (
    "completion", "validity", "relevance", "coherence", "redundancy", "user", "behaviour",
)  # fmt: skip
"""Of `evolving.discriminators`, which is heavier to import."""


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.trainer(
        "stepwise",
        "agentkit_stepwise_rl.trainer:Stepwise",
        settings="agentkit_stepwise_rl.trainer:StepwiseSettings",
        needs={"model": "tokens+weights", "environment": "environment"},
        summary="step-wise GRPO on single steps of stored runs",
    )
    registry.default_part("trainer", "stepwise", use="stepwise")
    registry.reward(
        "step",
        "agentkit_stepwise_rl.parts:StepReward",
        settings="agentkit_stepwise_rl.parts:RuleSettings",
        needs={"environment": "environment"},
        summary="whether a reply is one of the accepted actions of a step, and well-formed",
    )
    registry.default_part("reward", "step", use="step")
    registry.model(
        "retrained",
        "agentkit_stepwise_rl.retrained:Retrained",
        settings="agentkit_stepwise_rl.retrained:RetrainedSettings",
        needs={"base": "weights"},
        gives=("tokens", "weights", "answers"),
        summary="a model with the weights of a training",
    )
    registry.agent(
        "rollout",
        "agentkit_stepwise_rl.rollout:Rollout",
        settings="agentkit_stepwise_rl.rollout:RolloutSettings",
        needs={"model": "model", "environment": "environment"},
        summary="plays an episode that is learned from, stored as a run",
    )
    for noun, target in (("trainer", "trainer:EvolveTrainer"), ("agent", "agent:Evolve")):
        getattr(registry, noun)(
            "evolve",
            f"agentkit_stepwise_rl.evolving.{target}",
            settings="agentkit_stepwise_rl.evolving.settings:EvolveSettings",
            needs={
                "model": "tokens+weights",
                "environment": "environment",
                "expander": "model",
                "discriminators": "reward",
            },
            summary="self-evolving training: rollouts, filters, people, supervised rounds",
        )
    registry.default_part("trainer", "evolve", use="evolve")
    registry.reward(
        "discriminator",
        "agentkit_stepwise_rl.evolving.discriminators:Discriminator",
        settings="agentkit_stepwise_rl.evolving.discriminators:DiscriminatorSettings",
        summary="one of the seven rules that a trajectory has to pass",
    )
    for kind in SEVEN:
        registry.default_part("reward", kind, use="discriminator", kind=kind)
    registry.command(
        "stepwise",
        "agentkit_stepwise_rl.command:app",
        summary="step samples of stored runs, and where each is from",
    )
    registry.experiment(
        "stepwise",
        "agentkit_stepwise_rl.bench.experiment:EXPERIMENT",
        summary="what step-wise RL, self-evolving rounds and whole-episode RL give a phone policy",
    )
