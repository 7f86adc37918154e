"""The plugin as a package: names, entry module, settings, README."""

from __future__ import annotations

import pytest

from agentkit.testing.conformance import PackageConformance

pytestmark = pytest.mark.slow


class TestPackage(PackageConformance):
    plugin = "deepencoder"
