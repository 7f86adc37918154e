"""What this plugin registers. Imports nothing heavy."""

from __future__ import annotations

from agentkit import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.sandbox(
        "bubblewrap",
        "agentkit_sandbox.bubblewrap:Bubblewrap",
        settings="agentkit_sandbox.settings:SandboxSettings",
        summary="programs in namespaces of their own: no network, no files of yours, limits",
    )
    registry.default_part("sandbox", "sandbox", use="bubblewrap")
    registry.check(
        "sandbox",
        "agentkit_sandbox.bubblewrap:check",
        summary="whether programs can be run apart on this machine",
    )
