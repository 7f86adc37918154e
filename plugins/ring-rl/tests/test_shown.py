"""What people see of a training: a run with curves in the console, and what influence reads."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import agentkit
from agentkit.capabilities import Cancel, TrainingDiverged
from agentkit.console.desk import Desk
from agentkit.errors import DataError, Paused
from agentkit.kit import Kit
from agentkit_ring_rl.answers import reinforced
from agentkit_ring_rl.bench.bed import examples
from agentkit_ring_rl.command import app
from agentkit_ring_rl.shown import CURVES, Shown, shown

DATA = examples("digit", 40, 0)
METRICS = {name: float(n) for n, name in enumerate(CURVES)}


@pytest.fixture
def kit() -> Iterator[Kit]:
    with agentkit.load(environ={}) as made:
        made.define("trainer", "mine", use="ring")
        yield made


def console(kit: Kit) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """The newest run's facts and curves as the console gives them out."""
    desk, run = Desk(kit), kit.runs.get("last").id
    try:
        return desk.snapshot(run)["state"], desk.folds.get(run).findings.series
    finally:
        desk.close()


def begin(kit: Kit, out: Path, *, resume: bool = False, cancel: Cancel | None = None) -> Any:
    return shown(kit, "mine", "a task", out, resume, cancel or Cancel())


def test_the_console_draws_each_step_while_the_training_runs(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "card.md").write_text("# mine")
    with begin(kit, tmp_path) as run:
        run.step(1, {**METRICS, "other": 5.0, "entropy": float("nan")})
        state, series = console(kit)
        assert state["run"]["status"] == "running" and state["run"]["agent"] == "train mine"
        assert set(series) == {*CURVES} - {"entropy"} and series["reward"] == [(1.0, 0.0)]
        run.step(2, METRICS)
    state, series = console(kit)
    assert state["run"]["status"] == "done" and [x for x, _ in series["gap_mean"]] == [1.0, 2.0]
    assert kit.runs.artifact(kit.runs.get("last").id, "card.md").read_text() == "# mine"


def test_a_training_that_goes_on_is_the_same_run(kit: Kit, tmp_path: Path) -> None:
    with pytest.raises(Paused), begin(kit, tmp_path) as run:
        for step in (1, 2, 3):
            run.step(step, METRICS)
        raise Paused
    assert console(kit)[0]["run"]["status"] == "paused"
    with begin(kit, tmp_path, resume=True) as run:
        for step in (3, 4):  # from a checkpoint before what was shown
            run.step(step, METRICS)
    (row,) = kit.runs.runs()
    assert [x for x, _ in console(kit)[1]["reward"]] == [1.0, 2.0, 3.0, 4.0]
    kit.runs.delete(row.id)
    with begin(kit, tmp_path, resume=True) as run:
        run.step(5, METRICS)
    assert [x for x, _ in console(kit)[1]["reward"]] == [5.0]


@pytest.mark.parametrize("asked, left", [("pause", "paused"), ("cancel", "cancelled")])
def test_the_console_can_stop_it(kit: Kit, tmp_path: Path, asked: Any, left: str) -> None:
    cancel = Cancel()
    with pytest.raises(Paused), begin(kit, tmp_path, cancel=cancel) as run:
        kit.runs.request(kit.runs.get("last").id, asked)
        run.look(cancel)
        assert cancel
        raise Paused
    assert kit.runs.get("last").status == left


def test_a_training_that_fails_says_why(kit: Kit, tmp_path: Path) -> None:
    with pytest.raises(TrainingDiverged), begin(kit, tmp_path):
        raise TrainingDiverged(4, "loss")
    row = kit.runs.get("last")
    assert row.status == "failed" and "loss" in row.note


def test_a_store_that_fails_costs_the_curves_alone(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with agentkit.load(overrides=[f'host.store="{tmp_path}/file"'], environ={}) as other:
        other.define("trainer", "mine", use="ring")
        with begin(other, tmp_path / "out") as run:
            assert run is None
    with begin(kit, tmp_path / "out") as run:
        assert isinstance(run, Shown)
        lost = kit.runs.get("last")
        run._lease = type(run._lease)(lost.id, "other", 99)  # somebody took the run over
        run.step(1, METRICS)


def test_what_was_learned_is_what_was_reinforced_most(tmp_path: Path) -> None:
    told = [("a", "2", 1.0), ("a", "3", -1.0), ("a", "4", 0.5), ("a", "4", 0.7), ("b", "1", -1.0),
            ("c", " ", 2.0), ("c", "9", 0.1)]  # fmt: skip
    keys = {"step": 1, "prompt": "?", "reward": 1.0}
    lines = [{**keys, "example": e, "text": t, "advantage": v} for e, t, v in told]
    (tmp_path / "rollouts.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert [(one["id"], one["answer"]) for one in reinforced(tmp_path)] == [("a", "4"), ("c", "9")]
    with pytest.raises(DataError, match="no answers"):
        reinforced(tmp_path / "nowhere")


@pytest.mark.slow
def test_a_training_of_the_command_line_is_in_the_console_and_in_influence(
    folder: Path, tmp_path: Path, kit: Kit
) -> None:
    (tmp_path / "data.jsonl").write_text(
        "\n".join(json.dumps({"id": one.id, **one.data}) for one in DATA)
    )
    (tmp_path / "agentkit.toml").write_text(
        f'[models.policy]\nuse = "transformers"\nmodel = "{folder}"\ndtype = "fp32"\n'
        '[trainers.ring]\nuse = "ring"\nmodel = "policy"\nchat = false\nsteps = 2\nprompts = 2\n'
        "group = 2\nlimit = 3\n"
    )
    command = [sys.executable, "-m", "agentkit", "train", "ring", "data.jsonl", "--out", "made"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shown_first = [line.split()[0] for line in done.stdout.splitlines()[1:]]
    assert shown_first[: len(CURVES)] == [*CURVES]
    state, series = console(kit)
    assert state["run"]["agent"] == "train ring" and state["run"]["status"] == "done"
    steps = [json.loads(line) for line in (tmp_path / "made/steps.jsonl").read_text().splitlines()]
    for name in ("reward", "gap_mean", "masked_share", "entropy", "length"):
        assert series[name] == [(s["step"], s[name]) for s in steps]
    run = kit.runs.get("last").id
    assert kit.runs.artifact(run, "curve.png").read_bytes().startswith(b"\x89PNG")
    assert kit.runs.artifact(run, "card.md").read_text().startswith("# policy, trained by")
    used = {one for s in steps for one in s["examples"]}
    assert used <= {one.id for one in DATA} and used
    told = CliRunner().invoke(app, ["learned", str(tmp_path / "made")])
    (tmp_path / "learned.jsonl").write_text(told.stdout)
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    assert lines and {one["id"] for one in lines} <= used
    # Influence goes from an answer to examples, and by these lines to the steps that used them.
    kit.define("model", "policy", use="transformers", model=str(folder), dtype="fp32", threads=1)
    where = {"checkpoint": str(tmp_path / "made"), "examples": str(tmp_path / "learned.jsonl")}
    kit.define("analyzer", "why", use="bayes-influence", model="policy", **where)
    analyzer: Any = kit.part("analyzer", "why")
    assert "sampling" in analyzer.plan(["1+1= => 2"], tmp_path / "influence")
    with (tmp_path / "made" / "steps.jsonl").open("a") as file:
        file.write("{}\n")
    with pytest.raises(DataError, match="no step of a training"):
        analyzer.plan(["1+1= => 2"], tmp_path / "influence")
