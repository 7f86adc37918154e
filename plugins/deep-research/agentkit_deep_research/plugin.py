"""What this plugin offers. Imports nothing heavy."""

from __future__ import annotations

from agentkit import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.agent(
        "deep-research",
        "agentkit_deep_research.agent:DeepResearch",
        settings="agentkit_deep_research.settings:ResearchSettings",
        needs={
            "sources": "source",
            "embedder": "embed",
            "ranker": "tokens",
            "keywords": "model",
        },
        summary="answers from documents, in quotes that are checked",
    )
    registry.default_part("agent", "research", use="deep-research")
