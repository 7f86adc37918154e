"""What every sandbox must do, with the Python of /usr."""

from __future__ import annotations

import pytest

from agentkit.testing.conformance import SandboxConformance

pytestmark = pytest.mark.slow


class TestBubblewrap(SandboxConformance):
    toml = """
    [sandboxes.part]
    use = "bubblewrap"
    """
    python = ("/usr/bin/python3",)
