"""What every context must do."""

from __future__ import annotations

from agentkit.testing.conformance import ContextConformance


class TestClassName(ContextConformance):
    toml = '[contexts.part]\nuse = "NAME"'
