"""What every perception must do."""

from __future__ import annotations

from agentkit.testing.conformance import PerceptionConformance


class TestClassName(PerceptionConformance):
    toml = '[perceptions.part]\nuse = "NAME"'
