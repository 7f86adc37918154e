"""`agentkit train`: a plan, a checkpoint, and going on after Ctrl-C."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

# A trainer that waits between its steps, so that it can be interrupted in the midst of them.
TRAINER = """
import json, time
from agentkit import hookimpl
from agentkit.capabilities import Checkpoint, Plan, TrainingDiverged
from agentkit.errors import Paused
from agentkit.settings import PartSettings

class Settings(PartSettings):
    steps: int = 4
    pause: float = 0.0

class Summing:
    def __init__(self, settings, parts):
        self.settings = settings
    def plan(self):
        return Plan(self.settings.steps, 1, 1, 60.0, ("adds",))
    def train(self, data, out, progress, resume=False):
        data, out = list(data), out
        out.mkdir(parents=True, exist_ok=True)
        step, total = json.loads((out / "sum.json").read_text()) if resume else (0, 0)
        while step < self.settings.steps:
            if progress.cancel:
                raise Paused
            if any(e.data["x"] is None for e in data):
                raise TrainingDiverged(step, "sum")
            time.sleep(self.settings.pause)
            step, total = step + 1, total + sum(e.data["x"] for e in data)
            (out / "sum.json").write_text(json.dumps([step, total]))
            progress.examples(step, [e.id for e in data])
            progress.update(step, self.settings.steps, {"sum": total})
            print("step", step, flush=True)
        return Checkpoint(out, step, {"sum": total})

@hookimpl
def agentkit_register(registry):
    registry.trainer("summing", "summing:Summing", settings="summing:Settings", summary="adds")
    registry.default_part("trainer", "summing", use="summing")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a plugin `summing` that python finds there, and a file of examples."""
    (tmp_path / "summing.py").write_text(TRAINER)
    info = tmp_path / "summing-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: summing\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[agentkit]\nsumming = summing\n")
    (tmp_path / "data.jsonl").write_text('{"id": "a", "x": 1}\n\n{"id": "b", "x": 2}\n')
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[2]}")
    monkeypatch.setenv("AGENTKIT_PLUGINS", "summing")
    return tmp_path


def begun(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "agentkit", "train", *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, cwd=folder,
    )  # fmt: skip


def train(folder: Path, *words: str, given: str = "") -> tuple[int, str, str]:
    process = begun(folder, *words)
    out, said = process.communicate(given)
    return process.returncode, out, said


def test_it_trains_and_tells_what_came_of_it(folder: Path) -> None:
    assert train(folder)[1] == "summing\tsumming\n"
    code, out, said = train(folder, "summing", "data.jsonl", "--out", "there")
    assert code == 0 and "sum 12" in out and "4 steps" in said, said
    code, out, _ = train(folder, "summing", "-", "--out", "b", "--set", "steps=2", "--json",
                         given='{"x": 5}\n')  # fmt: skip
    assert code == 0 and json.loads(out.partition("{")[1] + out.partition("{")[2])["step"] == 2


def test_a_plan_trains_nothing(folder: Path) -> None:
    code, out, _ = train(folder, "summing", "data.jsonl", "--plan", "--set", "steps=9")
    assert code == 0 and "9 steps" in out and "adds" in out and not (folder / "trained").exists()


def test_ctrl_c_keeps_what_is_done_and_resume_goes_on(folder: Path) -> None:
    words = ("summing", "data.jsonl", "--set", "steps=6", "--set", "pause=0.1")
    process = begun(folder, *words)
    assert process.stdout is not None and process.stdout.readline() == "step 1\n"
    process.send_signal(2)
    _, said = process.communicate()
    assert process.returncode and "--resume" in said
    step, total = json.loads((folder / "trained" / "sum.json").read_text())
    assert 0 < step < 6 and total == 3 * step
    code, out, said = train(folder, *words, "--resume")
    assert code == 0 and "sum 18" in out and f"step {step}\n" not in out, said


def test_a_loss_that_is_no_number_is_told(folder: Path) -> None:
    code, _, said = train(folder, "summing", "-", given='{"x": null}\n')
    assert code == 1 and "sum is not finite at step 0" in said and "Traceback" not in said


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("{", "bad.jsonl:1: is no JSON"),
        ("[1]", "bad.jsonl:1: is no JSON object"),
        ('{"id": "a"}\n{"id": "a"}', "bad.jsonl:2: the id 'a' is also at bad.jsonl:1"),
        ("\N{LATIN SMALL LETTER E WITH ACUTE}", "cannot be read"),
    ],
)
def test_bad_data_is_told_with_its_line(folder: Path, lines: str, says: str) -> None:
    (folder / "bad.jsonl").write_bytes(lines.encode("latin-1"))
    code, _, said = train(folder, "summing", "bad.jsonl")
    assert code == 3 and says in said and "Traceback" not in said


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("nobody",), 3, "there is no trainer 'nobody'"),
        (("summing", "data.jsonl", "--out", "."), 2, "not empty"),
        (("summing", "data.jsonl", "--resume"), 2, "nothing to resume"),
        (("summing", "nowhere.jsonl"), 3, "nowhere.jsonl"),
        (("summing", "data.jsonl", "--set", "stepz=3"), 3, "stepz"),
        (("summing", "data.jsonl", "--set", "steps"), 2, "NAME=VALUE"),
    ],
)
def test_wrong_use_is_told(folder: Path, words: tuple[str, ...], code: int, says: str) -> None:
    got, _, said = train(folder, *words)
    assert got == code and says in said and "Traceback" not in said, said
