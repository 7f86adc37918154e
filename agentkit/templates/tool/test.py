"""What every tool must do, and what this one counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from agentkit.testing.conformance import ToolConformance


class TestClassName(ToolConformance):
    toml = '[tools.part]\nuse = "NAME"\nlines = true'
    arguments: ClassVar[Mapping[str, Any]] = {"text": "one two\nthree"}

    def test_it_counts(self) -> None:
        assert self.call(self.part, self.runtime()) == {"words": 3, "characters": 13, "lines": 2}
