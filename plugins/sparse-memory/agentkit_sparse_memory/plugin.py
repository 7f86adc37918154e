"""What this plugin registers. Imports nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentkit.hookspecs import hookimpl
from agentkit.registry import Registry

if TYPE_CHECKING:
    from agentkit.capabilities.guard import Proposal, Verdict


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.model(
        "sparse-memory",
        "agentkit_sparse_memory.model:SparseMemoryModel",
        settings="agentkit_sparse_memory.settings:Settings",
        needs={"base": "tokens+weights"},
        gives=("tokens", "hidden", "weights", "logprobs", "grammar"),
        summary="learns facts in a few rows of its weights, and can take them back",
    )
    for name, target, summary in (
        ("remember", "Remember", "writes a fact into a model's weights, after a person's yes"),
        ("forget", "Forget", "takes facts out of a model's weights, after a person's yes"),
    ):
        registry.tool(
            name,
            f"agentkit_sparse_memory.tool:{target}",
            settings="agentkit_sparse_memory.tool:ToolSettings",
            needs={"model": "weights"},
            summary=summary,
        )
    registry.command(
        "memory",
        "agentkit_sparse_memory.command:app",
        summary="facts in a model's weights: attach, learn, score, forget, revert",
    )


@hookimpl
def agentkit_guard(proposal: Proposal) -> Verdict | None:
    from agentkit_sparse_memory.guarding import judge

    return judge(proposal)
