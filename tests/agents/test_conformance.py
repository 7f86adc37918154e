"""The host's own tools against the public suite; its agent is in tests/testing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from agentkit.testing.conformance import ToolConformance


class TestPython(ToolConformance):
    toml = """
    [tools.part]
    use = "python"
    function = "tests.agents.test_functions:area"
    """
    arguments: ClassVar[Mapping[str, Any]] = {"width": 3.0}


class TestSearch(ToolConformance):
    toml = """
    [sources.pages]
    use = "inline"
    documents = { kettle = "The kettle boils a litre in 90 seconds." }

    [tools.part]
    use = "search"
    source = "pages"
    """
    arguments: ClassVar[Mapping[str, Any]] = {"query": "kettle"}
