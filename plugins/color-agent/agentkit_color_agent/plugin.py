"""What this plugin offers. Imports nothing heavy."""

from __future__ import annotations

from agentkit import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.agent(
        "color-agent",
        "agentkit_color_agent.agent:ColorAgent",
        settings="agentkit_color_agent.settings:ColorSettings",
        needs={
            "environment": "environment",
            "model": "model",
            "answerer": "model",
            "classifier": "model",
            "orchestrator": "model",
            "extractor": "model",
            "rewriter": "model",
            "reflector": "model",
            "trajectory": "model",
            "judge": "model",
            "personaliser": "model",
            "asker": "model",
            "embedder": "embed",
        },
        summary="does a goal on a phone as its owner would, and asks when it should",
    )
    registry.default_part("agent", "color", use="color-agent")
    registry.guard(
        "sensitive-actions",
        "agentkit_color_agent.guard:SensitiveGuard",
        settings="agentkit_color_agent.guard:SensitiveSettings",
        summary="asks before a phone agent sends, pays, deletes, calls, shares, grants, installs",
    )
    registry.default_part("guard", "sensitive", use="sensitive-actions")
    registry.command(
        "color",
        "agentkit_color_agent.command:color",
        summary="record and replay on the phone, and what its agent knows",
    )
    registry.command(
        "person",
        "agentkit_color_agent.person.command:person",
        summary="what the phone's agent knows of a person: see it, change it, delete it",
    )
    for name, module, summary in (
        ("color-ablation", "ablation", "which errors does each module mend, and what does it cost"),
        ("color-policy", "policy", "what it makes of the small policy, by split and by module"),
        ("color-person", "person", "does it do what this person would, with and without a profile"),
        ("color-asking", "asking", "does it ask when it should, and is nothing risked unasked"),
    ):
        target = f"agentkit_color_agent.bench.{module}:EXPERIMENT"
        registry.experiment(name, target, summary=summary)
