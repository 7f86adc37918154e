"""`agentkit models`: what is declared, what can be had, and plain words when something is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_cli import agentkit

pytestmark = pytest.mark.slow

SCRIPTED = '[models.parrot]\nuse = "scripted"\nanswers = ["a river"]\n'


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    (tmp_path / "agentkit.toml").write_text(SCRIPTED)
    return tmp_path


def test_list_names_declared_and_bundled_models(settings: Path) -> None:
    shown = json.loads(agentkit("models", "list", "--json", cwd=settings).stdout)
    assert "parrot" in [row["name"] for row in shown["declared"]]
    assert "smollm2-135m" in [row["name"] for row in shown["bundled"]]
    plain = agentkit("models", "list", cwd=settings)
    assert plain.returncode == 0 and "parrot" in plain.stdout and "minilm" in plain.stdout


def test_ask_prints_the_answer_alone(settings: Path) -> None:
    done = agentkit("models", "ask", "parrot", "Name a river.", cwd=settings)
    assert (done.returncode, done.stdout) == (0, "a river\n")
    answer = json.loads(agentkit("models", "ask", "parrot", "?", "--json", cwd=settings).stdout)
    assert answer["text"] == "a river"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["models", "get", "smollm"], "smollm2-135m"),
        (["models", "get", "minilm", "--from", "nowhere"], "packages or hub"),
        (["models", "show", "parot"], "parrot"),
        (["models", "show", "parrot", "--verify"], "hashes"),
        (["models", "ask", "parrot", " "], "empty"),
        (["models", "ask", "nobody", "?"], "parrot"),
        (["models", "ask", "parrot", "?", "--schema", "absent.json"], "absent.json"),
    ],
)
def test_mistakes_are_told_in_two_lines(settings: Path, arguments: list[str], said: str) -> None:
    done = agentkit(*arguments, cwd=settings)
    assert done.returncode and said in done.stderr
    assert "Traceback" not in done.stderr and len(done.stderr.splitlines()) <= 2


def test_show_reads_a_file_without_loading_it(settings: Path) -> None:
    (settings / "cut.gguf").write_bytes(b"GGUF\x03\x00\x00\x00")
    done = agentkit("models", "show", "cut.gguf", cwd=settings)
    assert done.returncode and "cut.gguf" in done.stderr and "Traceback" not in done.stderr
