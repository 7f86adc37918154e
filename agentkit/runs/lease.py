"""Who drives a run: a name that tells whether its process is still there."""

from __future__ import annotations

import os
import time
from pathlib import Path


def owner() -> str:
    """This process: "boot:namespace:pid:started"."""
    return f"{_boot()}:{_namespace()}:{os.getpid()}:{_started(os.getpid())}"


def gone(name: str) -> bool:
    """True where that process is surely not running; False where it is, or where we cannot know
    (another machine, another container)."""
    boot, namespace, pid, started = name.split(":")
    if boot != _boot():
        # The same machine was started again, or it is another one: only the lease's end tells.
        return False
    if namespace != _namespace():
        return False
    return _started(int(pid)) != started


def rebooted(name: str) -> bool:
    """True where that process ran before this machine's last start, or elsewhere."""
    return name.split(":")[0] != _boot()


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        import psutil

        return f"b{psutil.boot_time():.0f}"


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        return "0"


def _started(pid: int) -> str:
    """The process's start time in its machine's own unit, "" where it is gone or a zombie."""
    try:
        # Fields 3 and 22 of proc(5) stat; the name in parentheses may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    except OSError:
        if Path("/proc/self/stat").exists():
            return ""
    import psutil

    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return ""


def lapsed(name: str, until: float) -> bool:
    """Whether a lease no longer binds."""
    return not name or gone(name) or until < time.time()
