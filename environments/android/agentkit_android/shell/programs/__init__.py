"""The programs of /system/bin, one group a module."""

from __future__ import annotations

import importlib

MODULES = ("files", "text", "system", "display", "settings", "packages", "dumpsys", "device")


def load() -> None:
    """Imports the modules, whose functions register themselves."""
    for name in MODULES:
        importlib.import_module(f"{__name__}.{name}")
