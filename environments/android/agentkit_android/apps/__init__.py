"""The apps of the phone: one module each, which defines `APP`.

More are found by entry points of the group `agentkit_android.apps`, and in files and folders named
in the environment variable AGENTKIT_PHONE_APPS (separated as in PATH).
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import logging
import os
import re
import sys
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from agentkit.errors import ConfigError
from agentkit_android.apps.app import App

log = logging.getLogger("agentkit.android.apps")

MODULES = (
    "home",
    "settings",
    "contacts",
    "chooser",
    "calculator",
    "dialer",
    "recorder",
    "camera",
    "gallery",
    "music",
    "browser",
)
HOME = "com.android.launcher3"
GROUP = "agentkit_android.apps"
VARIABLE = "AGENTKIT_PHONE_APPS"


@cache
def builtin() -> tuple[App, ...]:
    modules = [importlib.import_module(f"{__name__}.{name}") for name in MODULES]
    return tuple(module.APP for module in modules)


def load() -> dict[str, App]:
    """All apps by package.

    Raises:
        ConfigError: a file named in AGENTKIT_PHONE_APPS holds no app.
    """
    found = {app.package: app for app in builtin()}
    for app in _installed():
        found.setdefault(app.package, app)
    for path in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        for app in from_path(Path(path)):
            found[app.package] = app
    return found


@cache
def _installed() -> tuple[App, ...]:
    """Of other distributions; one that cannot be used is reported, and harms nothing else."""
    found = []
    for point in entry_points(group=GROUP):
        try:
            found.append(checked(point.load(), point.value))
        except Exception as error:
            log.warning("app %s cannot be used: %s", point.value, error)
    return tuple(found)


def from_path(path: Path) -> list[App]:
    """The apps of a Python file, or of every file of a folder that defines `APP`.

    Raises:
        ConfigError: there is none, or it cannot be run.
    """
    files = sorted(path.glob("*.py")) if path.is_dir() else [path]
    found = []
    for file in files:
        try:
            text = file.read_text("utf-8")
        except OSError as error:
            raise ConfigError(f"no app can be read from {file}: {error.strerror}") from error
        if path.is_dir() and not re.search(r"^APP\b", text, re.MULTILINE):
            continue
        found.append(checked(getattr(_run(file), "APP", None), str(file)))
    if not found:
        raise ConfigError(f"no file in {path} defines APP")
    return found


def _run(file: Path) -> object:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    name = f"agentkit_phone_app_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        told = f"{type(error).__name__}: {error}"
        raise ConfigError(f"the app {file} does not run: {told}") from error
    return module


def checked(app: object, where: str) -> App:
    """Raises:
    ConfigError: it is no app that a phone can run.
    """
    if not isinstance(app, App):
        raise ConfigError(f"{where} gives no App; define APP = App(…)")
    if not re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+", app.package):
        raise ConfigError(f"{where}: {app.package!r} is no package name, as com.example.notes is")
    if app.main and app.main not in app.activities:
        raise ConfigError(f"{where}: no screen is the activity {app.main!r} that it starts with")
    return app
