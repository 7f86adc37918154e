"""A folder with an agent on a scripted model, for commands that run in processes of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal, agentkit

SETTINGS = """
[models.fake]
use = "scripted"
pace = {pace}
choose = "request"
answers = ["The end: {long}"]
rules = [
    {{ when = "refused by a person", answers = ["Then not."] }},
    {{ when = "wiped it", answers = ["It is gone.\\u001b[31m"] }},
    {{ when = "use the tool", answers = ['{{"name": "wipe", "arguments": {{"what": "disk"}}}}'] }},
]

[tools.wipe]
use = "python"
function = "wiping:wipe"

[guards.careful]
use = "effects"

[agents.fake]
use = "tools"
model = "fake"
tools = ["wipe"]
"""
TOOL = """
def wipe(what: str) -> str:
    "Wipes it."
    open("wiped", "a").write(what)
    return "wiped it"
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """`desk(pace=0.1)`: a folder with these settings. pace: seconds for a word of the model."""

    def make(pace: float = 0.0) -> Path:
        words = " ".join(f"word{n}" for n in range(100))
        (tmp_path / "agentkit.toml").write_text(SETTINGS.format(pace=pace, long=words))
        (tmp_path / "wiping.py").write_text(TOOL)
        monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[2]}")
        monkeypatch.setenv("AGENTKIT_PLUGINS", "")
        return tmp_path

    return make


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """`terminal(folder, "run", …)`: the command on a terminal of 80 columns."""
    opened: list[Terminal] = []

    def make(folder: Path, *arguments: str) -> Terminal:
        opened.append(Terminal(agentkit(*arguments), folder))
        return opened[-1]

    yield make
    for one in opened:
        one.close()
