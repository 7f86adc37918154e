"""`agentkit train stepwise` and `agentkit train evolve` as processes that are killed in the midst:
the same command with --resume ends where an undisturbed one does, to the bit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentkit.kit import Kit
from agentkit_stepwise_rl.evolving.data import content_hash
from agentkit_stepwise_rl.record import read_lines

pytestmark = pytest.mark.slow

DECLARED = """
[host]
store = "runs"
[environments.inside]
use = "android"
where = "inside"
picture = false
[trainers.steps]
use = "stepwise"
environment = "inside"
learn = "best"
steps = 5
samples = 6
filter = 2
every = 4
tasks = 1
keep = 1
rate = 1e-3
temperature = 1.5
patience = 9
keep_zero = 1.0
[trainers.rounds]
use = "evolve"
environment = "inside"
iterations = 1
queries = 6
repeats = 1
temperature = 1.5
tasks = 1
human = "none"
out = "unused"
sft = { steps = 4, batch = 4, longest = 400 }
"""


def command(folder: Path, *words: str) -> subprocess.Popen[str]:
    (folder / "agentkit.toml").write_text(DECLARED)
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "agentkit", "train", *words],
        cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def finished(process: subprocess.Popen[str]) -> None:
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said


def killed(process: subprocess.Popen[str], until: Callable[[], bool]) -> None:
    """SIGKILL as soon as that is so; it must not have ended by then."""
    while not until():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_step_wise_training_is_killed_and_goes_on(played: Kit, tmp_path: Path) -> None:
    played.define("trainer", "reader", use="stepwise", environment="inside", learn="best")
    trainer: Any = played.part("trainer", "reader")
    some = trainer.from_runs(played.runs, ["warm"])[::4]
    lines = [json.dumps({"id": one.id, **one.data}) for one in some]
    (tmp_path / "samples.jsonl").write_text("\n".join(lines) + "\n")
    whole, out = tmp_path / "whole", tmp_path / "out"
    finished(command(tmp_path, "steps", "samples.jsonl", "--out", "whole"))
    killed(
        command(tmp_path, "steps", "samples.jsonl", "--out", "out"),
        lambda: len(read_lines(out / "steps.jsonl")) >= 2,
    )
    assert not (out / "card.md").exists()
    finished(command(tmp_path, "steps", "samples.jsonl", "--out", "out", "--resume"))
    for name in ("checkpoint/model.safetensors", "checkpoint/optimizer.safetensors",
                 "best.safetensors"):  # fmt: skip
        assert (out / name).read_bytes() == (whole / name).read_bytes()
    for name in ("steps.jsonl", "traces.jsonl"):
        assert read_lines(out / name) == read_lines(whole / name)


@pytest.mark.slow
def test_self_evolving_training_is_killed_and_goes_on(tmp_path: Path) -> None:
    """Once among the rollouts, once when the data are made."""
    whole, out = tmp_path / "whole", tmp_path / "out"
    finished(command(tmp_path, "rounds", "--out", "whole"))
    killed(
        command(tmp_path, "rounds", "--out", "out"),
        lambda: (out / "pool.json").exists(),
    )
    killed(
        command(tmp_path, "rounds", "--out", "out", "--resume"),
        lambda: list(out.glob("iteration-1/*/data.jsonl")),
    )
    assert not (out / "report.json").exists()
    finished(command(tmp_path, "rounds", "--out", "out", "--resume"))
    rounds = [next((one / "iteration-1").iterdir()) for one in (out, whole)]
    made = [read_plain(one / "data.jsonl") for one in rounds]
    assert made[0] and content_hash(made[0]) == content_hash(made[1])
    rows = [json.loads((one / "report.json").read_text())["rows"] for one in (out, whole)]
    assert rows[0] == rows[1]
    weights = "sft/checkpoint/model.safetensors"
    assert (rounds[0] / weights).read_bytes() == (rounds[1] / weights).read_bytes()


def read_plain(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]
