"""The experiments, smaller than quick, on rows that are made here."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import agentkit
from agentkit.bench import Bench, Experiment, Result
from agentkit.errors import UsageError
from agentkit.kit import Kit
from agentkit.testing.progress import Recorder
from agentkit_lookahead.bench.local import ROUTE_LOCAL
from agentkit_lookahead.bench.released import CANDIDATES, ROUTE_RELEASED
from agentkit_lookahead.bench.routellm import ROUTE_ROUTELLM
from agentkit_lookahead.bench.speed import ROUTE_SPEED

pytestmark = pytest.mark.slow


@pytest.fixture
def kit() -> Iterator[Kit]:
    with agentkit.load(environ={}) as made:
        yield made


def run(kit: Kit, experiment: Experiment, out: Path, **options: Any) -> Result:
    given = {key: str(value) for key, value in options.items()}
    assert set(given) <= set(experiment.options)
    bench = Bench(kit, "quick", experiment.seeds[:1], out, Recorder(), given)
    result = experiment.run(bench)
    again = experiment.run(bench)  # read back from what was kept
    assert result.verdict and result.tables[0].rows
    if experiment is not ROUTE_SPEED:
        assert again.metrics.keys() == result.metrics.keys()
    return result


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    """Rows as the released ones are, of two sets that different candidates are good at."""
    rng, rows = random.Random(0), []
    for number in range(120):
        code = number % 3 == 0
        text = f"def f{number}(x): complete it" if code else f"How many are {number} and 3?"
        good = 4 if code else 1
        values = [float(rng.random() < (0.9 if n == good else 0.4)) for n in range(5)]
        said = ["return x" if v else "sorry, no" for v in values]
        rows.append(
            {"id": f"{number}", "set": "HumanEval" if code else "GSM8k", "prompt": text}
            | {"scores": values, "resp": said}
        )
    path = tmp_path / "scores.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(r) + "\n" for r in rows).encode()))
    return path


def test_released(kit: Kit, scores: Path, tmp_path: Path) -> None:
    result = run(kit, ROUTE_RELEASED, tmp_path / "out", scores=scores, sizes="60", steps=5)
    names = {row[0] for row in result.tables[0].rows}
    assert {"task_lookup", "oracle", "random", "best fixed", "answers shown"} <= names
    assert result.baselines["oracle"]["mu"].value == pytest.approx(100)
    assert result.baselines["random"]["mu"].value == pytest.approx(0, abs=1e-6)
    assert f"{CANDIDATES[4]} on code, mlm, curriculum" in result.metrics
    with pytest.raises(UsageError, match="not part of the project"):
        ROUTE_RELEASED.run(Bench(kit, "quick", (0,), tmp_path, Recorder()))


def test_local(kit: Kit, tmp_path: Path) -> None:
    result = run(
        kit, ROUTE_LOCAL, tmp_path / "out", pool="calculator,notes-passages", count=12, steps=10
    )
    assert result.metrics["points between best and worst, widest set"].value >= 10
    pool = {row[0]: row[1:] for row in result.tables[0].rows}
    groups = result.tables[0].columns[1:]
    assert pool["calculator"][groups.index("sums")] == "100%"


def test_speed(kit: Kit, tmp_path: Path) -> None:
    result = run(kit, ROUTE_SPEED, tmp_path / "out", repeats=2)
    assert result.metrics["p50, tiny mlm, 512 words"].value > 0


def test_routellm(kit: Kit, scores: Path, tmp_path: Path) -> None:
    result = run(kit, ROUTE_ROUTELLM, tmp_path / "out", scores=scores, steps=5)
    assert "lookahead" in {row[0] for row in result.tables[0].rows}
