"""What this plugin registers. Imports nothing heavy."""

from __future__ import annotations

from agentkit import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.model(
        "deepencoder",
        "agentkit_deepencoder.model:DeepEncoderModel",
        settings="agentkit_deepencoder.settings:ModelSettings",
        gives=("vision",),
        summary="reads pictures through few vision tokens: DeepSeek-OCR, or a nano model",
    )
    registry.perception(
        "deepencoder",
        "agentkit_deepencoder.perception:DeepEncoderPerception",
        settings="agentkit_deepencoder.settings:PerceptionSettings",
        needs={"model": "model"},
        summary="pictures to text, boxes and vision tokens",
    )
    registry.default_part("model", "deepencoder", use="deepencoder")
