"""What every source must do, tried on this very file."""

from __future__ import annotations

from agentkit.testing.conformance import SourceConformance


class TestClassName(SourceConformance):
    toml = f"[sources.part]\nuse = 'NAME'\npath = '{__file__}'"
    query = "every source conformance"
