"""What every analyzer must do, and what this one counts."""

from __future__ import annotations

from agentkit.capabilities import Report
from agentkit.testing.conformance import AnalyzerConformance


class TestClassName(AnalyzerConformance):
    toml = '[analyzers.part]\nuse = "NAME"'
    subjects = ("a rose is a rose", "a stone")

    def expect(self, report: Report) -> None:
        assert report.tables[0].rows == (("a", 3), ("rose", 2), ("is", 1), ("stone", 1))
