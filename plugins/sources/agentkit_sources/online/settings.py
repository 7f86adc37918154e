"""Settings of search services."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from agentkit.fetching import FetchSettings
from agentkit.settings import PartSettings

Service = Literal[
    "searxng", "tavily", "brave", "openalex", "semantic-scholar", "arxiv", "github-code"
]
ADDRESSES = {
    "tavily": "https://api.tavily.com/search",
    "brave": "https://api.search.brave.com/res/v1/web/search",
    "openalex": "https://api.openalex.org/works",
    "semantic-scholar": "https://api.semanticscholar.org/graph/v1/paper/search",
    "arxiv": "https://export.arxiv.org/api/query",
    "github-code": "https://api.github.com/search/code",
}
WEB = ("searxng", "tavily", "brave")  # what they find are pages; the others give records


class SearchSettings(PartSettings):
    """`use = "search"`: a search service.

    service: which one, or one that speaks as it does. url: its address; needed for SearXNG, the
    service's own otherwise. key: where its key is, "env:NAME" or "keyring:service/user". results:
    how many are asked for. pages: how many of the found pages are fetched and read; of the others
    there is what the service said about them. keep: seconds for which a fetched page is not fetched
    again. parameters: sent with each query, e.g. `language = "de"`. fetch: the rules of fetching;
    they hold for the service itself too.
    """

    service: Service
    url: str | None = None
    key: str | None = None
    results: int = Field(default=10, ge=1, le=50)
    pages: int = Field(default=5, ge=0, le=20)
    keep: float = Field(default=86400.0, ge=0)
    parameters: dict[str, str] = Field(default_factory=dict)
    fetch: FetchSettings = FetchSettings()

    @model_validator(mode="after")
    def _known_address(self) -> SearchSettings:
        if self.url is None and self.service not in ADDRESSES:
            raise ValueError(f"{self.service} needs `url`, the address of your own")
        return self

    @property
    def address(self) -> str:
        return self.url or ADDRESSES[self.service]
