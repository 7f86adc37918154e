"""The host: finds plugins, loads them one by one, and keeps a broken one from harming the rest."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from types import FrameType
from typing import Any, Literal

import pluggy

from agentkit import hookspecs
from agentkit.errors import PluginError
from agentkit.registry import Registration, Registry

GROUP = "agentkit"
IMPORT_SECONDS = 5.0
BUILT_IN = ("agentkit.builtin",)
State = Literal["ready", "disabled", "broken", "conflict", "incompatible"]


@dataclass(slots=True)
class PluginRecord:
    """A plugin that was found, and what became of it."""

    name: str
    distribution: str
    version: str
    module: str
    state: State = "ready"
    error: str = ""
    hint: str = ""
    seconds: float = 0.0
    offers: list[Registration] = field(default_factory=list)


class Host:
    """All plugins of this process. Make one with `Host.load()`."""

    def __init__(self, records: list[PluginRecord], registry: Registry) -> None:
        self.records = records
        self.registry = registry
        self.manager = pluggy.PluginManager("agentkit")
        self.manager.add_hookspecs(hookspecs)

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, disable: tuple[str, ...] = ()) -> Host:
        """Finds and loads every plugin. Never raises for what a plugin does wrong.

        AGENTKIT_PLUGINS=a,b loads only these (empty: none); AGENTKIT_PLUGINS_DISABLE=a,b leaves
        these out; AGENTKIT_PLUGINS_STRICT=1 raises at the first fault, for plugin authors.
        """
        environ = os.environ if environ is None else environ
        only = environ.get("AGENTKIT_PLUGINS")
        wanted = None if only is None else set(_split(only))
        off = {*disable, *_split(environ.get("AGENTKIT_PLUGINS_DISABLE", ""))}
        host = cls(_discover(), Registry())
        for module in BUILT_IN:
            record = PluginRecord("agentkit", "agentkit-host", _own_version(), module)
            host.records.insert(0, record)
            host._load(record)
        for record in host.records[len(BUILT_IN) :]:
            if record.state != "ready":
                continue
            if record.name in off or (wanted is not None and record.name not in wanted):
                record.state, record.hint = "disabled", "by AGENTKIT_PLUGINS or settings"
            else:
                host._load(record)
        if environ.get("AGENTKIT_PLUGINS_STRICT"):
            for record in host.records:
                if record.error:
                    raise PluginError(f"plugin {record.name!r}: {record.error}", record.hint)
        return host

    def faults(self) -> list[PluginRecord]:
        """Records that are neither ready nor disabled."""
        return [r for r in self.records if r.state not in ("ready", "disabled")]

    def each(self, hook: str) -> Iterator[tuple[str, Any]]:
        """(plugin, implementation) pairs of a hook, so that each call can be contained."""
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            yield implementation.plugin_name, implementation.function

    # -- loading one plugin -----------------------------------------------------------------------

    def _load(self, record: PluginRecord) -> None:
        started = time.perf_counter()
        noise = io.StringIO()
        try:
            with _alarm(IMPORT_SECONDS), contextlib.redirect_stdout(noise):
                module = _import(record.module)
                api = getattr(module, "AGENTKIT_API", hookspecs.API)
                if api != hookspecs.API:
                    record.state = "incompatible"
                    record.error = f"speaks plugin API {api}, this host speaks {hookspecs.API}"
                    record.hint = f"install a release of {record.distribution} for this host"
                    return
                self._register(record, module)
        except _TooSlow:
            self._fail(record, f"its import took more than {IMPORT_SECONDS:g} s")
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin may even call sys.exit
            self._fail(record, f"{type(error).__name__}: {_one_line(error)}")
            if isinstance(error, PluginError):
                record.error, record.hint = error.message, error.hint
        finally:
            record.seconds = time.perf_counter() - started

    def _register(self, record: PluginRecord, module: Any) -> None:
        before = {name for name, _ in self.manager.list_name_plugin()}
        self.manager.register(module, record.name)
        for implementation in self.manager.get_hookcallers(module) or []:
            if implementation.spec is None:
                known = [n for n in vars(hookspecs) if n.startswith("agentkit_")]
                from agentkit.names import nearest

                raise PluginError(
                    f"it implements an unknown hook {implementation.name!r}"
                    f"{nearest(implementation.name, known)}",
                    "the hooks are in agentkit/hookspecs.py",
                )
        self.registry.begin(record.name)
        for name, function in self.each("agentkit_register"):
            if name == record.name and name not in before:
                function(registry=self.registry)
        record.offers = [r for r in self.registry.all() if r.plugin == record.name]

    def _fail(self, record: PluginRecord, reason: str) -> None:
        record.state, record.error, record.offers = "broken", reason, []
        record.hint = f"mend or uninstall {record.distribution} (pip uninstall)"
        self.registry.drop(record.name)
        if self.manager.has_plugin(record.name):
            self.manager.unregister(name=record.name)


def _import(name: str) -> Any:
    import importlib

    return importlib.import_module(name)


def _discover() -> list[PluginRecord]:
    """One record an entry point, sorted by name; a name that two distributions claim is a
    conflict of both, whatever order they were installed in."""
    found: dict[str, list[PluginRecord]] = {}
    seen: set[tuple[str, str]] = set()
    for distribution in metadata.distributions():
        entries = [entry for entry in distribution.entry_points if entry.group == GROUP]
        if not entries:
            continue  # before its metadata is parsed: that of hundreds takes a tenth of a second
        name = distribution.metadata["Name"] or "?"
        for entry in entries:
            if (name, entry.name) in seen:
                continue
            seen.add((name, entry.name))
            record = PluginRecord(entry.name, name, distribution.version, entry.value)
            found.setdefault(entry.name, []).append(record)
    for name, records in found.items():
        if len(records) > 1 or name == "agentkit":
            owners = sorted([r.distribution for r in records])
            for record in records:
                record.state = "conflict"
                record.error = f"the plugin name {name!r} is claimed by {' and '.join(owners)}"
                record.hint = f"uninstall one: pip uninstall {owners[-1]}"
    return [r for _, records in sorted(found.items()) for r in records]


def _own_version() -> str:
    try:
        return metadata.version("agentkit-host")
    except metadata.PackageNotFoundError:  # run from a source tree that is not installed
        return "0"


class _TooSlow(BaseException):
    pass


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raises _TooSlow in the block after so many seconds. Signals reach the main thread only; in
    others the block runs without a limit."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        yield
        return

    def ring(signum: int, frame: FrameType | None) -> None:
        raise _TooSlow

    old = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


def _split(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
