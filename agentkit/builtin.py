"""The host's own parts, registered like any plugin's."""

from __future__ import annotations

from agentkit.hookspecs import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.model(
        "transformers",
        "agentkit.models.transformers:open_model",
        settings="agentkit.models.settings:TransformersSettings",
        gives=("tokens", "hidden", "weights", "logprobs", "grammar"),
        summary="a causal language model in this process: bundled name, folder, GGUF file, hub id",
    )
    registry.model(
        "embedder",
        "agentkit.models.embedder:Embedder",
        settings="agentkit.models.settings:EmbedderSettings",
        gives=("embed",),
        summary="sentence embeddings in this process (MiniLM)",
    )
    registry.model(
        "openai",
        "agentkit.models.openai:OpenAIModel",
        settings="agentkit.models.settings:OpenAISettings",
        gives=("logprobs", "grammar"),
        summary="any OpenAI-compatible endpoint: vLLM, llama.cpp, Ollama, agentkit serve",
    )
    registry.model(
        "scripted",
        "agentkit.testing.fakes:ScriptedModel",
        settings="agentkit.testing.fakes:ScriptedSettings",
        gives=("grammar",),
        summary="answers from a list, for tests and demonstrations",
    )
    registry.default_part("model", "small", use="transformers", model="smollm2-135m")
    registry.default_part("model", "coder", use="transformers", model="qwen2.5-coder-0.5b")
    registry.default_part("model", "minilm", use="embedder", model="minilm")
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
