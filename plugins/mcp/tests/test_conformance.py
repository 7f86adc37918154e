"""What every tool, source and package must do: see `agentkit.testing.conformance`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentkit.testing.conformance import PackageConformance, SourceConformance, ToolConformance

pytestmark = pytest.mark.slow

COMMAND = f"command = ['{sys.executable}', '{Path(__file__).parent / 'server.py'}', 'good']"


@pytest.fixture(autouse=True, scope="module")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGENTKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


class TestTool(ToolConformance):
    toml = f"""
    [tools.part]
    use = "mcp"
    {COMMAND}
    tool = "divide"
    effect = "none"
    """
    arguments = {"dividend": 3.0, "divisor": 4.0}  # noqa: RUF012


class TestResources(SourceConformance):
    toml = f"""
    [sources.part]
    use = "mcp"
    {COMMAND}
    embedder = "absent"
    [models.absent]
    use = "embedder"
    model = "no/such/folder"
    """
    query = "fish and crabs"


class TestSearchTool(SourceConformance):
    toml = f"""
    [sources.part]
    use = "mcp"
    {COMMAND}
    search = "find"
    """
    query = "fish"


class TestPackage(PackageConformance):
    plugin = "mcp"
