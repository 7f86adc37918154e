"""Experiments at their quick size: they run, and tell what they saw."""

from __future__ import annotations

from pathlib import Path

import pytest

import agentkit
from agentkit.bench import Bench
from agentkit.capabilities import Request
from agentkit.testing.fakes import ScriptedModel
from agentkit.testing.progress import Recorder
from agentkit_prompt_mii.bench import searching
from agentkit_prompt_mii.bench.made import INDUCE_FAMILIES
from agentkit_prompt_mii.bench.real import INDUCE_REAL
from agentkit_prompt_mii.examples import checked
from agentkit_prompt_mii.follower import Follower

pytestmark = pytest.mark.slow


@pytest.mark.slow
def test_induce_families_runs(tmp_path: Path) -> None:
    with agentkit.load(environ={}) as kit:
        options = {"steps": "2", "warm": "4"}
        bench = Bench(kit, "quick", (0,), tmp_path, Recorder(), options)
        made = INDUCE_FAMILIES.run(bench)
        assert made.metrics["macro-F1, n=5"].n == 12
        assert made.baselines["oracle"]["macro-F1, n=5"].value == 1
        assert {"warm start", "naive", "majority", "nearest example", "search"} <= set(
            made.baselines
        )
        assert "10 points" in made.verdict and len(made.tables) == 3
        again = INDUCE_FAMILIES.run(bench)  # goes on from what was measured
        assert again.metrics == made.metrics


@pytest.mark.slow
def test_induce_real_runs_on_what_is_installed(tmp_path: Path) -> None:
    with agentkit.load(environ={}) as kit:
        bench = Bench(kit, "quick", (0,), tmp_path, Recorder(), {"sets": "sklearn/iris"})
        made = INDUCE_REAL.run(bench)
        assert {"naive", "majority", "ICL n=5", "ICL n=10"} <= set(made.baselines)
        assert made.metrics["macro-F1"].n == 1 and "Not installed" in made.verdict
        assert {row[2] for row in made.tables[0].rows} >= {"naive", "induced"}


def test_ape_finds_what_works_on_rows_that_it_did_not_read() -> None:
    texts = iter(["Ships are b.", "Hm.", "A ship is b."])

    def answer(request: Request) -> str:
        text = request.messages[-1].text
        if "Reply with the instruction only." in text:
            return next(texts)
        return "b" if "is b." in text and "ship" in text.rpartition("Input:")[2] else "a"

    rows = checked([(f"{'ship' if n % 2 else 'tree'} {n}", "ab"[n % 2]) for n in range(12)])
    model = ScriptedModel.of(answer)
    found = searching.ape(Follower(model, scoring="generation"), model, rows, count=2)
    assert found.text == "A ship is b." and found.calls == 2 + 2 * 6 + 1 + 6
