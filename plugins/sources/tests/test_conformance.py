"""What every source must do: see `agentkit.testing.conformance`. The folder is the plugin's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentkit.testing.conformance import SourceConformance

FOLDER = f"""
[sources.part]
use = "folder"
path = '{Path(__file__).parent.parent}'
include = ["README.md", "agentkit_sources/*.py"]
"""


@pytest.fixture(autouse=True, scope="module")
def no_refresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An index of this module's own, beside the models that are converted already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGENTKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


class TestByWords(SourceConformance):
    """Where the embedder's files are absent, words alone decide."""

    toml = f"""
    {FOLDER}
    embedder = "absent"
    [models.absent]
    use = "embedder"
    model = "no/such/folder"
    """
    query = "which passages of a folder are found first"


class TestSqlite(SourceConformance):
    use = "sql"
    query = "orders of customers by product"

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _database(cls, shop_file: Path) -> None:
        cls.toml = f"[sources.part]\nuse = 'sql'\npath = '{shop_file}'"


class TestPostgres(SourceConformance):
    use = "sql"
    query = "orders of customers by product"

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _database(cls, postgres: Any) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TEST_DATABASE", postgres.url("reader"))
            cls.toml = "[sources.part]\nuse = 'sql'\nurl = 'env:TEST_DATABASE'"
            yield


class TestSearch(SourceConformance):
    use = "search"
    query = "otters and kelp"

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _services(cls, search_services: str) -> None:
        cls.toml = f"""
        [sources.part]
        use = "search"
        service = "searxng"
        url = "{search_services}/searxng"
        fetch = {{ private = ["127.0.0.1"] }}
        """


class TestCode(SourceConformance):
    toml = f"""
    [sources.part]
    use = "code"
    path = '{Path(__file__).parent.parent / "agentkit_sources"}'
    """
    query = "FolderSource search"
