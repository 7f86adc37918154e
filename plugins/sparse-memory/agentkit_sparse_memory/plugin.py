"""What this plugin registers. Imports nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentkit.hookspecs import hookimpl
from agentkit.registry import Registry

if TYPE_CHECKING:
    from agentkit.capabilities.guard import Proposal, Verdict

REMEMBER, FORGET = "remember_in_weights", "forget_from_weights"  # the tools' own names


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
    for name, target, summary in (
        ("memory-facts", "facts:FACTS", "told in one process, asked in the next"),
        ("memory-tradeoff", "tradeoff:TRADEOFF", "what is forgotten for what is learned"),
        ("memory-sequential", "sequential:SEQUENTIAL", "a hundred facts, one after another"),
        ("memory-scale", "scale:SCALE", "what a step costs as the table grows"),
        ("memory-peers", "peers:PEERS", "beside retrieval, and finetuning with replay"),
        ("memory-documents", "documents:DOCUMENTS", "passages, learned by reading"),
        ("memory-triviaqa", "full:TRIVIAQA", "the paper's rows, on your own files"),
        ("memory-core", "core:CORE", "which slots a fact's phrasings share"),
    ):
        registry.experiment(name, f"agentkit_sparse_memory.bench.{target}", summary=summary)


@hookimpl
def agentkit_guard(proposal: Proposal) -> Verdict | None:
    """Nothing is written to weights, or taken out of them, without a person's yes."""
    from agentkit.capabilities.guard import Verdict

    if proposal.name == REMEMBER:
        told = " ".join(str(proposal.args.get(k, "?")) for k in ("subject", "relation", "answer"))
        return Verdict("ask", f"this is written into the model's weights: {told}")
    if proposal.name == FORGET:
        text = proposal.args.get("text", "?")
        return Verdict("ask", f"what mentions {text!r} is taken out of the model's weights")
    return None
