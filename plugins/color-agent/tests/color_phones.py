"""Phones that are processes of their own, by the command line as people use it."""

from __future__ import annotations

import subprocess
import sys


def agentkit(*words: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of agentkit in a process of its own."""
    command = [sys.executable, "-m", "agentkit", *words]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL
    )


def stop_all() -> None:
    """Switches off all phones of this data folder."""
    for line in agentkit("phone", "list").stdout.splitlines():
        agentkit("phone", "stop", line.split("\t")[0])
