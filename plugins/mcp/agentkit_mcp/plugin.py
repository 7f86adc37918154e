"""What this plugin registers. Imports nothing heavy."""

from __future__ import annotations

from agentkit import hookimpl
from agentkit.registry import Registry


@hookimpl
def agentkit_register(registry: Registry) -> None:
    registry.tool(
        "mcp",
        "agentkit_mcp.tool:open_tool",
        settings="agentkit_mcp.settings:ToolSettings",
        summary="one tool of an MCP server",
    )
    registry.source(
        "mcp",
        "agentkit_mcp.source:McpSource",
        settings="agentkit_mcp.settings:SourceSettings",
        needs={"embedder": "embed"},
        summary="the resources of an MCP server, or what its search tool finds",
    )
