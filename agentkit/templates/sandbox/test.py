"""What every sandbox must do, with the Python that runs the tests."""

from __future__ import annotations

import os
import sys

from agentkit.testing.conformance import SandboxConformance


class TestClassName(SandboxConformance):
    toml = f"""
    [sandboxes.part]
    use = "NAME"
    visible = ["/usr", "/bin", "/sbin", "/lib", "/lib64", '{sys.base_prefix}']
    """
    python = (os.path.realpath(sys.executable),)
