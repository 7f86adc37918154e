"""What this plugin registers. Imports nothing heavy."""

from __future__ import annotations

from agentkit import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.perception(
        "rapidocr",
        "agentkit_rapidocr.perception:RapidOcr",
        settings="agentkit_rapidocr.perception:Settings",
        summary="lines of text in screens and pages, read on a processor",
    )
    registry.default_part("perception", "rapidocr", use="rapidocr")
