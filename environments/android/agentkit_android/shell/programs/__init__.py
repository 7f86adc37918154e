"""The programs of /system/bin, one group a module."""

from __future__ import annotations

import importlib

MODULES = (
    "files", "text", "grep", "system", "display", "input", "settings", "activity", "packages",
    "data", "dumpsys", "device",
)  # fmt: skip


def load() -> None:
    """Imports the modules, whose functions register themselves."""
    for name in MODULES:
        importlib.import_module(f"{__name__}.{name}")
