"""Settings of `use = "deep-research"`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from agentkit.settings import PartSettings
from agentkit_deep_research.modes import Mode, filled


class ResearchSettings(PartSettings):
    """What is searched, how long, and which models may help.

    sources: source parts; none named: every declared one. path: a folder to search besides, with
    no source declared. mode: how thorough: quick, standard, deep, or question for a short answer;
    it sets what is not set here. approve: whether a person sees the plan before it runs.
    format: short keeps to the answers. quotes: at most so many a facet; unsure: where the facet's
    words hardly occur together in the sources, so that what is meant may be further down. width:
    tasks at a time; 1 keeps strictly to their order. loops: rounds of searching. hops: documents
    that one name may lead through. tasks, pages: most tasks, most documents opened. seconds,
    tokens: after so much the report is written with what is there. steps: most steps of the graph,
    so that no run goes on for ever, whatever is asked of it (LangGraph's own limit is set out of
    reach: it would end the run without a report).

    Models, all optional ("" for none) and none able to put words into a quote: embedder compares
    meanings where words do not match, and is passed over where its files are absent; ranker scores
    sentences by how likely the question is after them; keywords adds search words; planner proposes
    further tasks; writer puts sentences under the quotes, kept only where the quotes bear them out;
    steerer reads steering messages that the grammar cannot, and a person confirms what it read.
    """

    sources: tuple[str, ...] = ()
    path: Path | None = None
    mode: Mode = "standard"
    approve: bool = False
    format: Literal["short", "full"] = "full"
    embedder: str | None = "minilm"
    ranker: str | None = None
    keywords: str | None = None
    planner: str | None = None
    writer: str | None = None
    steerer: str | None = None
    quotes: int = Field(4, ge=1, le=20)
    unsure: int = Field(5, ge=1, le=20)
    hits: int = Field(10, ge=1, le=100)
    width: int = Field(4, ge=1, le=32)
    loops: int = Field(2, ge=1, le=20)
    hops: int = Field(1, ge=0, le=4)
    tasks: int = Field(24, ge=1, le=200)
    pages: int = Field(100, ge=1)
    steps: int = Field(1000, ge=5)
    seconds: float | None = Field(None, gt=0)
    tokens: int | None = Field(None, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _mode(cls, values: Any) -> Any:
        return filled(values) if isinstance(values, dict) else values

    @field_validator(
        "embedder", "ranker", "keywords", "planner", "writer", "steerer", mode="before"
    )
    @classmethod
    def _none(cls, value: object) -> object:
        return None if value == "" else value
