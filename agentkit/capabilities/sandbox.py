"""Sandbox: runs code that a model wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Limits:
    """seconds of wall clock; bytes of memory, of output kept, and of files written; processes and
    threads at once, where the sandbox can bound them."""

    seconds: float = 10.0
    memory: int = 512 << 20
    output: int = 1 << 20
    disk: int = 64 << 20
    network: bool = False
    processes: int = 64


@dataclass(frozen=True, slots=True)
class Execution:
    """exit: the exit status, None where it was stopped; stopped: by which limit."""

    exit: int | None
    stdout: str
    stderr: str
    seconds: float
    stopped: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)


@runtime_checkable
class Sandbox(Protocol):
    def run(
        self,
        command: Sequence[str],
        *,
        files: Mapping[str, bytes] | None = None,
        stdin: bytes = b"",
        limits: Limits | None = None,
    ) -> Execution:
        """Runs in a fresh folder that holds `files`; nothing of the host can be written."""
        ...
