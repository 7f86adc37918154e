"""`agentkit doctor`: is this machine, this installation, this settings file in order?"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from agentkit.cli.context import open_kit, options, show_json
from agentkit.errors import AgentkitError
from agentkit.files import cache_dir, data_dir
from agentkit.host import PluginRecord
from agentkit.kit import installed

HEAVY = ("torch", "transformers", "langgraph", "fastapi", "pydantic_settings", "numpy")
LITTLE_DISK = 5 << 30  # bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report. cure: what to do, where it is not fine."""

    subject: str
    state: Literal["ok", "warning", "fault"]
    text: str
    cure: str = ""


def doctor(
    plugin: Annotated[str, typer.Argument(help="look at one plugin only")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
) -> None:
    """Check machine, plugins and settings. Exits with 4 where something is at fault."""
    findings = list(_findings(plugin))
    if as_json:
        show_json(
            [
                {"subject": f.subject, "state": f.state, "text": f.text, "cure": f.cure}
                for f in findings
            ]
        )
    else:
        for f in findings:
            mark = {"ok": "ok  ", "warning": "warn", "fault": "FAIL"}[f.state]
            typer.echo(f"{mark} {f.subject}: {f.text}" + (f"\n     {f.cure}" if f.cure else ""))
    if any(f.state == "fault" for f in findings):
        raise typer.Exit(4)


def _findings(plugin: str) -> Iterator[Finding]:
    if not plugin:
        yield from _machine()
    for record in options().host.records:
        if not plugin or record.name == plugin:
            yield _plugin(record)
    for kind, name, owners in options().host.registry.duplicates():
        if not plugin or plugin in owners:
            yield Finding(
                f"{kind} {name}",
                "fault",
                f"registered by {' and '.join(owners)}",
                "uninstall one of them, or AGENTKIT_PLUGINS_DISABLE=<plugin>",
            )
    for check in options().host.registry.all("check"):
        if not plugin or check.plugin == plugin:
            yield _guarded(check.name, check.load)
    if not plugin:
        yield _guarded("settings", lambda: _settings)


def _machine() -> Iterator[Finding]:
    yield Finding("python", "ok", sys.version.split()[0])
    for name in ("torch", "transformers", "langgraph"):
        found = installed(name)
        if found:
            yield Finding(name, "ok", found)
        else:
            yield Finding(name, "fault", "not installed", f"pip install {name}")
    cores = os.cpu_count() or 1
    load = os.getloadavg()[0]
    busy = load > cores
    yield Finding(
        "cores",
        "warning" if busy else "ok",
        f"{cores}, load {load:.1f}",
        "models in this process will be slow while others compute" if busy else "",
    )
    for name, folder in (("cache", cache_dir()), ("data", data_dir())):
        yield _folder(name, str(folder))


def _folder(name: str, folder: str) -> Finding:
    existing = folder
    while not os.path.exists(existing):
        existing = os.path.dirname(existing)
    free = shutil.disk_usage(existing).free
    text = f"{folder}, {free / 2**30:.0f} GiB free"
    if not os.access(existing, os.W_OK):
        cure = f"chown it, or set AGENTKIT_{name.upper()} to another folder"
        return Finding(name, "fault", f"{folder} cannot be written", cure)
    if free < LITTLE_DISK:
        return Finding(name, "warning", text, "models need some GiB")
    return Finding(name, "ok", text)


def _plugin(record: PluginRecord) -> Finding:
    subject = f"plugin {record.name}"
    if record.state not in ("ready", "disabled"):
        return Finding(subject, "fault", f"{record.state}: {record.error}", record.hint)
    if record.state == "disabled":
        return Finding(subject, "warning", "disabled", record.hint)
    heavy = _heavy(record.module)
    if heavy:
        return Finding(
            subject,
            "warning",
            f"its entry module imports {', '.join(heavy)}: every command waits for that",
            "import them where they are used",
        )
    return Finding(subject, "ok", f"{record.version}, {len(record.offers)} offers")


def _heavy(module: str) -> list[str]:
    """Heavy libraries that importing an entry module pulls in, seen in a process of its own."""
    script = (
        "import sys, importlib; importlib.import_module(sys.argv[1]);"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, module], capture_output=True, text=True, timeout=60
    )
    return [m for m in HEAVY if repr(m) in done.stdout]


def _guarded(subject: str, load: Callable[[], Callable[[], str]]) -> Finding:
    try:
        return Finding(subject, "ok", load()())
    except AgentkitError as error:
        return Finding(subject, "fault", error.message, error.hint)
    except Exception as error:
        return Finding(subject, "fault", f"{type(error).__name__}: {error}", "see --debug")


def _settings() -> str:
    return f"{open_kit().check_all()} parts are in order"
