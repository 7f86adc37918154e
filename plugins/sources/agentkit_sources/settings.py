"""Settings of the folder source."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from agentkit.settings import PartSettings


class FolderSettings(PartSettings):
    """`use = "folder"`.

    path: a folder, or one file. include, exclude: globs on paths below it ("*.html", "drafts/*");
    nothing in `include` takes every kind that can be read. largest: bytes of the largest file that
    is read. per_document: at most so many hits of one document in a result. refresh: seconds after
    which a search looks for changed files again.
    """

    path: Path
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    largest: int = Field(20_000_000, gt=0)
    per_document: int = Field(3, ge=1)
    refresh: float = Field(5.0, ge=0)
