"""What every package must do: see `agentkit.testing.conformance`."""

from __future__ import annotations

from agentkit.testing.conformance import PackageConformance


class TestPackage(PackageConformance):
    plugin = "android"
