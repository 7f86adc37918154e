"""Settings of the folder source."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from agentkit.settings import PartSettings


class Weights(PartSettings):
    """How much each signal counts, each on its own scale from 0 to 1. Fixed on the development
    third of the questions in examples/corpora; `agentkit bench retrieval` measures on the rest.

    words: BM25. likeness: static token vectors. reading: the embedder itself, on few candidates.
    """

    words: float = Field(default=1.0, ge=0)
    likeness: float = Field(default=1.0, ge=0)
    reading: float = Field(default=1.0, ge=0)


class CodeSettings(PartSettings):
    """`use = "code"`: a repository, or any folder of code.

    path: the folder. include, exclude: globs, as for a folder. commits: how many of its latest
    commits are documents too, where it is a git repository. embedder, largest, per_document,
    refresh: as for a folder; without an embedder, words and names decide.
    """

    path: Path
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    commits: int = Field(default=500, ge=0, le=100_000)
    embedder: str | None = None
    largest: int = Field(default=2_000_000, gt=0)
    per_document: int = Field(default=5, ge=1)
    refresh: float = Field(default=5.0, ge=0)


class FolderSettings(PartSettings):
    """`use = "folder"`.

    path: a folder, or one file. include, exclude: globs on paths below it ("*.html", "drafts/*");
    nothing in `include` takes every kind that can be read. embedder: a model part that finds what
    is said in other words; without one ("" in a file), or where its files are absent, words alone
    decide. read: how many candidates the embedder reads. largest: bytes of the largest file that
    is read.
    per_document: at most so many hits of one document in a result. refresh: seconds after which a
    search looks for changed files again.
    """

    path: Path
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    embedder: str | None = "minilm"
    weights: Weights = Weights()
    read: int = Field(default=20, ge=0, le=20)
    largest: int = Field(default=20_000_000, gt=0)
    per_document: int = Field(default=3, ge=1)
    refresh: float = Field(default=5.0, ge=0)

    @field_validator("embedder", mode="before")
    @classmethod
    def _none(cls, value: object) -> object:
        return None if value == "" else value
