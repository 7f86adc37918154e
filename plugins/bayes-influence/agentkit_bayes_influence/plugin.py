"""What this plugin registers. Imports nothing heavy."""

from __future__ import annotations

from agentkit.hookspecs import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.analyzer(
        "bayes-influence",
        "agentkit_bayes_influence.analyzer:InfluenceAnalyzer",
        settings="agentkit_bayes_influence.analyzer:Settings",
        needs={"model": "tokens+weights"},
        summary="which training examples taught a model what it says",
    )
    registry.default_part("analyzer", "bayes-influence", use="bayes-influence")
    registry.command(
        "influence",
        "agentkit_bayes_influence.command:app",
        summary="why did the model say that: influence of training examples",
    )
    for name, target, summary in (
        ("influence-ridge", "ridge:RIDGE", "sampled influence where the exact one is known"),
        ("influence-lds", "lds:LDS", "does influence predict what a retrained model does?"),
        ("influence-why", "why:WHY", "taught facts, found in none of the question's words"),
        ("influence-duplicates", "duplicates:DUPLICATES", "repeated and poisoned examples"),
        ("influence-glyphs", "glyphs:GLYPHS", "the tree of scripts, letters and fonts"),
        ("influence-pairs", "pairs:PAIRS_EXPERIMENT", "synonyms, spellings, translations"),
        ("influence-peers", "beside:PEERS", "time and numbers beside devinterp and kronfluence"),
    ):
        registry.experiment(name, f"agentkit_bayes_influence.bench.{target}", summary=summary)
