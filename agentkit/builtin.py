"""The host's own parts, registered like any plugin's."""

from __future__ import annotations

from agentkit.hookspecs import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.experiment(
        "startup",
        "agentkit.bench.startup:STARTUP",
        summary="CPU time of commands that load no model",
    )
    registry.experiment(
        "fresh-clone",
        "agentkit.bench.startup:FRESH_CLONE",
        summary="from the clone to a finished report: time and disk",
    )
