"""Settings: which server, and what of it. A server is started by nobody but these."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from agentkit.capabilities import Effect
from agentkit.settings import PartSettings


class ServerSettings(PartSettings):
    """A server: give `command` or `url`.

    command: the program and its arguments, started without a shell; it speaks over its standard
    input and output. url: of a server that runs already (Streamable HTTP). env: variables that the
    program gets beside PATH, HOME and the like; secrets as "env:NAME" or "keyring:service/user".
    cwd: its working folder. starting: seconds until it must be up. seconds, bytes: of one answer.
    """

    command: tuple[str, ...] | None = None
    url: str | None = None
    env: dict[str, str] = Field(default_factory=dict)
    cwd: Path | None = None
    starting: float = Field(default=30.0, gt=0, le=3600)
    seconds: float = Field(default=30.0, gt=0, le=3600)
    bytes: int = Field(default=2_000_000, gt=0, le=500_000_000)

    @model_validator(mode="after")
    def _one_server(self) -> ServerSettings:
        if (self.command is None) == (self.url is None) or self.command == ():
            raise ValueError("give either `command` (a program to start) or `url`")
        if self.url is not None and not self.url.startswith(("http://", "https://")):
            raise ValueError("`url` begins with http:// or https://")
        return self


class ToolSettings(ServerSettings):
    """`use = "mcp"`, the tool.

    tool: its name at the server. name: what models call it, where that should be another.
    description: for models, in place of the server's. effect: what a call may change; what the
    server says about that is not trusted.
    """

    tool: str
    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,64}$")
    description: str | None = None
    effect: Effect = Effect.OUTSIDE


class SourceSettings(ServerSettings):
    """`use = "mcp"`, the source.

    search: a tool of the server that finds; none: the server's resources are read and searched
    here. argument: of that tool, which gets the query. arguments: what else it gets. resources: at
    most so many are read. refresh: seconds after which they are read again. embedder: as for a
    folder.
    """

    search: str | None = None
    argument: str = "query"
    arguments: dict[str, str | int | float | bool] = Field(default_factory=dict)
    resources: int = Field(default=200, ge=1, le=10_000)
    refresh: float = Field(default=300.0, ge=0)
    embedder: str | None = "minilm"
