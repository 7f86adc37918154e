"""`agentkit analyze`: a report in a folder, and going on after Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

# An analyzer that counts letters, keeps each count in its folder, and can wait between two.
ANALYZER = """
import json, time
import numpy as np
from agentkit import hookimpl
from agentkit.capabilities import Report, Table
from agentkit.errors import Cancelled, UsageError
from agentkit.settings import PartSettings

class Settings(PartSettings):
    pause: float = 0.0

class Counting:
    def __init__(self, settings, parts):
        self.pause = settings.pause
    def analyze(self, subjects, out, progress):
        if not subjects:
            raise UsageError("there is nothing to count", "give a text")
        kept = out / "kept.json"
        counts = json.loads(kept.read_text()) if kept.exists() else []
        for text in subjects[len(counts):]:
            if progress.cancel:
                raise Cancelled
            time.sleep(self.pause)
            counts.append(len(text))
            kept.write_text(json.dumps(counts))
            print("counted", text, flush=True)
        table = Table("letters", ("text", "letters"), tuple(zip(subjects, counts)))
        (out / "plot.svg").write_text("<svg/>")
        return Report(f"{sum(counts)} letters", (table,), {"counts": np.array(counts)},
                      (out / "plot.svg",))

@hookimpl
def agentkit_register(registry):
    registry.analyzer("counting", "counting:Counting", settings="counting:Settings", summary="")
    registry.default_part("analyzer", "counting", use="counting")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a plugin `counting` that python finds there."""
    (tmp_path / "counting.py").write_text(ANALYZER)
    info = tmp_path / "counting-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: counting\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[agentkit]\ncounting = counting\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[2]}")
    monkeypatch.setenv("AGENTKIT_PLUGINS", "counting")
    return tmp_path


def begun(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "agentkit", "analyze", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
    )  # fmt: skip


def analyze(folder: Path, *words: str) -> tuple[int, str, str]:
    process = begun(folder, *words)
    out, said = process.communicate()
    return process.returncode, out, said


def test_the_report_is_shown_and_kept(folder: Path) -> None:
    assert analyze(folder)[1] == "counting\tcounting\n"
    code, out, said = analyze(folder, "counting", "ab", "a|b\n", "--out", "there")
    assert code == 0 and "6 letters" in out, said
    page = (folder / "there" / "report.md").read_text()
    assert "| ab | 2 |" in page and "| a\\|b | 4 |" in page and "![plot.svg](plot.svg)" in page
    with np.load(folder / "there" / "arrays.npz") as arrays:
        assert arrays["counts"].tolist() == [2, 4]
    plain = json.loads((folder / "there" / "report.json").read_text())
    assert plain["tables"][0]["rows"] == [["ab", 2], ["a|b\n", 4]]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(
    folder: Path, how: signal.Signals
) -> None:
    words = ("counting", *"abcdef")
    process = begun(folder, *words, "--set", "pause=0.1")
    assert process.stdout is not None and process.stdout.readline() == "counted a\n"
    process.send_signal(how)
    _, said = process.communicate()
    assert process.returncode and "goes on from what is in analysis" in said
    assert not (folder / "analysis" / "report.json").exists()
    code, out, said = analyze(folder, *words)
    assert code == 0 and "counted a\n" not in out and "6 letters" in out, said


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("nobody",), 3, "there is no analyzer 'nobody'"),
        (("counting",), 2, "nothing to count"),
        (("counting", "a", "--set", "pauze=1"), 3, "pauze"),
        (("counting", "a", "--set", "pause"), 2, "NAME=VALUE"),
        (("counting", "a", "--out", "full"), 2, "holds a report already"),
    ],
)
def test_wrong_use_is_told(folder: Path, words: tuple[str, ...], code: int, says: str) -> None:
    (folder / "full").mkdir()
    (folder / "full" / "report.json").write_text("{}")
    got, _, said = analyze(folder, *words)
    assert got == code and says in said and "Traceback" not in said, said
