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
from agentkit_lookahead.bench.noise import ROUTE_NOISE
from agentkit_lookahead.bench.released import ARMS, CANDIDATES, ROUTE_RELEASED, _result
from agentkit_lookahead.bench.routellm import ROUTE_ROUTELLM
from agentkit_lookahead.bench.speed import ROUTE_SPEED
from agentkit_lookahead.noise import NOISES
from agentkit_lookahead.synthetic import pool

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


def fabricated(gain: tuple[float, float, float]) -> Result:
    """The report on three seeds at two sizes, in which answers add so much to mu."""
    rows = pool(20, names=CANDIDATES[:3])
    train, test = rows.take(range(10)), rows.take(range(10, 20))
    runs = []
    for seed, gained in enumerate(gain):
        for size in (100, 1000):
            for name in ("mlm, curriculum", "mlm, queries only", "task_lookup"):
                more = gained if name == "mlm, curriculum" else 0.0
                mu = 20.0 + size / 100 + more
                runs.append(
                    {"name": name, "seed": seed, "size": size, "mu": mu, "within": 1.0}
                    | {"sets": {s: [0.5, mu, 1.0] for s in {*test.sets}}, "specialist": 0.9}
                    | {"calibration": 0.1, "information": 0.2 + more / 100}
                )
    arms = {name: ARMS[name] for name in ("mlm, curriculum", "mlm, queries only")}
    return _result(runs, (100, 1000), arms, test, train)


def test_nothing_is_claimed_where_the_interval_holds_0() -> None:
    pair = "mlm, curriculum over mlm, queries only"
    unsure, sure = fabricated((-3.0, 2.0, 4.0)), fabricated((3.0, 2.0, 4.0))
    assert "leaves out 0: none" in unsure.verdict
    assert f"{pair} at 1000 rows: +3.0" in sure.verdict
    assert sure.metrics[f"mu, {pair}"].value == pytest.approx(3)
    assert sure.metrics[f"R2 of answers, {pair}"].value == pytest.approx(0.03)
    fewer = sure.metrics["times fewer rows, mlm, curriculum than mlm, queries only"]
    assert fewer.low is not None and 1 < fewer.low < fewer.value


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


def test_noise(kit: Kit, scores: Path, tmp_path: Path) -> None:
    result = run(kit, ROUTE_NOISE, tmp_path / "out", scores=scores, count=6, steps=3)
    names = {row[0] for row in result.tables[0].rows}
    assert names == {"shipped", "knn-100", "tfidf_lr", "tiny mlm", "tiny clm"}
    assert {*result.metrics} == {*NOISES} and result.metrics["blanks"].value == 1
    assert "Missed by" in result.verdict


def test_routellm(kit: Kit, scores: Path, tmp_path: Path) -> None:
    result = run(kit, ROUTE_ROUTELLM, tmp_path / "out", scores=scores, steps=5)
    assert "lookahead" in {row[0] for row in result.tables[0].rows}
