"""The experiments at their smallest, and that their tables can be counted again without a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentkit.bench import Bench
from agentkit.capabilities import Task
from agentkit.kit import Kit
from agentkit.testing.progress import Recorder
from agentkit_color_agent.bench import ablation, asking, person, policy
from agentkit_color_agent.bench.noisy import KINDS, NoisyExpert
from agentkit_color_agent.teaching import Teaching, demonstrate, lines

pytestmark = pytest.mark.slow


def bench(kit: Kit, out: Path) -> Bench:
    return Bench(kit, "quick", (0,), out, Recorder())


@pytest.mark.parametrize(
    ("kind", "module", "task"),
    [
        ("miss", "reflect_action", "airplane-mode/1"),
        ("loop", "reflect_trajectory", "airplane-mode/1"),
        ("early", "reflect_global", "task-add/0"),
        ("detour", "knowledge", "airplane-mode/1"),
        ("forget", "orchestration", "contact-to-note/0"),
    ],
)
def test_each_error_is_mended_by_its_module(
    kit: Kit, noisy: NoisyExpert, find: Callable[[str], Task], kind: str, module: str, task: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """With the module it is mended; without it it is not, where nothing but chance would."""
    from agentkit_color_agent.bench import noisy as noise

    monkeypatch.setattr(noise, "BY_ITSELF", 0.0)
    rates = {kind: 1.0 if kind in ("forget", "detour", "early") else 0.5}
    mended = {}
    for on in (True, False):
        name = f"agent-{on}"
        kit.define("agent", name, use="color-agent", model="noisy", **{module: on})
        noisy.begin(find(task), 0, rates)
        run = kit.agent(name).run("", task_id=task)
        run.wait(60)
        assert run.status == "done"
        assert noisy.episode is not None
        slips = [s for s in noisy.episode.slips if s.kind == kind]
        assert slips, f"no error of the kind {kind} was made"
        mended[on] = any(s.mended for s in slips)
    assert mended == {True: True, False: False}


def test_a_table_is_counted_again_from_what_is_kept() -> None:
    """Acceptance 10: from stored episodes, without any model or phone."""
    row = {"success": True, "claim": "success", "steps": 4, "calls": 5, "asked": 0,
           "slips": [["miss", True, False], ["early", False, True]]}  # fmt: skip
    worse = {**row, "success": False, "slips": [["miss", False, False]]}
    rows = {name: [row, row] for name in ablation.VARIANTS} | {
        "without reflect_action": [row, worse]
    }
    made = ablation.result(rows, 2, 1)
    assert made.metrics["success"].value == 1 and made.metrics["mended, miss"].value == 1
    assert made.baselines["without reflect_action"]["success"].value == 0.5
    assert ("reflect_action", "miss", "1", "0") in made.tables[1].rows
    assert set(KINDS) <= set(made.tables[0].columns)


def test_a_policy_is_counted_with_and_without_the_framework() -> None:
    """From stored episodes: the same tasks, side by side."""
    done = {"success": True, "claim": "success", "steps": 4, "calls": 5, "asked": 0}
    lied = {**done, "success": False}
    alone, framed = [done, lied, lied, lied], [done, done, done, lied]
    agents = (policy.ALONE, *ablation.VARIANTS)
    rows = {
        name: dict.fromkeys(policy.SPLITS, framed if name == policy.ALL else alone)
        for name in agents
    }
    made = policy.result(rows, "tiny", seeds=2)
    assert made.metrics["gain, reworded"].n == 2  # two tasks, of two seeds each
    assert made.metrics["success, unseen-params"].value == 0.75
    assert made.metrics["gain, unseen-apps"].value == 0.5
    assert made.baselines["alone"]["success, reworded"].value == 0.25
    assert [row[2:] for row in made.tables[1].rows] == [("2", "0")] * 4
    costs = {row[0]: row[-1] for row in made.tables[2].rows}
    assert costs["all"] == "4 of 16" and costs["alone"] == "12 of 16"


@pytest.mark.slow
def test_the_small_policy_is_measured_under_the_framework(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one split and two variants: all of them take a minute."""
    monkeypatch.setattr(policy, "SPLITS", ("unseen-params",))
    monkeypatch.setattr(policy, "VARIANTS", {k: ablation.VARIANTS[k] for k in ("all", "none")})
    monkeypatch.setattr(policy, "MAPS", {})
    made = policy.run(bench(kit, tmp_path))
    assert {m.n for m in made.metrics.values()} == {1}
    assert set(made.baselines) == {"alone", "none"}


def test_tasks_of_the_ablation_are_held_out(kit: Kit, tmp_path: Path) -> None:
    tasks = ablation.tasks_of(bench(kit, tmp_path))
    assert tasks and all(t.split == "test" for t in tasks)
    assert any(t.template in ablation.ACROSS for t in tasks)


def test_what_people_show_is_told_apart(kit: Kit, phone: Teaching) -> None:
    """One person's own way makes more steps theirs than nothing does, or another's way."""
    tasks = [t for t in phone.tasks("personal") if t.template == "personal-travel"]
    mine = next(t for t in tasks if t.data["user"] == "emil")
    users = [str(t.data["user"]) for t in tasks][:4]
    shares = {}
    for whose in ("emil", "noor"):
        task = phone.somebody_elses(mine, whose)
        shown = [(dict(s.data), a.model_dump(mode="json")) for s, a in demonstrate(phone, task)]
        learned = [[mine.goal, lines(phone.info.actions, shown)]]
        notes = person.told("both", whose, learned, mine.goal).notes
        assert notes
        row = person.measure(phone, mine, notes, users)
        assert row["apart"] > 0
        shares[whose] = person.measured([row])["where people differ"].value
    none = person.measure(phone, mine, person.told("neither", "emil", [], mine.goal).notes, users)
    assert shares["emil"] > shares["noor"]
    assert shares["emil"] >= none["same_apart"] / none["apart"]


def test_nothing_is_risked_unasked(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "EVERY", {"quick": 9})
    made: Any = asking.run(bench(kit, tmp_path))
    assert made.metrics["risked"].value == 0
    assert (
        made.metrics["right questions"].value
        > made.baselines["never asks"]["right questions"].value
    )
