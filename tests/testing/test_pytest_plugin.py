"""The fixtures that plugin authors get."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agentkit.files import data_dir
from agentkit.runs.events import Event

pytestmark = pytest.mark.slow

TALK = """
[models.m]
use = "scripted"
answers = ["hello"]

[agents.a]
use = "tools"
model = "m"
"""


def test_a_kit_is_made_from_text_and_its_events_are_logged(
    kit: Any, event_log: list[Event], tmp_path: Path
) -> None:
    one = kit(TALK)
    run = one.agent("a").run("hi")
    assert run.result.answer == "hello"
    assert [e.kind for e in event_log][-1] == "run.status"
    assert "model.done" in {e.kind for e in event_log}


def test_kits_share_nothing_with_the_user(kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTKIT_MODELS__M__CONTEXT", "9")
    one = kit(TALK)
    assert one.model("m").info.context > 9
    assert one.runs.runs() == [] and "agentkit" in str(data_dir())


def test_overrides_win(kit: Any) -> None:
    assert kit(TALK, overrides=("models.m.context=99",)).model("m").info.context == 99


def test_the_network_is_out_of_reach_but_this_machine_is_not(no_network: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), 1).close()
    with pytest.raises(OSError, match="may not use the network"):
        socket.create_connection(("192.0.2.1", 80), 1)
    with pytest.raises(OSError, match=r"asks for example\.org"):
        socket.getaddrinfo("example.org", 80)


def test_a_test_run_without_agentkit_pays_nothing() -> None:
    code = (
        "import sys, agentkit.testing.pytest_plugin as plugin\n"
        "print([m for m in ('torch', 'numpy', 'pydantic', 'agentkit.kit') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stdout + done.stderr


@pytest.mark.slow
def test_failing_cases_explain_themselves(tmp_path: Path) -> None:
    """Assertions in the suites are rewritten by pytest, so authors see the values."""
    (tmp_path / "test_suite.py").write_text(
        "from agentkit.capabilities import Outcome, Score\n"
        "from agentkit.testing.conformance import RewardConformance\n"
        "class Odd:\n    bounds = (0.0, 1.0)\n"
        "    def score(self, outcome): return Score(7.25, {}, ('because',))\n"
        "class TestOdd(RewardConformance):\n"
        "    good = bad = Outcome({}, 'x')\n"
        "    def make(self): return Odd()\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", str(tmp_path), "-k", "re02"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert "0.0 <= 7.25" in done.stdout or "7.25 <= 1.0" in done.stdout, done.stdout
