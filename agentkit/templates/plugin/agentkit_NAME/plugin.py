"""What this plugin registers. Imports nothing heavy."""

from __future__ import annotations

from agentkit import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.NOUN(
        "NAME",
        "agentkit_NAME.NOUN:ClassName",
        settings="agentkit_NAME.NOUN:Settings",
        summary="SUMMARY",
    )
