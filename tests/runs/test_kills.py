"""SIGKILL at seeded moments: nothing lost, repeated or doubled."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from agentkit.bench import resume

pytestmark = pytest.mark.slow  # seconds each, and they want the machine to themselves

MODES: tuple[resume.Mode, ...] = ("plain", "checkpoint deleted", "node renamed")


@pytest.mark.parametrize("mode", MODES)
def test_a_killed_run_ends_as_an_undisturbed_one(tmp_path: Path, mode: resume.Mode) -> None:
    tally = resume.kill_many(tmp_path, mode, 4, seed=11, seconds=0.006)
    assert tally.kills == 4 and tally.faults == 0, tally


@pytest.mark.parametrize("mode", MODES)  # the experiment also kills runs on a real model
def test_many_killed_runs(tmp_path: Path, mode: resume.Mode) -> None:
    tally = resume.kill_many(tmp_path, mode, 8, seed=12, seconds=0.006)
    assert tally.kills == len(tally.hits) == 8 and tally.faults == 0, tally


def forgetful(folder: Path, run: str, seconds: float, renamed: bool, ready: object = None) -> None:
    """Drives like `resume.drive`, with positions that are new in each process."""
    import os

    from agentkit.runs import graph

    real = graph._here

    def here(session: object) -> tuple[str, str]:
        position, names = real(session)  # type: ignore[arg-type]
        return f"{position}@{os.getpid()}", names

    graph._here = here  # type: ignore[assignment]
    resume.drive(folder, run, seconds, renamed, ready)  # type: ignore[arg-type]


def test_the_counting_sees_a_host_that_forgets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same kills against positions that do not stand: what the ledger is for."""
    oracle = resume.undisturbed(tmp_path / "undisturbed", 1, 0.006)
    killer = resume.Killer(tmp_path / "killed", 1, "checkpoint deleted", 0.006, oracle.seconds)
    monkeypatch.setattr(resume, "drive", forgetful)
    assert killer.go(3)
    tally = resume.Tally()
    resume._compare(tally, killer, oracle)
    assert tally.faults > 0
    assert multiprocessing.active_children() == []
