"""PK: a plugin as a package, installed in this environment."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel

from agentkit import hookspecs
from agentkit.host import GROUP, Host, PluginRecord
from agentkit.registry import NOUNS
from agentkit.testing.conformance.base import Conformance

HEAVY = ("torch", "transformers", "langgraph", "fastapi", "pydantic_settings", "numpy")
# What plugins may import of agentkit, beside the top module; tests/test_walls.py goes by it too.
PUBLIC = (
    "agents",
    "bench",
    "capabilities",
    "cli",
    "console",
    "errors",
    "fetching",
    "files",
    "hookspecs",
    "kit",
    "models",
    "names",
    "pictures",
    "registry",
    "runs",
    "secrets",
    "seeds",
    "settings",
    "testing",
    "unicode",
)


class PackageConformance(Conformance):
    """Give the plugin's name: `plugin = "power-sampling"`."""

    plugin: ClassVar[str] = ""

    @property
    def record(self) -> PluginRecord:
        assert self.plugin, f'{type(self).__name__} gives no `plugin = "…"`'
        found = [r for r in Host.load({"AGENTKIT_PLUGINS": self.plugin}).records]
        mine = [r for r in found if r.name == self.plugin]
        assert mine, f"no plugin {self.plugin!r} is installed: pip install -e ."
        return mine[0]

    @property
    def package(self) -> Path:
        """The folder of the import package."""
        top = self.record.module.partition(".")[0]
        spec = importlib.util.find_spec(top)
        assert spec is not None and spec.origin is not None, f"{top} is no package"
        return Path(spec.origin).parent

    def test_pk01_it_loads(self) -> None:
        """Ready, with nothing to say about it, and it offers something."""
        record = self.record
        assert record.state == "ready", f"{record.state}: {record.error}. {record.hint}"
        assert record.offers, "it offers nothing"
        assert record.seconds < 1.0, f"its entry module takes {record.seconds:.1f} s to load"

    def test_pk02_names_are_one_spelling(self) -> None:
        """Distribution agentkit-NAME, package agentkit_NAME, entry point NAME, one only."""
        record = self.record
        assert record.distribution == f"agentkit-{self.plugin}"
        assert self.package.name == f"agentkit_{self.plugin.replace('-', '_')}"
        entries = [
            e for e in metadata.entry_points(group=GROUP) if e.name == self.plugin
        ]  # an editable install may be listed twice
        assert {e.value for e in entries} == {f"{self.package.name}.plugin"}

    def test_pk03_the_entry_module_is_light(self) -> None:
        """In a fresh process its import loads nothing heavy, and nothing but agentkit and the
        standard library."""
        code = (
            f"import sys, agentkit.host; before = set(sys.modules); import {self.record.module}\n"
            f"print([m for m in {HEAVY!r} if m in sys.modules])\n"
            "new = {m.split('.')[0] for m in set(sys.modules) - before}\n"
            f"print(sorted(new - set(sys.stdlib_module_names) - {{'agentkit', "
            f"{self.package.name!r}}}))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        heavy, strange = done.stdout.splitlines()
        assert heavy == "[]", f"the entry module loads {heavy}"
        assert strange == "[]", f"the entry module imports {strange}"

    def test_pk04_what_it_offers_can_be_loaded(self) -> None:
        """Every target and every settings class is there."""
        for offer in self.record.offers:
            assert callable(offer.load()) or offer.kind not in NOUNS
            settings = offer.load_settings()
            assert settings is None or issubclass(settings, BaseModel)

    def test_pk05_settings_refuse_what_they_do_not_know(self) -> None:
        """Settings classes forbid unknown keys and have docstrings that tell their fields."""
        for offer in self.record.offers:
            settings: Any = offer.load_settings()
            if settings is not None:
                assert settings.model_config.get("extra") == "forbid", (
                    f"{settings.__name__} takes unknown keys: derive from PartSettings"
                )
                assert settings.__dict__.get("__doc__"), f"{settings.__name__} is not documented"

    def test_pk06_every_need_is_a_setting(self) -> None:
        """`needs` names fields of the settings; every offer says in a line what it is."""
        for offer in self.record.offers:
            settings = offer.load_settings()
            fields = set(settings.model_fields) if settings is not None else set()
            assert set(offer.needs) <= fields, f"{offer.name}: needs {set(offer.needs) - fields}"
            assert offer.summary and "\n" not in offer.summary, f"{offer.name} has no summary"

    def test_pk07_it_is_typed_and_described(self) -> None:
        """py.typed, a README that names every part, and a version."""
        assert (self.package / "py.typed").exists(), "py.typed is missing"
        record = self.record
        assert record.version
        source = self.package.parent / "README.md"  # newer than what an editable install copied
        told = metadata.metadata(record.distribution).json.get("description", "")
        readme = source.read_text() if source.is_file() else str(told)
        for offer in record.offers:
            assert offer.name in readme, f"README.md does not name {offer.kind} {offer.name}"

    def test_pk08_it_keeps_to_the_public_api(self) -> None:
        """No private module or name of agentkit, no other plugin."""
        own = self.package.name
        for path in sorted(self.package.rglob("*.py")):
            for module, names in _imports(path):
                parts = module.split(".")
                where = f"{path.name} imports {module}"
                assert not parts[0].startswith("agentkit_") or parts[0] == own, where
                if parts[0] == "agentkit":
                    assert len(parts) == 1 or parts[1] in PUBLIC, f"{where}, which is not public"
                    private = [n for n in (*parts, *names) if n.startswith("_")]
                    assert not private, f"{where}: {private} is private"

    def test_pk09_it_speaks_this_api(self) -> None:
        """AGENTKIT_API, where it is given, is the host's; every hook it implements exists."""
        module = importlib.import_module(self.record.module)
        assert getattr(module, "AGENTKIT_API", hookspecs.API) == hookspecs.API
        known = {n for n in vars(hookspecs) if n.startswith("agentkit_")}
        hooks = {n for n, _ in inspect.getmembers(module) if n.startswith("agentkit_")}
        assert hooks and hooks <= known, f"unknown hooks: {hooks - known}"


def _imports(path: Path) -> Iterator[tuple[str, list[str]]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, [alias.name for alias in node.names]
