"""The package suite passes on what the template writes, and catches a wrong one by each case."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agentkit.testing.conformance import PackageConformance
from tests.testing.mutants import all_cases_have_one, caught, each, passes
from tests.written import install

pytestmark = pytest.mark.slow

PLUGIN, PART = "PKG/plugin.py", "PKG/tool.py"
Edits = Mapping[str, tuple[str, str]]

PACKAGES: dict[str, Edits] = {
    "PK-01": {PLUGIN: ("    registry.tool(", "    return\n    registry.tool(")},
    "PK-02": {"PKG-0.1.0.dist-info/METADATA": ("Name: agentkit-", "Name: my-")},
    "PK-03": {PLUGIN: ("from agentkit import", "import numpy\nfrom agentkit import")},
    "PK-04": {PLUGIN: (":Settings", ":Setting")},
    "PK-05": {PART: ("class Settings(PartSettings)", "class Settings(BaseModel)")},
    "PK-06": {PLUGIN: ("summary=", 'needs={"base": "model"}, summary=')},
    "PK-07": {"README.md": ("wrong-pk-07", "something")},
    "PK-08": {PART: ("from agentkit.kit", "import agentkit.host\nfrom agentkit.kit")},
    "PK-09": {PLUGIN: ("\n@hookimpl", "\nAGENTKIT_API = 99\n\n\n@hookimpl")},
}


def suite(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, edits: Edits
) -> type[PackageConformance]:
    install(folder, name, "tool", edits)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return type("Suite", (PackageConformance,), {"plugin": name})


def test_what_the_template_writes_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passes(suite(tmp_path, monkeypatch, "right", {}))


@each(PACKAGES)
def test_a_wrong_package_is_caught(
    case: str, mutant: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"wrong-{case.lower()}"  # of its own, since modules stay loaded
    caught(suite(tmp_path, monkeypatch, name, mutant), case)


def test_every_case_has_a_wrong_package() -> None:
    all_cases_have_one(PackageConformance, PACKAGES)
