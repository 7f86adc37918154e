"""Settings: `agentkit.toml`, the user's own file, the environment, and where each value came from.

Lowest to highest: default parts of plugins, the user's file, the project's `agentkit.toml` (found
upward from the working folder), AGENTKIT_MODELS__SMALL__DEVICE=cuda, and
`-o models.small.device=cuda`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from agentkit.errors import ConfigError
from agentkit.files import config_dir
from agentkit.names import nearest
from agentkit.registry import NOUNS, DefaultPart

FILE = "agentkit.toml"
TABLES = {("sandboxes" if noun == "sandbox" else f"{noun}s"): noun for noun in NOUNS}
TABLE_OF = {noun: table for table, noun in TABLES.items()}
ENV = "AGENTKIT_"


class PartSettings(BaseModel):
    """Base of a part's settings class: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Budget(PartSettings):
    """Limits of one run; None is no limit."""

    tokens: int | None = None
    seconds: float | None = None
    steps: int | None = None


class HostSettings(PartSettings):
    """The `[host]` table.

    store: folder of the run store. seed: of runs that name none. disable: plugins to leave out.
    telemetry: where traces go, see `agentkit.runs.otel`; nowhere where it is empty.
    prices: of a million prompt and a million output tokens, by model, in whatever currency.
    """

    store: Path | None = None
    seed: int = 0
    disable: tuple[str, ...] = ()
    agent: str = "research"
    model: str = "small"
    budget: Budget = Budget()
    telemetry: str = ""
    prices: dict[str, tuple[float, float]] = {}


@dataclass(frozen=True, slots=True)
class Value:
    """A setting, the place that it came from, and the folder its relative paths start at."""

    value: Any
    origin: str
    base: Path


@dataclass(slots=True)
class PartValues:
    """All settings of one part, `use` included."""

    noun: str
    name: str
    values: dict[str, Value] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return f"{TABLE_OF[self.noun]}.{self.name}"

    @property
    def use(self) -> str:
        return str(self.values["use"].value)

    @property
    def origin(self) -> str:
        return self.values["use"].origin if "use" in self.values else "?"

    def plain(self) -> dict[str, Any]:
        """The settings without `use`, without origins."""
        return {key: v.value for key, v in self.values.items() if key != "use"}


@dataclass(slots=True)
class Settings:
    """Everything that was read. `parts` is keyed by (noun, name)."""

    parts: dict[tuple[str, str], PartValues] = field(default_factory=dict)
    host: HostSettings = field(default_factory=HostSettings)
    host_origins: dict[str, str] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)

    def put(self, noun: str, name: str, values: Mapping[str, Value]) -> None:
        """Lays values over a part's. A new `use` drops what was said for the old one."""
        part = self.parts.setdefault((noun, name), PartValues(noun, name))
        use = values.get("use")
        if use is not None and "use" in part.values and part.use != use.value:
            part.values.clear()
        part.values.update(values)


def find_file(start: Path | None = None) -> Path | None:
    """The nearest agentkit.toml at or above `start`."""
    folder = (start or Path.cwd()).resolve()
    for candidate in (folder, *folder.parents):
        if (candidate / FILE).is_file():
            return candidate / FILE
    return None


def load_settings(
    *,
    file: Path | None = None,
    defaults: Iterable[DefaultPart] = (),
    overrides: Iterable[str] = (),
    environ: Mapping[str, str] | None = None,
    start: Path | None = None,
) -> Settings:
    """Reads all layers.

    Args:
        file: a settings file to use instead of the one found from `start` upward.
        overrides: "models.small.device=cuda" each.

    Raises:
        ConfigError: with every fault that was found, one a line.
    """
    environ = os.environ if environ is None else environ
    settings = Settings()
    faults: list[str] = []
    for part in defaults:
        origin = f"built in ({part.plugin})"
        values = {"use": part.use, **part.settings}
        settings.put(
            part.noun,
            part.name,
            {key: Value(value, origin, Path.cwd()) for key, value in values.items()},
        )
    project = file or find_file(start)
    if file is not None and not file.is_file():
        raise ConfigError(f"there is no settings file {file}", "`agentkit init` writes one")
    host: dict[str, Any] = {}
    for path in (config_dir() / FILE, project):
        if path is not None and path.is_file():
            _read(path, settings, host, faults)
    for key, text in sorted(environ.items()):
        if key.startswith(ENV) and "__" in key:
            _override(
                settings, host, faults, key[len(ENV) :].lower().split("__"), parse_value(text), key
            )
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals:
            faults.append(f"-o {text}: write it as table.name.setting=value")
        else:
            _override(
                settings, host, faults, key.strip().split("."), parse_value(value), f"-o {key}"
            )
    for part_values in settings.parts.values():
        if "use" not in part_values.values:
            where = next(iter(part_values.values.values())).origin
            faults.append(f'{where}: {part_values.label} has no `use = "…"`')
    try:
        settings.host = HostSettings.model_validate(host)
    except ValidationError as error:
        faults += explain_validation(error, "host", {}, HostSettings)
    if faults:
        raise ConfigError("\n".join(faults), "`agentkit config explain` shows what was read")
    return settings


def _read(path: Path, settings: Settings, host: dict[str, Any], faults: list[str]) -> None:
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        faults.append(f"{path}: cannot be read: {error}")
        return
    settings.files.append(path)
    for table, content in data.items():
        where = f"{path.name}:{line_of(text, table)}"
        if table == "host" and isinstance(content, dict):
            host.update(content)
            settings.host_origins.update(
                {key: f"{path.name}:{line_of(text, 'host', key)}" for key in content}
            )
        elif table not in TABLES:
            faults.append(f"{where}: unknown table [{table}]{nearest(table, [*TABLES, 'host'])}")
        elif not isinstance(content, dict):
            faults.append(f"{where}: {table} must hold tables such as [{table}.NAME]")
        else:
            for name, values in content.items():
                if not isinstance(values, dict):
                    faults.append(f"{where}: write [{table}.NAME] and put {name!r} below it")
                    continue
                settings.put(
                    TABLES[table],
                    name,
                    {
                        key: Value(
                            value, f"{path.name}:{line_of(text, table, name, key)}", path.parent
                        )
                        for key, value in values.items()
                    },
                )


def _override(
    settings: Settings,
    host: dict[str, Any],
    faults: list[str],
    keys: list[str],
    value: Any,
    origin: str,
) -> None:
    if keys[0] == "host" and len(keys) > 1:
        _nest(host, keys[1:], value)
        settings.host_origins[keys[1]] = origin
        return
    if keys[0] not in TABLES or len(keys) < 3:
        faults.append(
            f"{origin}: names no setting{nearest(keys[0], TABLES)}; write table, name, setting"
        )
        return
    noun = TABLES[keys[0]]
    known = {n.replace("-", "_"): n for k, n in settings.parts if k == noun}
    name = known.get(keys[1].replace("-", "_"), keys[1])
    part = settings.parts.get((noun, name))
    top = keys[2]
    nested: dict[str, Any] = {}
    if len(keys) > 3 and part is not None and top in part.values:
        old = part.values[top].value
        nested = {top: dict(old) if isinstance(old, dict) else {}}
    _nest(nested, keys[2:], value)
    settings.put(noun, name, {top: Value(nested[top], origin, Path.cwd())})


def _nest(target: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        target = target.setdefault(key, {})
    target[keys[-1]] = value


def parse_value(text: str) -> Any:
    """A TOML value where the text is one, else the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def line_of(text: str, table: str, *keys: str) -> int:
    """The line on which `[table.name]` or its key stands; 1 where that cannot be told."""
    dotted = ".".join([table, *keys[:1]]) if keys else table
    header, found = 0, 0
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip().replace('"', "").replace("'", "")
        if bare.startswith("["):
            inside = bare.strip("[] \t").split("]")[0]
            if header and len(keys) == 2:
                break
            if inside in (dotted, table) or inside.startswith(f"{dotted}."):
                header = header or number
        elif header and len(keys) in (1, 2) and bare.split("=")[0].strip() == keys[-1]:
            found = number
            break
    return found or header or 1


def explain_validation(
    error: ValidationError, label: str, origins: Mapping[str, str], model: type[BaseModel]
) -> list[str]:
    """One line a fault: where it stands, which setting, what is wrong, the nearest known name."""
    lines = []
    for fault in error.errors(include_url=False):
        key = str(fault["loc"][0]) if fault["loc"] else ""
        path = ".".join([label, *map(str, fault["loc"])])
        where = f"{origins[key]}: " if key in origins else ""
        if fault["type"] == "extra_forbidden":
            hint = nearest(key, model.model_fields)
            known = "" if hint else f"; known: {', '.join(model.model_fields) or 'none'}"
            lines.append(f"{where}{path}: unknown setting{hint}{known}")
        else:
            said = fault["msg"].removeprefix("Value error, ")
            lines.append(f"{where}{path}: {said}")
    return lines
