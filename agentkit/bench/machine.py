"""The shape of the machine that figures were taken on."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any


def describe() -> dict[str, Any]:
    """What a reader needs in order to compare: processor, memory, versions, and the load at start.

    Nothing that names the machine itself.
    """
    import psutil

    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
        "accelerator": _accelerator(),
        "versions": {
            name: version
            for name in ("torch", "transformers", "langgraph", "llguidance")
            if (version := _version(name))
        },
    }


def commit(folder: Path) -> str:
    """The commit that `folder` stands on, with "+" where files were changed; "" outside of git."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "--short=10", "HEAD"], cwd=folder, capture_output=True, text=True
        )
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],
            cwd=folder,
            capture_output=True,
            text=True,
        )
    except OSError:
        return ""
    if found.returncode:
        return ""
    # Results of other experiments do not change what this one measures.
    dirty = [n for n in changed.stdout.splitlines() if "docs/results/" not in n]
    return found.stdout.strip() + ("+" if dirty else "")


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def _accelerator() -> str:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return ""
    return str(torch.cuda.get_device_name(0))


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
