"""Entry module: names what the plugin offers, and imports nothing heavy."""

from __future__ import annotations

from agentkit import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.model(
        "vllm",
        "agentkit_vllm.model:open_vllm",
        settings="agentkit_vllm.settings:VllmSettings",
        gives=("logprobs", "grammar", "continuations"),
        summary="a vLLM server of its own: started, watched, restarted, stopped",
    )
