"""The command line: light, and plain about what went wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HEAVY = (
    "torch", "transformers", "langgraph", "fastapi", "pydantic_settings", "numpy", "textual"
)  # fmt: skip


def agentkit(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agentkit", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["plugins"]])
def test_commands_without_a_model_load_nothing_heavy(arguments: list[str]) -> None:
    script = (
        f"import sys; sys.argv = ['agentkit', *{arguments!r}]\n"
        "from agentkit.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    code = end.code\n"
        f"print(code, [m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == "0 []"


def test_no_command_offers_to_change_the_shell() -> None:
    for name in ("runs", "config"):
        done = agentkit(name, "--help")
        assert done.returncode == 0 and "completion" not in done.stdout


def test_help_names_every_command() -> None:
    done = agentkit("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in ("plugins", "doctor", "config", "init"))


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["plugin"], 2, "did you mean 'plugins'"),
        (["plugins", "--jsn"], 2, "--json"),
        (["plugins", "agentki"], 4, "did you mean 'agentkit'"),
        (["config", "explain", "model.small"], 2, "did you mean 'models'"),
        (["config", "explain", "models.nope"], 3, "there is no model 'nope'"),
        (["--config", "nowhere.toml", "config", "check"], 3, "nowhere.toml"),
        (["-o", "models", "config", "check"], 3, "-o models"),
    ],
)
def test_a_wrong_word_is_answered_in_two_lines(arguments: list[str], code: int, says: str) -> None:
    done = agentkit(*arguments)
    assert done.returncode == code
    assert says in done.stderr and len(done.stderr.splitlines()) <= 2
    assert "Traceback" not in done.stderr and not done.stdout


def test_debug_shows_the_traceback() -> None:
    assert "Traceback" in agentkit("--debug", "plugins", "nope").stderr


def test_plugins_as_json() -> None:
    found = json.loads(agentkit("plugins", "--json").stdout)
    assert found[0]["name"] == "agentkit" and found[0]["state"] == "ready"


def test_doctor_finds_this_installation_in_order() -> None:
    done = agentkit("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok   torch" in done.stdout


def test_doctor_reports_settings_at_fault(tmp_path: Path) -> None:
    (tmp_path / "agentkit.toml").write_text('[models.a]\nuse = "nothing-has-this-name"\n')
    done = agentkit("doctor", cwd=tmp_path)
    assert done.returncode == 4
    assert "FAIL settings" in done.stdout and "nothing-has-this-name" in done.stdout


def test_init_writes_once_and_never_over(tmp_path: Path) -> None:
    assert agentkit("init", cwd=tmp_path).returncode == 0
    written = (tmp_path / "agentkit.toml").read_text()
    again = agentkit("init", cwd=tmp_path)
    assert again.returncode == 2 and "left as it is" in again.stderr
    assert (tmp_path / "agentkit.toml").read_text() == written
