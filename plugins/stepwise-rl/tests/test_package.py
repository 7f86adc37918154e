"""The plugin as a package: names, entry module, settings, README."""

from __future__ import annotations

from agentkit.testing.conformance import PackageConformance


class TestPackage(PackageConformance):
    plugin = "stepwise-rl"
