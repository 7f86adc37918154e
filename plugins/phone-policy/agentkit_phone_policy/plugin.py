"""What this plugin registers. Imports nothing heavy."""

from __future__ import annotations

from agentkit import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.model(
        "phone-policy",
        "agentkit_phone_policy.model:open_policy",
        settings="agentkit_phone_policy.settings:PolicySettings",
        gives=("tokens", "weights", "answers"),
        summary="a small policy that operates a phone, trained from its experts",
    )
    registry.default_part("model", "phone-policy", use="phone-policy")
    registry.command(
        "phone-policy",
        "agentkit_phone_policy.command:app",
        summary="make, train and pack a policy for phones",
    )
    registry.default_part("agent", "policy-alone", use="phone-step", model="phone-policy")
    registry.experiment(
        "phone-policy",
        "agentkit_phone_policy.bench:EXPERIMENT",
        summary="how many tasks the small policy does alone, and which steps are right",
    )
