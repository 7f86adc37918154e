"""Dependencies point one way, entry modules stay light, and modules can be read in one sitting."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentkit.testing.conformance.package import HEAVY, PUBLIC

ROOT = Path(__file__).parent.parent
PUBLIC_MODULES = {"agentkit", *(f"agentkit.{name}" for name in PUBLIC)}
PLUGINS = sorted(
    p.parent
    for group in ("plugins", "environments")
    for p in (ROOT / group).glob("*/pyproject.toml")
)


def sources(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        yield from (p for p in sorted(folder.rglob("*.py")) if "templates" not in p.parts)


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def code(plugin: Path) -> Path:
    return next(plugin.glob("agentkit_*"))


@pytest.mark.slow
def test_the_host_imports_no_plugin() -> None:
    wrong = [
        f"{p}: {m}"
        for p in sources(ROOT / "agentkit")
        for m in imports(p)
        if m.startswith("agentkit_")
    ]
    assert not wrong


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda p: p.name)
@pytest.mark.slow
def test_a_plugin_keeps_to_the_public_api(plugin: Path) -> None:
    own = code(plugin).name
    wrong = []
    for path in sources(code(plugin)):
        for module in imports(path):
            top = module.split(".")[0]
            if top.startswith("agentkit_") and top != own:
                wrong.append(f"{path}: imports another plugin: {module}")
            if top == "agentkit" and ".".join(module.split(".")[:2]) not in PUBLIC_MODULES:
                wrong.append(f"{path}: {module} is not public")
            if any(part.startswith("_") for part in module.split(".")[1:]) and top == "agentkit":
                wrong.append(f"{path}: {module} is private")
    assert not wrong


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda p: p.name)
def test_an_entry_module_imports_agentkit_and_the_standard_library_only(plugin: Path) -> None:
    allowed = {*sys.stdlib_module_names, "agentkit"}
    wrong = [m for m in imports(code(plugin) / "plugin.py") if m.split(".")[0] not in allowed]
    assert not wrong


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda p: p.name)
def test_a_plugin_has_what_every_plugin_has(plugin: Path) -> None:
    assert (plugin / "README.md").stat().st_size > 300
    assert (code(plugin) / "py.typed").exists()
    assert list((plugin / "tests").glob("test_*.py"))
    assert f'name = "agentkit-{plugin.name}"' in (plugin / "pyproject.toml").read_text()
    assert f"{plugin.name} = " in (plugin / "pyproject.toml").read_text()
    mypy = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    assert f"$MYPY_CONFIG_FILE_DIR/{plugin.relative_to(ROOT)}" in mypy["mypy_path"]


def test_modules_are_read_in_one_sitting() -> None:
    long = {
        str(p.relative_to(ROOT)): n
        for p in sources(ROOT / "agentkit", *map(code, PLUGINS))
        if (n := len(p.read_text().splitlines())) > 600
    }
    assert not long


def test_plugins_and_the_api_load_nothing_heavy() -> None:
    script = (
        "import sys, agentkit; from agentkit.host import Host; host = Host.load();"
        f"print([m for m in {HEAVY!r} if m in sys.modules]);"
        "print([r.error for r in host.faults()])"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout == "[]\n[]\n"


def test_the_project_speaks_of_itself_alone() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    words = ("/wo" + "rk/", "/ro" + "ot/", "py" + "pi.org", "debian" + ".org/pool")
    found = []
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".txt", ".json", ".sh", "") and path.is_file():
            text = path.read_text(errors="ignore") if path.stat().st_size < 1 << 20 else ""
            found += [f"{name}: {word}" for word in words if word in text]
    assert not found
