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
        gives=("tokens", "hidden", "weights", "logprobs", "grammar", "answers"),
        summary="a language model in this process",
    )
    registry.model(
        "scripted",
        "agentkit.testing.scripted:ScriptedModel",
        settings="agentkit.testing.scripted:ScriptedSettings",
        gives=("grammar", "vision"),
        summary="says what it was told to say, for tests",
    )
    registry.model(
        "replay",
        "agentkit.testing.replay:open_replay",
        settings="agentkit.testing.replay:ReplaySettings",
        needs={"base": "model"},
        gives=("grammar", "vision"),
        summary="gives recorded answers again, for tests",
    )
    registry.model(
        "embedder",
        "agentkit.models.embedder:open_embedder",
        settings="agentkit.models.settings:EmbedderSettings",
        gives=("embed",),
        summary="sentence embeddings in this process",
    )
    registry.model(
        "openai",
        "agentkit.models.openai:open_openai",
        settings="agentkit.models.settings:OpenAISettings",
        gives=("logprobs", "grammar", "continuations"),
        summary="any OpenAI-compatible endpoint: vLLM, llama.cpp, Ollama, a provider",
    )
    registry.model(
        "langchain",
        "agentkit.models.langchain.part:open_langchain",
        settings="agentkit.models.langchain.part:LangChainSettings",
        gives=("logprobs", "grammar"),
        summary="any LangChain chat model, named by its class",
    )
    registry.model(
        "packed",
        "agentkit.models.packed:PackedModel",
        settings="agentkit.models.packed:PackedSettings",
        needs={"base": "model", "context": "context"},
        gives=("grammar", "vision"),
        summary="is sent only as much of a conversation as a context packs",
    )
    registry.environment(
        "grid",
        "agentkit.testing.fakes:FakeEnvironment",
        settings="agentkit.testing.fakes:GridSettings",
        summary="a small world of fields and walls, for tests",
    )
    registry.source(
        "inline",
        "agentkit.testing.fakes:FakeSource",
        settings="agentkit.testing.fakes:InlineSettings",
        summary="documents written into the settings, for tests",
    )
    registry.tool(
        "python",
        "agentkit.agents.functions:open_function",
        settings="agentkit.agents.functions:FunctionSettings",
        summary="a Python function, named by its import string",
    )
    registry.tool(
        "search",
        "agentkit.agents.search:SearchTool",
        settings="agentkit.agents.search:SearchSettings",
        needs={"source": "source"},
        summary="a source that a model searches by itself",
    )
    registry.context(
        "window",
        "agentkit.models.context:Window",
        summary="system, last user message, and the newest others that fit",
    )
    registry.context(
        "relevant",
        "agentkit.models.context:Relevant",
        summary="system, last user message, and those others that share most words with it",
    )
    registry.default_part("context", "window", use="window")
    registry.agent(
        "tools",
        "agentkit.agents.tools:ToolsAgent",
        settings="agentkit.agents.tools:ToolsSettings",
        needs={"model": "model", "tools": "tool"},
        summary="a plain tool-calling agent",
    )
    registry.guard(
        "effects",
        "agentkit.runs.guards:EffectGuard",
        settings="agentkit.runs.guards:EffectSettings",
        summary="asks before a call that changes the world, or denies it",
    )
    registry.experiment(
        "model",
        "agentkit.bench.model:MODEL",
        summary="throughput of the in-process engine beside transformers.generate",
    )
    registry.experiment(
        "serve",
        "agentkit.bench.serving:SERVE",
        summary="the server with 1 to 64 clients beside one request after the other",
    )
    registry.experiment(
        "grammar",
        "agentkit.bench.grammar:GRAMMAR",
        summary="valid JSON from a small model: how often, and at what cost per token",
    )
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
    registry.experiment(
        "host-overhead",
        "agentkit.bench.overhead:OVERHEAD",
        summary="what the host adds to one step of an agent",
    )
    registry.experiment(
        "resume",
        "agentkit.bench.resume:RESUME",
        summary="kills at any moment: is anything lost, repeated or doubled?",
    )
    registry.experiment(
        "console",
        "agentkit.bench.consoling:CONSOLE",
        summary="a long run opened, 50 viewers, cut connections: time, and anything lost",
    )
    registry.default_part("model", "small", use="transformers", model="smollm2-135m")
    registry.default_part("model", "coder", use="transformers", model="qwen2.5-coder-0.5b")
    registry.default_part("model", "minilm", use="embedder", model="minilm")
    registry.default_part("agent", "tools", use="tools")
