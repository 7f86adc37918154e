"""The experiment at its smallest, and that its tables can be counted again without a model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentkit.bench import Bench, Result
from agentkit.errors import RunInterrupted, UsageError
from agentkit.kit import load
from agentkit.testing.progress import Recorder
from agentkit_stepwise_rl.bench import experiment, sizes, stages
from agentkit_stepwise_rl.bench.result import GOALS, ONLINE, STEPWISE, Seen, result
from agentkit_stepwise_rl.bench.sizes import SPLITS, Sizes, sizes_of

pytestmark = pytest.mark.slow

TINY = Sizes(
    tasks=1, framed=1, rollouts=3, budget=160, samples=4, goals=1, looks=1, held=1, rounds=1,
    queries=2, repeats=1, sft=2, episodes=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Result]]:
    """Stopped after its second unit, gone on with, and done; with one of the ablations."""
    with pytest.MonkeyPatch.context() as patch, load(environ={}) as kit:
        patch.setattr(sizes, "SCALES", {"quick": TINY})
        patch.setattr(experiment, "ABLATIONS", stages.ABLATIONS[:1])
        out = tmp_path_factory.mktemp("bench")
        with pytest.raises(RunInterrupted):
            experiment.run(Bench(kit, "quick", (0,), out, Recorder(stop_at=2)))
        kept = {one.name for one in out.glob("*.json")}
        made = experiment.run(Bench(kit, "quick", (0,), out, Recorder()))
        assert kept < {one.name for one in out.glob("*.json")}
        times = {one: one.stat().st_mtime_ns for one in out.rglob("*.safetensors")}
        again = experiment.run(Bench(kit, "quick", (0,), out, Recorder()))
        assert again.metrics == made.metrics and again.tables == made.tables
        assert times == {one: one.stat().st_mtime_ns for one in out.rglob("*.safetensors")}
        yield out, made


@pytest.mark.slow
def test_every_stage_is_measured_on_every_split_within_the_budget(
    small: tuple[Path, Result],
) -> None:
    out, made = small
    for stage in ("start", STEPWISE, ONLINE, "+ round 1"):
        for split in SPLITS:
            share = made.metrics.get(f"success, {stage}, {split}")
            assert stage == "+ round 1" or share is not None
            assert share is None or (share.n == 1 and share.low is not None)
    tables = {one.title.partition(",")[0]: one for one in made.tables}
    spent = {row[0]: row for row in tables["What a training takes"].rows}
    # Each ends with the step that the budget is reached in.
    steps = json.loads((out / "seed-0/step-wise/checkpoint/state.json").read_text())["step"]
    assert steps >= 1 and int(spent[STEPWISE][1]) > int(spent[STEPWISE][2]) > 0
    assert 160 <= int(spent[ONLINE][1]) == int(spent[ONLINE][2])
    for figure in made.figures:
        from matplotlib.figure import Figure

        figure.draw(Figure().add_subplot())
    assert 0 <= made.metrics[f"useless groups, {ONLINE}"].value <= 1
    assert "cannot be compared" in made.verdict


def test_sizes_are_whole_numbers(tmp_path: Path) -> None:
    with load(environ={}) as kit:
        bench = Bench(kit, "quick", (0,), tmp_path, Recorder(), {"tasks": "7"})
        assert sizes_of(bench).tasks == 7
        for text in ("0", "-1", "x"):
            with pytest.raises(UsageError, match="budget"):
                sizes_of(Bench(kit, "quick", (0,), tmp_path, Recorder(), {"budget": text}))


def look(step: int, success: float, **others: float) -> dict[str, Any]:
    return {"step": step, "held_out_success": success, **others}


def test_tables_are_counted_over_seeds() -> None:
    seen = Seen(TINY, (0, 1))
    worth = [{"name": "completion", "n": 4, "passed": 3, "right": 2, "of": 2},
             {"name": "all", "n": 4, "passed": 2, "right": 2, "of": 2}]  # fmt: skip
    for seed in (0, 1):
        seen.rolled[seed] = {"replies": 10, "seconds": 2.0}
        for stage, won in (("start", 1), (STEPWISE, 3), (ONLINE, 2)):
            for split in SPLITS:
                seen.measured(stage, split, seed, {"won": won + seed, "played": 5})
        steps = {"replies": 100, "acted": 10, "learned": 50, "frac_zero_std": 0.25 + seed / 2}
        looks = [look(0, 0.5), look(4, 0.4 + seed / 2, reward=1.0, frac_zero_std=0.5)]
        seen.add(STEPWISE, seed, {**steps, "looks": looks, "seconds": 4.0, "resumed": bool(seed)})
        rows = [{"iteration": 0, "success": 0.5}, {"iteration": 1, "success": 0.7, "rollouts": 4}]
        seen.add("+ rounds", seed, {**steps, "rows": rows, "seconds": 1.0, "resumed": False,
                                    "worth": [{"sight": worth, "state": worth}]})  # fmt: skip
        seen.add(ONLINE, seed, {**steps, "looks": looks,
                                "seconds": {"draw": 1.0, "act": 2.0, "learn": 5.0}})  # fmt: skip
    made = result(seen, 1000)
    share = made.metrics[f"success, {STEPWISE}, unseen-params"]
    assert (share.value, share.n) == (0.7, 10)
    assert made.metrics[f"useless groups, {STEPWISE}"].value == pytest.approx(0.5)
    assert made.metrics["samples learned a CPU-second"].value == 10
    tables = {one.title.partition(",")[0]: one for one in made.tables}
    by_seed = tables["Tasks done of all four splits"].rows
    assert by_seed[0] == ("start", "4 of 20", "8 of 20")
    spent = {row[0]: row[-1] for row in tables["What a training takes"].rows}
    assert spent[STEPWISE] == "6", "the resumed seed's clock does not count, its rollouts' does"
    filters = [row[1:] for row in made.tables[4].rows]
    assert filters[0] == (1, "completion", "6 of 8", "0.67", "1.00")
    assert [row[1] for row in filters[2:]] == ["completion (by the state)", "all (by the state)"]
    assert "seed 0: step-wise step 0 of 4" in made.verdict
    assert "seed 1: step-wise step 4 of 4" in made.verdict
    assert all(f"goal {goal:.0%}" in made.verdict for goal in GOALS.values())
