"""What this plugin registers. Imports nothing heavy."""

from __future__ import annotations

from agentkit import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.perception(
        "tesseract",
        "agentkit_tesseract.perception:Tesseract",
        settings="agentkit_tesseract.perception:Settings",
        summary="lines of text in more than a hundred languages, their script found by itself",
    )
    registry.default_part("perception", "tesseract", use="tesseract")
    registry.check(
        "tesseract",
        "agentkit_tesseract.program:check",
        summary="Tesseract and the languages that it has",
    )
