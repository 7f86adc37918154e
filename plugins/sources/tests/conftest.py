"""What the tests of sources share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import agentkit
from agentkit_sources.folder import FolderSource

sys.path.insert(0, str(Path(__file__).parent))  # for helpers that tests share

from databases import Server, postgres_binaries, postgres_shop, sqlite_shop
from services import services

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


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A SQLite file with a small shop in it."""
    return sqlite_shop(tmp_path / "shop.sqlite")


@pytest.fixture(scope="session")
def shop_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, for those who only read."""
    return sqlite_shop(tmp_path_factory.mktemp("sql") / "shop.sqlite")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A real PostgreSQL with the same shop."""
    binaries = postgres_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: postgresql)")
    with postgres_shop(binaries) as server:
        yield server


@pytest.fixture(scope="session")
def search_services() -> Iterator[str]:
    """The address of search services in miniature."""
    with services() as (base, _):
        yield base
