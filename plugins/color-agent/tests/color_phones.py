"""Phones that are processes of their own, by the command line as people use it."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import adbutils


def agentkit(*words: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of agentkit in a process of its own."""
    command = [sys.executable, "-m", "agentkit", *words]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL
    )


def free_port() -> int:
    """For an adb server of a test's own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def stop_all(adb_port: int) -> None:
    """Switches off all phones of this data folder, and the adb server at that port."""
    adb = Path(adbutils.__file__).parent / "binaries" / "adb"
    subprocess.run([adb, "-P", str(adb_port), "kill-server"], capture_output=True, timeout=60)
    for line in agentkit("phone", "list").stdout.splitlines():
        agentkit("phone", "stop", line.split("\t")[0])
