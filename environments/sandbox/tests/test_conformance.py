"""What every sandbox must do, with the Python of /usr."""

from __future__ import annotations

from agentkit.testing.conformance import SandboxConformance


class TestBubblewrap(SandboxConformance):
    toml = """
    [sandboxes.part]
    use = "bubblewrap"
    """
    python = ("/usr/bin/python3",)
