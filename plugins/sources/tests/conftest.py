"""What the tests of sources share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import agentkit
from agentkit_sources.folder import FolderSource

Make = Callable[..., FolderSource]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("AGENTKIT_CACHE", str(folder))
    return folder


@pytest.fixture
def docs(tmp_path: Path, cache: Path) -> Path:
    """An empty folder for documents."""
    folder = tmp_path / "docs"
    folder.mkdir()
    return folder


@pytest.fixture
def source() -> Make:
    """Makes a source of a folder, by words alone unless told otherwise."""

    def make(folder: Path, **settings: object) -> FolderSource:
        kit = agentkit.load(environ={})
        values = {"embedder": None, "refresh": 0.0, **settings}
        kit.define("source", "docs", use="folder", path=str(folder), **values)
        made = kit.source("docs")
        assert isinstance(made, FolderSource)
        return made

    return make
