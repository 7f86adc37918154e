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
        gives=("vision", "embeds"),
        summary="reads pictures through few vision tokens: DeepSeek-OCR, or a nano model",
    )
    registry.perception(
        "deepencoder",
        "agentkit_deepencoder.perception:DeepEncoderPerception",
        settings="agentkit_deepencoder.settings:PerceptionSettings",
        needs={"model": "model"},
        summary="pictures to text, boxes and vision tokens",
    )
    registry.context(
        "optical",
        "agentkit_deepencoder.optical.context:Optical",
        settings="agentkit_deepencoder.optical.settings:OpticalSettings",
        needs={"perception": "perception"},
        summary="older turns as pages: vision tokens, pictures, or read back as text",
    )
    registry.default_part("context", "optical", use="optical")
    registry.tool(
        "recall",
        "agentkit_deepencoder.optical.recall:Recall",
        settings="agentkit_deepencoder.optical.recall:RecallSettings",
        summary="the exact text of an older turn that is on a page, by its number",
    )
    registry.default_part("tool", "recall", use="recall")
    registry.default_part("model", "deepencoder", use="deepencoder")
    registry.command(
        "deepencoder",
        "agentkit_deepencoder.command:app",
        summary="count a picture's tokens, read pictures, train a nano model",
    )
    registry.experiment(
        "deepencoder-parity",
        "agentkit_deepencoder.bench.parity:PARITY",
        summary="the encoder beside transformers' own, on the same random numbers",
    )
    registry.experiment(
        "deepencoder-cost",
        "agentkit_deepencoder.bench.cost:COST",
        summary="tokens, seconds and activation memory by resolution",
    )
    registry.experiment(
        "deepencoder-memory",
        "agentkit_deepencoder.bench.footprint:MEMORY",
        summary="memory of a whole process that looks at one picture, by resolution",
    )
    registry.experiment(
        "deepencoder-curve",
        "agentkit_deepencoder.bench.curve:CURVE",
        summary="the nano model's precision as more text goes into fewer tokens",
    )
    registry.experiment(
        "deepencoder-mix",
        "agentkit_deepencoder.bench.mix:MIXED",
        summary="the nano model trained on other mixes of OCR, vision and text; takes hours",
    )
    registry.experiment(
        "context-compression",
        "agentkit_deepencoder.bench.context:COMPRESSION",
        summary="codes kept of long conversations: pages, summaries, cutting off, choosing",
    )
