"""The apps of the phone: one module each, which defines `APP`."""

from __future__ import annotations

import importlib

from agentkit_android.apps.app import App

MODULES = ("home", "settings", "contacts")
HOME = "com.android.launcher3"


def load() -> dict[str, App]:
    """All apps by package."""
    modules = [importlib.import_module(f"{__name__}.{name}") for name in MODULES]
    return {module.APP.package: module.APP for module in modules}
