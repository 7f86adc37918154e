"""What this plugin registers. Imports nothing heavy."""

from __future__ import annotations

from agentkit.hookspecs import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.environment(
        "android",
        "agentkit_android.env.environment:AndroidEnvironment",
        settings="agentkit_android.env.settings:AndroidSettings",
        summary="an Android phone over adb: a real one, an emulator, or a simulated one",
    )
    registry.command(
        "phone",
        "agentkit_android.command:phone",
        summary="a simulated phone that adb connects to",
    )
