"""The part: `use = "mcp"`, a tool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from agentkit.agents import SchemaTool
from agentkit.errors import AgentkitError, BackendUnavailable, ConfigError
from agentkit.kit import Parts
from agentkit.names import nearest
from agentkit_mcp.connection import Connection, fingerprint
from agentkit_mcp.said import description_of, schema_of, texts_of
from agentkit_mcp.settings import ServerSettings, ToolSettings

if TYPE_CHECKING:
    from agentkit.capabilities.agent import Runtime

_LONGEST_FAULT = 2000  # characters


class McpTool(SchemaTool):
    """One tool of a server. Its definition is pinned when the part is made: a server that describes
    it otherwise later is not called any more."""

    def __init__(self, settings: ToolSettings, server: Connection) -> None:
        self._server, self._tool = server, settings.tool
        definition = self._definition()
        self._pinned = fingerprint(definition)
        name = settings.name or "".join(
            c if c.isalnum() or c in "_-" else "_" for c in settings.tool
        )
        super().__init__(
            name[:64],
            description_of(definition, settings.description),
            schema_of(definition),
            self._called,
            settings.effect,
        )

    def call(self, args: BaseModel, rt: Runtime) -> Any:
        if fingerprint(self._definition()) != self._pinned:
            raise BackendUnavailable(
                f"the MCP server {self._server.name} now describes {self._tool!r} otherwise",
                "look at what it says now, and start again if that is well",
            )
        return super().call(args, rt)

    def loaded(self) -> dict[str, str]:
        """For the recipe of a run."""
        return {"definition": self._pinned}

    def _called(self, arguments: dict[str, Any]) -> Any:
        result = self._server.call(self._tool, arguments)
        texts = texts_of(result)
        if result.is_error:
            raise AgentkitError("\n".join(texts)[:_LONGEST_FAULT] or f"{self._tool} failed")
        if result.structured_content is not None:
            return result.structured_content
        return texts[0] if len(texts) == 1 else texts

    def _definition(self) -> Any:
        tools = self._server.tools()
        for tool in tools:
            if tool.name == self._tool:
                return tool
        names = [tool.name for tool in tools]
        raise ConfigError(
            f"the MCP server {self._server.name} has no tool {self._tool!r}"
            f"{nearest(self._tool, names)}",
            f"it has: {', '.join(names)[:500] or 'none'}",
        )


def shared(settings: ServerSettings, parts: Parts) -> Connection:
    """One process for all parts that name the same server."""
    fields = ServerSettings.model_fields
    key = f"mcp {settings.model_dump_json(include=set(fields))}"
    return parts.share(key, lambda: Connection(settings, parts))


def open_tool(settings: ToolSettings, parts: Parts) -> McpTool:
    """Makes the part: starts the server and looks the tool up."""
    return McpTool(settings, shared(settings, parts))
