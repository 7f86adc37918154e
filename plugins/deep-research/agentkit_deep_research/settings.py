"""Settings of `use = "deep-research"`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from agentkit.settings import PartSettings


class ResearchSettings(PartSettings):
    """What is searched, how long, and which models may help.

    sources: source parts; none named: every declared one. path: a folder to search besides, with
    no source declared. quotes: at most so many a facet; unsure: where the facet's words hardly
    occur together in the sources, so that what is meant may be further down. width: tasks at a
    time; 1 keeps strictly to their order. loops: rounds of searching. tasks, pages: most tasks,
    most documents opened. seconds, tokens: after so much the report is written with what is there.

    Models, all optional ("" for none) and none able to put words into a quote: embedder compares
    meanings where words do not match, and is passed over where its files are absent; ranker scores
    sentences by how likely the question is after them; keywords adds search words.
    """

    sources: tuple[str, ...] = ()
    path: Path | None = None
    embedder: str | None = "minilm"
    ranker: str | None = None
    keywords: str | None = None
    quotes: int = Field(4, ge=1, le=20)
    unsure: int = Field(5, ge=1, le=20)
    hits: int = Field(10, ge=1, le=100)
    width: int = Field(4, ge=1, le=32)
    loops: int = Field(2, ge=1, le=20)
    tasks: int = Field(24, ge=1, le=200)
    pages: int = Field(100, ge=1)
    seconds: float | None = Field(None, gt=0)
    tokens: int | None = Field(None, ge=0)

    @field_validator("embedder", "ranker", "keywords", mode="before")
    @classmethod
    def _none(cls, value: object) -> object:
        return None if value == "" else value
