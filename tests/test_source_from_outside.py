"""A source plugin that was written outside this repository, by its own page (docs/plugins.md), is
found, researched, quoted and checked like those that come with it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.written import install

pytestmark = pytest.mark.slow

SETTINGS = """
[sources.facts]
use = "shelf"
path = "facts.txt"
"""
FACTS = "The kettle is made of steel.\nThe toaster is made of plastic.\n"


@pytest.fixture
def typed(tmp_path: Path) -> Callable[..., str]:
    """A command, typed in a folder outside, with the plugin on Python's path."""
    site, desk = tmp_path / "site", tmp_path / "desk"
    install(site, "shelf", "source")
    desk.mkdir()
    (desk / "agentkit.toml").write_text(SETTINGS)
    (desk / "facts.txt").write_text(FACTS)
    own = {name: str(tmp_path / name) for name in ("data", "config", "cache")}
    environ = {
        **{k: v for k, v in os.environ.items() if k != "AGENTKIT_PLUGINS"},
        **{f"AGENTKIT_{name.upper()}": path for name, path in own.items()},
        "PYTHONPATH": os.pathsep.join([str(site), str(Path(__file__).parents[1])]),
    }

    def run(*arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "agentkit", *arguments],
            cwd=desk,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    return run


@pytest.mark.slow
def test_a_source_from_outside_is_found_used_and_cited(
    typed: Callable[..., str], tmp_path: Path
) -> None:
    assert "shelf 0.1.0 (agentkit-shelf): ready" in typed("plugins", "shelf")
    question, rules = "What is the kettle made of?", ("--set", "embedder=")
    said = typed("research", question, "--source", "facts", *rules, "--out", "report.md")
    report = (tmp_path / "desk" / "report.md").read_text()
    assert "“The kettle is made of steel.” [[1]](<facts.txt>)" in report
    assert "facts.txt in facts" in report and "steel" in said
    assert "quotes stand in their sources" in typed("verify", "report.md")
    facts = tmp_path / "desk" / "facts.txt"
    facts.write_text(FACTS.replace("steel", "glass"))
    assert "[1] " in typed("verify", "report.md", code=1)
