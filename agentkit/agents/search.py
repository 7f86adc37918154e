"""A source as a tool: a model searches documents by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from agentkit.capabilities.source import Source
from agentkit.capabilities.tool import Effect, ToolInfo
from agentkit.settings import PartSettings

if TYPE_CHECKING:
    from agentkit.capabilities.agent import Runtime
    from agentkit.kit import Parts


class SearchSettings(PartSettings):
    """source: the part to search. passages: how many a call gives. characters: of each."""

    source: str
    passages: int = 3
    characters: int = 600


class SearchArguments(BaseModel):
    model_config = ConfigDict(extra="forbid")
    query: str = Field(description="a few words to look for")


class SearchTool:
    """`use = "search"`: the best passages for a query, each with its document and place."""

    def __init__(self, settings: SearchSettings, parts: Parts) -> None:
        self._settings = settings
        self._source: Source = parts["source"]
        self.info = ToolInfo(
            f"search_{settings.source}".replace("-", "_"),
            f"Searches {self._source.info.description or settings.source}.",
            SearchArguments,
            Effect.NONE,
        )

    def call(self, args: SearchArguments, rt: Runtime) -> list[dict[str, Any]] | str:
        found = self._source.search(args.query, self._settings.passages)
        if found.status != "ok":
            return f"{found.status}: {found.reason or 'nothing was found'}"
        return [
            {
                "document": hit.document,
                "place": " > ".join(hit.location.heading),
                "text": hit.text[: self._settings.characters],
            }
            for hit in found.hits
        ]
