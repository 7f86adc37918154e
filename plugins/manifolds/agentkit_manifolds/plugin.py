"""What this plugin registers. Imports nothing heavy."""

from __future__ import annotations

from agentkit.hookspecs import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.analyzer(
        "manifolds",
        "agentkit_manifolds.analyzer:Manifolds",
        settings="agentkit_manifolds.settings:Settings",
        needs={"model": "tokens+weights"},
        summary="how a model counts characters in lines: probes, curves, heads, causes",
    )
    registry.default_part("analyzer", "manifolds", use="manifolds")
    registry.command(
        "lines",
        "agentkit_manifolds.command:app",
        summary="how a model breaks lines: data, behaviour, probe, geometry, heads, patch, report",
    )
    for name, target, summary in (
        ("manifolds-lines", "lines:LINES", "what holds of the line-break study on a small model"),
        ("manifolds-planted", "planted:PLANTED", "every analysis where the answer is known"),
        ("manifolds-small", "small:SMALL", "a transformer from scratch beside the exact optimum"),
        ("manifolds-ringing", "ringing:RINGING", "theory of ringing, and how well noise does"),
    ):
        registry.experiment(name, f"agentkit_manifolds.bench.{target}", summary=summary)
