"""What this plugin registers. Imports nothing heavy."""

from __future__ import annotations

from agentkit.hookspecs import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.model(
        "lookahead",
        "agentkit_lookahead.model:LookaheadModel",
        settings="agentkit_lookahead.settings:RouterSettings",
        needs={"candidates": "model"},
        gives=("grammar", "vision"),
        summary="picks a candidate per request by foreseeing its answer",
    )
    registry.model(
        "calculator",
        "agentkit_lookahead.calculator:open_calculator",
        summary="does the sum in a question, and nothing else",
    )
    registry.model(
        "passages",
        "agentkit_lookahead.passages:open_passages",
        settings="agentkit_lookahead.passages:PassagesSettings",
        needs={"source": "source"},
        summary="answers with the best sentence of a source",
    )
    registry.trainer(
        "lookahead",
        "agentkit_lookahead.trainer:RouterTrainer",
        settings="agentkit_lookahead.trainer:TrainerSettings",
        summary="trains a router on scored answers",
    )
    registry.default_part("model", "calculator", use="calculator")
    registry.default_part(
        "model",
        "auto",
        use="lookahead",
        candidates=["small", "calculator"],
    )
    registry.command(
        "route",
        "agentkit_lookahead.command:app",
        summary="routers over models: collect, train, eval, explain, add",
    )
    for name, target, summary in (
        ("route-released", "released:ROUTE_RELEASED", "the paper's candidates and scores"),
        ("route-local", "local:ROUTE_LOCAL", "candidates that run here, and what routing saves"),
        ("route-routellm", "routellm:ROUTE_ROUTELLM", "RouteLLM on the same rows"),
        ("route-noise", "noise:ROUTE_NOISE", "decisions on badly typed questions"),
        ("route-speed", "speed:ROUTE_SPEED", "how long a decision takes"),
    ):
        registry.experiment(name, f"agentkit_lookahead.bench.{target}", summary=summary)
