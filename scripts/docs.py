"""Makes docs/reference.md from the code; `--check` only compares."""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from pathlib import Path

from agentkit import errors, hookspecs
from agentkit.capabilities import ABILITIES, NOUNS
from agentkit.registry import NOUNS as NOUN_NAMES
from agentkit.registry import Noun, Registry
from agentkit.testing import conformance
from agentkit.testing.conformance.package import PUBLIC

PAGE = Path(__file__).parent.parent / "docs" / "reference.md"


def signature(function: object, name: str = "") -> str:
    """One line of Python, without module prefixes and `self`."""
    assert callable(function)
    plain = inspect.signature(function)
    kept = [p for p in plain.parameters.values() if p.name != "self"]
    text = f"{name or function.__name__}{plain.replace(parameters=kept)}"
    return re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)  # annotations are strings there


def clean(text: str | None) -> str:
    return inspect.cleandoc(text or "")


def page() -> str:
    lines = [
        "# Reference",
        "",
        "Made from the code by `make docs`.",
        "",
        "## Hooks",
        "",
        "Implement them in your plugin's entry module with `@agentkit.hookimpl`.",
    ]
    for name, hook in vars(hookspecs).items():
        if name.startswith("agentkit_"):
            lines += ["", f"### `{signature(hook)}`", "", clean(hook.__doc__)]
    lines += ["", "## Registration", "", "What `registry` offers inside `agentkit_register`.", ""]
    register = signature(Noun.__call__, "registry.NOUN")
    lines += [
        f"### `{register}`",
        "",
        f"NOUN is one of: {', '.join(NOUN_NAMES)}.",
        "",
        clean(Noun.__call__.__doc__),
    ]
    for name in ("default_part", "command", "experiment", "views", "check"):
        method = getattr(Registry, name)
        lines += ["", f"### `registry.{signature(method)}`", "", clean(method.__doc__)]
    lines += ["", "## Nouns", "", "| noun | protocol | what it is |", "|---|---|---|"]
    for noun, protocol in NOUNS.items():
        module = sys.modules[protocol.__module__]
        summary = clean(module.__doc__).splitlines()[0]
        lines.append(f"| {noun} | `agentkit.capabilities.{protocol.__name__}` | {summary} |")
    lines += ["", "## Abilities of a model", "", "| ability | type | what it is |", "|---|---|---|"]
    for ability, kind in ABILITIES.items():
        summary = clean(kind.__doc__).splitlines()[0]
        lines.append(f"| {ability} | `{kind.__name__}` | {summary} |")
    lines += ["", "## Modules", "", "What plugins may import.", "", "| module | what it is |"]
    lines += ["|---|---|"]
    for name in PUBLIC:
        summary = clean(importlib.import_module(f"agentkit.{name}").__doc__).splitlines()[0]
        lines.append(f"| `agentkit.{name}` | {summary} |")
    lines += ["", "## Suites", "", "In `agentkit.testing.conformance`.", ""]
    lines += ["| suite | cases | how to use it |", "|---|---|---|"]
    for name in sorted(conformance.__all__):
        suite = getattr(conformance, name)
        if inspect.isclass(suite) and suite is not conformance.Conformance:
            use = " ".join(clean(suite.__doc__).split("\n\n")[0].split())
            lines.append(f"| `{name}` | {len(suite.cases())} | {use} |")
    lines += ["", "## Errors", "", "| class | exit code | when |", "|---|---|---|"]
    for name, kind in vars(errors).items():
        if inspect.isclass(kind) and issubclass(kind, errors.AgentkitError):
            summary = clean(kind.__doc__).splitlines()[0]
            lines.append(f"| `{name}` | {kind.exit_code} | {summary} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    text = page()
    if "--check" in sys.argv:
        same = PAGE.exists() and PAGE.read_text() == text
        print("up to date" if same else f"{PAGE.name} is not what the code says: make docs")
        return 0 if same else 1
    PAGE.write_text(text)
    print(f"wrote docs/{PAGE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
