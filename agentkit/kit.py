"""Kit: the parts that settings declare, built on demand, checked before, closed afterwards."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from agentkit import checks, recipe
from agentkit.capabilities import NOUNS, LanguageModel, Source, Tool
from agentkit.errors import AgentkitError, ConfigError, PluginError, UnknownPart, UsageError
from agentkit.files import data_dir
from agentkit.host import Host
from agentkit.names import nearest
from agentkit.registry import Registration
from agentkit.settings import (
    TABLE_OF,
    PartSettings,
    PartValues,
    Settings,
    Value,
    explain_validation,
    load_settings,
)

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from agentkit.capabilities import Environment
    from agentkit.runs.agent import BoundAgent, Run
    from agentkit.runs.store import Budget, RunRow, RunStore

T = TypeVar("T")
Key = tuple[str, str]  # (noun, name)


def load(
    file: Path | str | None = None,
    *,
    overrides: Iterable[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Kit:
    """The kit of the nearest `agentkit.toml`, or of the built-in defaults where there is none.

    Args:
        file: a settings file to use instead.
        overrides: "models.small.device=cuda" each; they win over file and environment.

    Raises:
        ConfigError: the settings cannot be read.
    """
    host = Host.load(environ)
    path = Path(file) if file is not None else None
    settings = load_settings(
        file=path, defaults=host.registry.defaults, overrides=overrides, environ=environ
    )
    if settings.host.disable:
        host = Host.load(environ, disable=settings.host.disable)
        settings = load_settings(
            file=path, defaults=host.registry.defaults, overrides=overrides, environ=environ
        )
    return Kit(host, settings)


class Parts:
    """What a factory gets beside its settings: the parts they name, and things shared in the kit.

    `parts["base"]` is the part that the setting `base` names, a list where the setting is one, and
    None where it is None; it is built when first asked for.
    """

    def __init__(self, kit: Kit, key: Key) -> None:
        self._kit, self._key = kit, key

    @property
    def name(self) -> str:
        """This part's own name."""
        return self._key[1]

    @property
    def kit(self) -> Kit:
        return self._kit

    def __getitem__(self, field: str) -> Any:
        noun, names, many = self._kit.references(self._key)[field]
        built = [self._kit.part(noun, name) for name in names]
        return built if many else (built[0] if built else None)

    def names(self, field: str) -> list[str]:
        """The names behind a reference, without building anything."""
        return self._kit.references(self._key)[field][1]

    def share(self, key: str, make: Callable[[], T]) -> T:
        """One object for all parts of this kit that ask for the same key, e.g. loaded weights."""
        return self._kit.share(key, make)

    def resolve(self, path: Path | str, field: str = "") -> Path:
        """A path as the settings meant it: relative to the file that it was written in."""
        path = Path(path).expanduser()
        if path.is_absolute():
            return path
        values = self._kit.values(*self._key).values
        origin = values.get(field) or values.get("use")
        return (origin.base if origin else Path.cwd()) / path


class Kit:
    """All parts by name. Use it as a context manager, or call `close()`."""

    def __init__(self, host: Host, settings: Settings) -> None:
        self.host = host
        self.settings = settings
        self._built: dict[Key, Any] = {}
        self._added: dict[Key, Any] = {}
        self._shared: dict[str, Any] = {}
        self._order: list[Any] = []
        self._building: list[Key] = []
        self._runs: weakref.WeakSet[Run] = weakref.WeakSet()
        self._lock = threading.RLock()

    # -- parts ------------------------------------------------------------------------------------

    def model(self, name: str | None = None) -> LanguageModel:
        return cast(LanguageModel, self.part("model", name or self.settings.host.model))

    def chat_model(self, name: str | None = None, **settings: Any) -> BaseChatModel:
        """A model for programs that speak LangChain: LangGraph agents, chains, other graphs.

        Args:
            settings: of `KitChatModel`, such as max_tokens, temperature, seed, extra.
        """
        from agentkit.models.langchain.chat_model import KitChatModel

        return KitChatModel(model=self.model(name), **settings)

    def source(self, name: str) -> Source:
        return cast(Source, self.part("source", name))

    def tool(self, name: str) -> Tool:
        return cast(Tool, self.part("tool", name))

    def environment(self, name: str) -> Environment:
        return cast("Environment", self.part("environment", name))

    def agent(self, name: str | None = None) -> BoundAgent:
        """An agent that can be run: `kit.agent("research").run("…")`."""
        from agentkit.runs.agent import BoundAgent

        return BoundAgent(self, name or self.settings.host.agent)

    # -- runs -------------------------------------------------------------------------------------

    @property
    def runs(self) -> RunStore:
        """The store of all runs: the setting host.store, else the user's data folder."""
        from agentkit.runs.sqlite import SqliteRunStore

        folder = self.settings.host.store or data_dir() / "runs"
        return self.share("run store", lambda: SqliteRunStore(folder.expanduser()))

    def resume(self, run: str, *, budget: Budget | None = None) -> Run:
        """Goes on with a run of any process that stopped, made again from the run's own recipe.

        Args:
            run: its id, or the beginning of one.
            budget: other limits from now on.

        Raises:
            UsageError: there is no such run, or it has ended.
            StoreError: another process is driving it.
        """
        from agentkit.runs.agent import Run

        row = self._of_agent(run)
        return Run(self.like(row.recipe), self.runs, row, budget)

    def fork(self, run: str, step: int) -> Run:
        """A new run that shares the first steps of another one and goes on from there. What it did
        to the world outside is not undone."""
        from agentkit.runs.agent import Run

        row = self.runs.fork(self._of_agent(run).id, step)
        return Run(self.like(row.recipe), self.runs, row)

    def _of_agent(self, run: str) -> RunRow:
        row = self.runs.get(run)
        noun = row.recipe.get("noun", "agent")
        if noun != "agent":
            raise UsageError(
                f"run {row.id} is no agent's: the {noun} {row.recipe['name']!r} made it",
                "go on with it by the command that began it",
            )
        return row

    def adopt(self, run: Run) -> None:
        """Runs that this kit drives are paused before its parts are closed."""
        self._runs.add(run)

    def names(self, noun: str) -> list[str]:
        """Names of all declared parts of a noun."""
        return sorted({name for n, name in [*self.settings.parts, *self._added] if n == noun})

    def define(self, noun: str, name: str, *, use: str, **settings: Any) -> None:
        """Declares a part from code, in place of a table in the settings file."""
        with self._lock:
            if (noun, name) in self._built:
                raise ConfigError(f"{TABLE_OF[noun]}.{name} is already built", "use another name")
            values = {"use": use, **settings}
            self.settings.parts.pop((noun, name), None)
            self.settings.put(
                noun, name, {k: Value(v, "from code", Path.cwd()) for k, v in values.items()}
            )

    def add(self, noun: str, name: str, part: Any) -> None:
        """Puts a part made by code into the kit. A run that uses it can be resumed only by a
        program that adds it again: no recipe can make it."""
        with self._lock:
            if (noun, name) in self._built or (noun, name) in self.settings.parts:
                raise ConfigError(f"{TABLE_OF[noun]}.{name} exists already", "use another name")
            checks.members(part, noun, f"what was added as {TABLE_OF[noun]}.{name}")
            self._built[noun, name] = self._added[noun, name] = part

    def part(self, noun: str, name: str) -> Any:
        """The part itself, built now if it was not yet.

        Raises:
            ConfigError: its settings or those of a part that it needs are wrong.
            AgentkitError: whatever the part says while it is made.
        """
        key = (noun, name)
        with self._lock:
            if key in self._built:
                return self._built[key]
            if not self._building:
                self.check(noun, name)
            self._building.append(key)
            try:
                made = self._make(key)
            finally:
                self._building.pop()
            self._built[key] = made
            self._order.append(made)
            return made

    def share(self, key: str, make: Callable[[], T]) -> T:
        """One object per key for the life of this kit."""
        with self._lock:
            if key not in self._shared:
                self._shared[key] = make()
                self._order.append(self._shared[key])
            return cast(T, self._shared[key])

    def close(self) -> None:
        """Closes what was built, last first. Faults do not keep the rest from closing."""
        faults = []
        for run in list(self._runs):
            run.close()
        with self._lock:
            while self._order:
                close = getattr(self._order.pop(), "close", None)
                if callable(close):
                    try:
                        close()
                    except Exception as error:
                        faults.append(f"{type(error).__name__}: {error}")
            self._built = dict(self._added)
            self._shared.clear()
        if faults:
            raise AgentkitError("parts did not close: " + "; ".join(faults))

    def __enter__(self) -> Kit:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- settings ---------------------------------------------------------------------------------

    def values(self, noun: str, name: str) -> PartValues:
        """The settings of a part with their origins.

        Raises:
            UnknownPart: no such part is declared.
        """
        found = self.settings.parts.get((noun, name))
        if found is None:
            names = self.names(noun)
            raise UnknownPart(
                f"there is no {noun} {name!r}{nearest(name, names)}",
                f"declared: {', '.join(names) or 'none'}; add [{TABLE_OF[noun]}.{name}] to "
                "agentkit.toml",
            )
        return found

    def registration(self, noun: str, name: str) -> Registration:
        """What a plugin registered for the part's `use`."""
        values = self.values(noun, name)
        try:
            return self.host.registry.find(noun, values.use)
        except PluginError as error:
            raise PluginError(
                f"{values.origin}: {values.label} uses {values.use!r}, but {error.message}",
                error.hint,
            ) from None

    def validated(self, noun: str, name: str) -> BaseModel:
        """The part's settings as an instance of its settings class.

        Raises:
            ConfigError: with one line a fault.
        """
        values, registration = self.values(noun, name), self.registration(noun, name)
        model: type[BaseModel] = registration.load_settings() or PartSettings
        plain = values.plain()
        origins = {key: v.origin for key, v in values.values.items()}
        known = {f.alias or key for key, f in model.model_fields.items()}
        known |= set(model.model_fields)
        faults = []
        for key in plain:
            if key not in known:
                hint = nearest(key, known) or f"; known: {', '.join(sorted(known)) or 'none'}"
                faults.append(f"{origins[key]}: {values.label}.{key}: unknown setting{hint}")
        try:
            checked = model.model_validate({k: v for k, v in plain.items() if k in known})
        except ValidationError as error:
            faults += explain_validation(error, values.label, origins, model)
        if faults:
            raise ConfigError("\n".join(faults), f"`agentkit config explain {values.label}`")
        return checked

    def references(self, key: Key) -> dict[str, tuple[str, list[str], bool]]:
        """Per reference field of a part: (noun, names, whether the field is a list)."""
        if key in self._added:
            return {}
        registration, settings = self.registration(*key), self.validated(*key)
        found = {}
        for field, need in registration.needs.items():
            value: Any = getattr(settings, field, None)
            many = isinstance(value, list | tuple)
            names = list(value) if many else [] if value is None else [value]
            found[field] = (need if need in NOUNS else "model", names, many)
        return found

    # -- checks before anything is loaded ---------------------------------------------------------

    def check(self, noun: str, name: str) -> None:
        """Checks a part and all it needs: names, plugins, settings, abilities, cycles.

        Raises:
            ConfigError: with every fault, one a line; a single fault keeps its own class.
        """
        faults = list(checks.faults(self, (noun, name)))
        if len(faults) == 1:
            raise faults[0]
        if faults:
            raise ConfigError("\n".join(f.message for f in faults), faults[0].hint)

    def check_all(self) -> int:
        """Checks every declared part, and returns how many there are.

        Raises:
            ConfigError: with every fault, one a line.
        """
        seen: set[Key] = set()
        keys = sorted(self.settings.parts)
        faults = [f.message for key in keys for f in checks.faults(self, key, seen)]
        if faults:
            raise ConfigError("\n".join(dict.fromkeys(faults)), "`agentkit config explain`")
        return len(keys)

    def abilities(self, model: str) -> frozenset[str]:
        """The abilities that a declared or added model says it has; builds nothing."""
        if ("model", model) in self._added:
            return frozenset(self._added["model", model].info.abilities)
        return frozenset(self.registration("model", model).gives)

    def through(self, model: str) -> frozenset[str]:
        """Names of the parts that a model goes through, and of what they `use`: the names under
        which `Request.extra` may hold settings for it. Builds nothing."""
        found: set[str] = set()
        waiting = [model]
        while waiting:
            part = waiting.pop()
            if part in found:
                continue
            found.add(part)
            if not self.is_added("model", part):
                found.add(self.values("model", part).use)
            for noun, names, _ in self.references(("model", part)).values():
                waiting += names if noun == "model" else []
        return frozenset(found)

    # -- recipes ----------------------------------------------------------------------------------

    def recipe(self, noun: str, name: str) -> dict[str, Any]:
        """How to make this part again in another process; see `agentkit.recipe`."""
        return recipe.write(self, noun, name)

    def is_added(self, noun: str, name: str) -> bool:
        """Whether a program put the part into this kit itself."""
        return (noun, name) in self._added

    def loaded(self, noun: str, name: str) -> dict[str, Any]:
        """Hashes of what the part loaded, as far as it is built and says so."""
        say = getattr(self._built.get((noun, name)), "loaded", None)
        return cast(dict[str, Any], say()) if callable(say) else {}

    @classmethod
    def from_recipe(cls, made: Mapping[str, Any], host: Host | None = None) -> Kit:
        """A kit that holds the recipe's part and all that it needs."""
        return cls(host or Host.load(), recipe.overlay(Settings(), [made], ()))

    def like(self, made: Mapping[str, Any]) -> Kit:
        """This kit where it makes the recipe's part as the recipe says, else one that does.

        Everything else in it is as the settings say now; guards that the recipe names stay.
        """
        noun, name = made["noun"], made["name"]
        guards = [g for g in made.get("guards", ()) if g["name"] not in self.names("guard")]
        try:
            if not guards and recipe.same(self.recipe(noun, name), made):
                return self
        except AgentkitError:
            pass  # it cannot be made from the settings of today
        other = Kit(self.host, recipe.overlay(self.settings, [made, *guards], self._added))
        other._built, other._added = dict(self._added), self._added
        other._shared["run store"] = self.runs
        return self.share(f"kit of {other.recipe(noun, name)}", lambda: other)

    # -- making -----------------------------------------------------------------------------------

    def _make(self, key: Key) -> Any:
        registration = self.registration(*key)
        made = registration.load()(self.validated(*key), Parts(self, key))
        for field, (noun, names, _) in self.references(key).items():
            need = registration.needs[field]
            for name in names if noun == "model" and need not in NOUNS else ():
                if ("model", name) in self._built:  # a factory may leave some for later
                    checks.give(self._built["model", name], need)
        checks.members(made, key[0], f"plugin {registration.plugin!r}: {registration.target}")
        return made


def installed(distribution: str) -> str:
    """A distribution's version, or "" where it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
