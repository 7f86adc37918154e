"""What keeps adb from phones: found out, and told with the command that mends it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import adbutils

from agentkit_android.env import phones

LIMIT = 10


@dataclass(frozen=True, slots=True)
class Found:
    """cure: a command to type, "" where all is well."""

    good: bool
    what: str
    cure: str = ""


def findings(port: int = 0) -> Iterator[Found]:
    """Everything that is looked at, in the order in which it matters.

    Args:
        port: of the adb server; 0 is the usual one.
    """
    port = port or int(os.environ.get("ANDROID_ADB_SERVER_PORT", 5037))
    yield _home()
    yield _versions()
    yield _server(port)
    yield from _phones(port)


def _home() -> Found:
    """adb keeps its key there."""
    home = Path(os.environ.get("ANDROID_USER_HOME") or Path.home() / ".android")
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return Found(
            False, f"{home} cannot be made: {error.strerror}", "export HOME=/a/folder/of/yours"
        )
    if not os.access(home, os.W_OK):
        return Found(
            False,
            f"{home} cannot be written: adb keeps its key there",
            "export HOME=/a/folder/of/yours",
        )
    return Found(True, f"{home} can be written")


def binaries() -> list[str]:
    """The adb of the path, and the one that adbutils brings."""
    bundled = str(Path(adbutils.__file__).parent / "binaries" / "adb")
    own = shutil.which("adb")
    return [b for b in dict.fromkeys((own, bundled)) if b and Path(b).exists()]


def version(binary: str) -> str:
    """Of its protocol, as 41; "" where it does not run."""
    try:
        done = subprocess.run([binary, "version"], capture_output=True, text=True, timeout=LIMIT)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"version 1\.0\.(\d+)", done.stdout)
    return found[1] if found else ""


def _versions() -> Found:
    """Two adbs of other protocols kill each other's server."""
    known = {b: version(b) for b in binaries()}
    if not any(known.values()):
        return Found(False, "there is no adb that runs", "python -m pip install adbutils")
    told = ", ".join(f"{b}: 1.0.{v or '?'}" for b, v in known.items())
    if len({v for v in known.values() if v}) > 1:
        return Found(
            False,
            f"adbs of two protocols, which kill each other's server: {told}",
            f"export PATH={Path(binaries()[-1]).parent}:$PATH",
        )
    return Found(True, f"one protocol of adb: {told}")


def _server(port: int) -> Found:
    """Whether what listens at the port is an adb server, of this protocol."""
    said = b""
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as peer:
            peer.settimeout(2)
            peer.sendall(b"000chost:version")
            while len(said) < 12 and (piece := peer.recv(12 - len(said))):
                said += piece
    except ConnectionRefusedError:
        return Found(True, f"no adb server at port {port}; one is started when it is needed")
    except OSError:
        pass  # whoever it is, it is no adb
    if not re.fullmatch(rb"OKAY0004[0-9a-f]{4}", said):
        return Found(
            False,
            f"another program listens at port {port}, where adb wants to",
            "export ANDROID_ADB_SERVER_PORT=5038",
        )
    theirs = str(int(said[8:], 16))
    ours = {version(b) for b in binaries()} - {""}
    if ours and theirs not in ours:
        return Found(
            False,
            f"the adb server at port {port} is of another version (1.0.{theirs})",
            f"adb -P {port} kill-server",
        )
    return Found(True, f"an adb server at port {port}, version 1.0.{theirs}")


def _phones(port: int) -> Iterator[Found]:
    """Each phone that adb knows, and each simulated one that has a name."""
    for known in phones.known():
        if not known.is_on:
            yield Found(
                False,
                f"the phone {known.name!r} was killed",
                f"agentkit phone start --name {known.name} --port {known.port}",
            )
    for serial, state in _devices(port):
        if state == "device":
            yield Found(True, f"{serial} is connected")
        elif state == "unauthorized":
            yield Found(
                False,
                f"{serial} does not allow this computer yet; confirm it on its screen",
                f"adb -P {port} reconnect {serial}",
            )
        else:
            yield Found(
                False,
                f"{serial} is {state}: adb keeps a connection that is dead",
                f"adb -P {port} disconnect {serial}",
            )


def _devices(port: int) -> list[tuple[str, str]]:
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as peer:
            peer.settimeout(5)
            peer.sendall(b"000chost:devices")
            said = b""
            while data := peer.recv(65536):
                said += data
    except OSError:
        return []
    lines = said[8:].decode("utf-8", "replace").splitlines() if said.startswith(b"OKAY") else []
    return [(s, t) for s, _, t in (line.partition("\t") for line in lines) if t]
