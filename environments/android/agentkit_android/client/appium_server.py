"""An Appium server of one's own: what `make appium` installed, for as long as it is needed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import adbutils

from agentkit.errors import BackendUnavailable
from agentkit.files import cache_dir

START = 120.0
"""Seconds that it may take to listen, on a machine that has much else to do."""


def main() -> Path:
    """The server's program, where it is installed."""
    return cache_dir() / "appium" / "node_modules" / "appium" / "index.js"


def installed() -> bool:
    return main().exists() and shutil.which("node") is not None


@contextmanager
def serving() -> Iterator[str]:
    """The address of a server on a free port of this machine; it ends with the block.

    Raises:
        BackendUnavailable: it does not start.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        tools = Path(folder) / "platform-tools"  # of the SDK nothing but adb is asked for
        tools.mkdir()
        (tools / "adb").symlink_to(adbutils.adb_path())
        log = Path(folder) / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                ["node", str(main()), "server", "--address", "127.0.0.1", "--port", str(port),
                 "--log-no-colors"],
                cwd=main().parents[2], stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                env={**os.environ, "ANDROID_HOME": folder, "APPIUM_HOME": str(main().parents[2])},
            )  # fmt: skip
        try:
            _await(process, f"http://127.0.0.1:{port}", log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


def _await(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + START
    while process.poll() is None and time.monotonic() < end:
        try:
            urllib.request.urlopen(f"{url}/status", timeout=2).close()
            return
        except OSError:
            time.sleep(0.1)
    said = log.read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
    raise BackendUnavailable(f"Appium does not start: {said[0][:200]}", "make appium")
