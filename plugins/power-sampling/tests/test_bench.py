"""The experiment, smaller than quick."""

from __future__ import annotations

from pathlib import Path

import pytest

import agentkit
from agentkit.bench import Bench
from agentkit.testing.progress import Recorder
from agentkit_power_sampling.bench.table import FLOOR, METHODS, SPREAD, measure, power_table
from agentkit_power_sampling.table import TableTokens


@pytest.mark.parametrize("method", METHODS)
def test_a_method_spends_about_its_budget(method: str) -> None:
    table = TableTokens.seeded(9, spread=SPREAD, end=False)  # answers are as long as can be
    small, large = (measure(table, method, budget, 20, 1).spent for budget in (60, 240))
    if method == "low-temp":
        assert small == large == 6
    else:
        assert 0.7 * 60 < small < 1.2 * 60 and 0.7 * 240 < large < 1.2 * 240


def test_all_methods_stand_beside_each_other(tmp_path: Path) -> None:
    progress = Recorder()
    with agentkit.load(environ={}) as kit:
        bench = Bench(kit, "quick", (9,), tmp_path, progress, {"draws": "40"})
        result = power_table(bench)
        assert power_table(bench).tables == result.tables  # read back from what was kept
    assert set(result.baselines) == {*METHODS, FLOOR} - {"mh"}
    assert set(result.metrics) == {"distance at 32 tokens", "distance at 128 tokens"}
    assert [row[0] for row in result.tables[0].rows] == [*METHODS, FLOOR]
    assert all(0 <= metric.value <= 1 for metric in result.metrics.values())
    assert progress.updates[-1][0] == 2 * len(METHODS)
