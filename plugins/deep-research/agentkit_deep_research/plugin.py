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
            "planner": "model",
            "writer": "model",
            "steerer": "model",
        },
        summary="answers from documents, in quotes that are checked",
    )
    registry.default_part("agent", "research", use="deep-research")
    registry.command(
        "research",
        "agentkit_deep_research.command:research",
        summary="answer a question from documents, with checked quotes",
    )
    registry.command(
        "verify",
        "agentkit_deep_research.command:verify",
        summary="check the quotes of a research report against their sources",
    )
    registry.command(
        "report",
        "agentkit_deep_research.report_command:app",
        summary="export, revise and compare research reports, and their trajectories",
    )
    registry.views(
        "research",
        "agentkit_deep_research.console:ResearchViews",
        summary="reports, their files, and how the models of a research run did",
    )
    registry.experiment(
        "report",
        "agentkit_deep_research.bench:EXPERIMENT",
        summary="are answers among the quotes, and are the quotes true",
    )
    for name, module, summary in (
        ("research-steering", "steering", "does a message at any moment do what it says"),
        ("research-kills", "kills", "is anything lost or repeated when research is killed"),
        ("research-tokens", "tokens", "tokens for planted facts, beside a supervisor loop"),
        ("research-injection", "injection", "are orders in what is read obeyed, are they reported"),
        ("research-judged", "judged", "DeepResearch Bench, DeepConsult, ResearchQA on your copy"),
    ):
        target = f"agentkit_deep_research.experiments.{module}:EXPERIMENT"
        registry.experiment(name, target, summary=summary)
