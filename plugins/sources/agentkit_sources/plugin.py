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
        summary="a folder of HTML, Markdown, text, PDF, tables, office files and code",
    )
    registry.source(
        "code",
        "agentkit_sources.code.source:CodeSource",
        settings="agentkit_sources.settings:CodeSettings",
        needs={"embedder": "embed"},
        summary="a code repository: functions and classes, names, history",
    )
    registry.source(
        "sql",
        "agentkit_sources.sql.source:SqlSource",
        settings="agentkit_sources.sql.settings:SqlSettings",
        needs={"model": "model"},
        summary="a SQLite or PostgreSQL database, read-only, asked in words or SQL",
    )
    registry.source(
        "search",
        "agentkit_sources.online.source:SearchSource",
        settings="agentkit_sources.online.settings:SearchSettings",
        summary="a search service of yours: web (SearXNG, Tavily, Brave), papers, code",
    )
    registry.experiment(
        "nl2sql",
        "agentkit_sources.sql.bench:NL2SQL",
        summary="do questions in words get the rows of their gold SQL",
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
