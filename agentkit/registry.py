"""What plugins register: names and import strings, nothing that is heavy to load."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from agentkit.errors import PluginError

NOUNS = (
    "model",
    "environment",
    "perception",
    "source",
    "tool",
    "context",
    "agent",
    "trainer",
    "analyzer",
    "reward",
    "guard",
    "sandbox",
)
_NAME = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*")
_TARGET = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


@dataclass(frozen=True, slots=True)
class Registration:
    """One thing that a plugin offers under (kind, name).

    kind: a noun, or command, experiment, views, check. target: "module:attribute". needs: for a
    part, its settings fields that name other parts, each with a noun ("source"), or abilities of a
    model ("tokens", "tokens+hidden", "tokens|continuations"). gives: a model's own abilities, known
    before it is built.
    """

    kind: str
    name: str
    target: str
    plugin: str
    settings: str = ""
    needs: Mapping[str, str] = field(default_factory=dict)
    gives: frozenset[str] = frozenset()
    summary: str = ""

    def load(self) -> Any:
        """Imports the target."""
        return self._import(self.target)

    def load_settings(self) -> Any:
        """Imports the settings class; None where the part takes no settings."""
        return self._import(self.settings) if self.settings else None

    def _import(self, target: str) -> Any:
        module, _, attribute = target.partition(":")
        try:
            found: Any = importlib.import_module(module)
            for name in attribute.split("."):
                found = getattr(found, name)
        except (ImportError, AttributeError) as error:
            raise PluginError(
                f"plugin {self.plugin!r}: {self.kind} {self.name!r} cannot be loaded from "
                f"{target}: {error}",
                f"reinstall the plugin, or see `agentkit doctor {self.plugin}`",
            ) from error
        return found


@dataclass(frozen=True, slots=True)
class DefaultPart:
    """A part that exists without any settings file."""

    noun: str
    name: str
    use: str
    settings: Mapping[str, Any]
    plugin: str


class Noun:
    """`registry.model(...)`: the registering method of one noun."""

    def __init__(self, registry: Registry, noun: str) -> None:
        self._registry, self._noun = registry, noun

    def __call__(
        self,
        name: str,
        target: str,
        *,
        settings: str = "",
        needs: Mapping[str, str] | None = None,
        gives: tuple[str, ...] = (),
        summary: str = "",
    ) -> None:
        """Registers `use = "name"` for this noun.

        Args:
            name: lower case with hyphens, as it stands in settings.
            target: "module:factory"; called as factory(settings, parts).
            settings: "module:Class" of a pydantic model; none means no settings are taken.
            needs: settings fields that name other parts, with the noun or abilities needed.
            gives: a model's abilities, so that lacks are found before anything is loaded.
            summary: one line for listings.
        """
        self._registry.add(
            self._noun, name, target, settings=settings, needs=needs, gives=gives, summary=summary
        )


class Registry:
    """Collects what one plugin after another registers. All or nothing for each plugin."""

    def __init__(self) -> None:
        self.model = Noun(self, "model")
        self.environment = Noun(self, "environment")
        self.perception = Noun(self, "perception")
        self.source = Noun(self, "source")
        self.tool = Noun(self, "tool")
        self.context = Noun(self, "context")
        self.agent = Noun(self, "agent")
        self.trainer = Noun(self, "trainer")
        self.analyzer = Noun(self, "analyzer")
        self.reward = Noun(self, "reward")
        self.guard = Noun(self, "guard")
        self.sandbox = Noun(self, "sandbox")
        self._entries: dict[tuple[str, str], list[Registration]] = {}
        self._defaults: list[DefaultPart] = []
        self._plugin = ""

    def default_part(self, noun: str, name: str, *, use: str, **settings: Any) -> None:
        """A part that exists with no settings file, e.g. the agent behind `agentkit run NAME`."""
        if noun not in NOUNS:
            raise PluginError(f"default part {name!r}: no noun {noun!r}", _choices(NOUNS))
        self._check_name(noun, name)
        self._defaults.append(DefaultPart(noun, name, use, dict(settings), self._plugin))

    def command(self, name: str, target: str, *, summary: str) -> None:
        """A command of the command line; target: a typer.Typer app, or one function."""
        self.add("command", name, target, summary=summary)

    def experiment(self, name: str, target: str, *, summary: str) -> None:
        """`agentkit bench NAME`; target: an `agentkit.bench.Experiment`."""
        self.add("experiment", name, target, summary=summary)

    def views(self, name: str, target: str, *, summary: str) -> None:
        """What the console shows of a run besides: target: an `agentkit.console.views.Views`."""
        self.add("views", name, target, summary=summary)

    def check(self, name: str, target: str, *, summary: str) -> None:
        """A doctor check; target: a function () -> str that raises AgentkitError on a fault."""
        self.add("check", name, target, summary=summary)

    def add(
        self,
        kind: str,
        name: str,
        target: str,
        *,
        settings: str = "",
        needs: Mapping[str, str] | None = None,
        gives: tuple[str, ...] = (),
        summary: str = "",
    ) -> None:
        """What all registering methods end in.

        Raises:
            PluginError: the name or an import string has not the right form.
        """
        self._check_name(kind, name)
        for role, text in (("target", target), ("settings", settings)):
            if (text or role == "target") and not _TARGET.fullmatch(text):
                raise PluginError(
                    f"{kind} {name!r}: {role} {text!r} is not of the form 'module:attribute'",
                    "write for instance 'agentkit_mine.model:Mine'",
                )
        entry = Registration(
            kind,
            name,
            target,
            self._plugin,
            settings,
            dict(needs or {}),
            frozenset(gives),
            summary,
        )
        self._entries.setdefault((kind, name), []).append(entry)

    # -- reading ----------------------------------------------------------------------------------

    def find(self, kind: str, name: str) -> Registration:
        """The one registration of that kind and name.

        Raises:
            PluginError: two plugins registered it, or nobody did.
        """
        found = self._entries.get((kind, name), [])
        if len(found) > 1:
            plugins = " and ".join(sorted({f.plugin for f in found}))
            raise PluginError(
                f"{kind} {name!r} is registered by {plugins}",
                "uninstall one of them, or disable it: AGENTKIT_PLUGINS_DISABLE=<plugin>",
            )
        if not found:
            from agentkit.names import nearest

            names = [n for (k, n) in self._entries if k == kind]
            raise PluginError(
                f"no plugin offers {kind} {name!r}{nearest(name, names)}",
                f"install the plugin that offers it, or use one of: {', '.join(sorted(names))}"
                if names
                else "install a plugin that offers one; `agentkit plugins` lists what is there",
            )
        return found[0]

    def all(self, kind: str = "") -> Iterator[Registration]:
        """Registrations of a kind, or all, sorted by kind and name."""
        for (k, _), entries in sorted(self._entries.items()):
            if not kind or k == kind:
                yield from entries

    def duplicates(self) -> Iterator[tuple[str, str, list[str]]]:
        """(kind, name, plugins) of what was registered more than once."""
        for (kind, name), entries in sorted(self._entries.items()):
            if len(entries) > 1:
                yield kind, name, sorted({e.plugin for e in entries})

    @property
    def defaults(self) -> tuple[DefaultPart, ...]:
        return tuple(self._defaults)

    # -- one plugin at a time (the host's side) ---------------------------------------------------

    def begin(self, plugin: str) -> None:
        self._plugin = plugin

    def drop(self, plugin: str) -> None:
        """Forgets everything that a plugin registered."""
        for key, entries in list(self._entries.items()):
            kept = [e for e in entries if e.plugin != plugin]
            if kept:
                self._entries[key] = kept
            else:
                del self._entries[key]
        self._defaults = [d for d in self._defaults if d.plugin != plugin]

    @staticmethod
    def _check_name(kind: str, name: str) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise PluginError(
                f"{kind} {name!r} is not a name", "use lower-case letters, digits and hyphens"
            )


def _choices(names: tuple[str, ...]) -> str:
    return "one of: " + ", ".join(names)
