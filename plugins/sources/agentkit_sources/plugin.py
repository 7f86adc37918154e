"""What this plugin registers. Imports nothing heavy."""

from __future__ import annotations

from agentkit.hookspecs import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.source(
        "folder",
        "agentkit_sources.folder:FolderSource",
        settings="agentkit_sources.settings:FolderSettings",
        needs={"embedder": "embed"},
        summary="a folder of HTML, Markdown, text, PDF and code",
    )
    registry.experiment(
        "retrieval",
        "agentkit_sources.bench:RETRIEVAL",
        summary="is the answering page among the first found",
    )
    registry.command(
        "index",
        "agentkit_sources.command:index",
        summary="read a folder, and say what could not be read",
    )
