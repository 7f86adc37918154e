"""An experiment runs, writes what it saw, and goes on after an interruption."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentkit.bench import (
    Bench,
    Experiment,
    Figure,
    Metric,
    Needs,
    Result,
    interval,
    pages,
    proportion,
    runner,
)
from agentkit.capabilities import Cancel, Table
from agentkit.cli.bench import _command
from agentkit.errors import Cancelled, DataError, UsageError
from agentkit.kit import Kit, load

pytestmark = pytest.mark.slow


class Quiet:
    def __init__(self) -> None:
        self.cancel = Cancel()

    def update(self, step: int, total: int, metrics: Any = None) -> None: ...

    def examples(self, step: int, ids: Any) -> None: ...


MEASURED: list[str] = []


def squares(bench: Bench) -> Result:
    seen = []
    for seed in bench.seeds:

        def measure(seed: int = seed) -> float:
            MEASURED.append(f"unit {seed}")
            return seed**2

        seen.append(bench.once(f"unit {seed}", measure))
        if bench.options.get("stop") == str(seed):
            bench.progress.cancel.set()
    return Result(
        {"square": interval([float(s) for s in seen], "m")},
        "A verdict\n  over two lines.",
        baselines={"nobody": {"square": Metric(0.0), "only theirs": Metric(1.5)}},
        tables=[Table("All | of them", ("seed",), tuple((s,) for s in bench.seeds))],
        figures=[Figure("squares", lambda axes: axes.plot(seen))],
    )


def test_options_that_an_experiment_declares_are_all_it_takes(tmp_path: Path) -> None:
    asked = Experiment("asked", "?", squares, needs={"normal": Needs()}, options={"avg": "tries"})
    with load(environ={}) as kit:
        made = runner.prepare(asked, kit, "normal", Quiet(), options={"avg": "3"})
        assert made.options == {"avg": "3"}
        with pytest.raises(UsageError, match=r"'agv'; did you mean 'avg'"):
            runner.prepare(asked, kit, "normal", Quiet(), options={"agv": "3"})


SQUARES = Experiment("squares", "How square?", squares, seeds=(1, 2, 3), needs={"normal": Needs()})


@pytest.fixture
def kit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kit:
    monkeypatch.setenv("AGENTKIT_CACHE", str(tmp_path / "cache"))
    MEASURED.clear()
    return load()


def test_results_are_written_whole_and_listed(kit: Kit, tmp_path: Path) -> None:
    bench = runner.prepare(SQUARES, kit, "normal", Quiet())
    result = runner.run(SQUARES, bench, "agentkit bench squares")
    written = runner.write(result, bench, tmp_path / "results")
    assert [p.name for p in written] == ["squares.json", "squares.md", "squares.png", "index.md"]
    kept = json.loads(written[0].read_text())
    assert kept["metrics"]["square"] == {
        "value": 4.0, "low": 1.0, "high": 9.0, "n": 3, "unit": "m",
    }  # fmt: skip
    assert {"machine", "commit", "command", "seeds", "verdict", "baselines"} <= set(kept)
    page = written[1].read_text()
    assert page == pages.page(kept)
    assert "A verdict over two lines." in page and "| only theirs |  | 1.50 |" in page
    assert written[2].read_bytes().startswith(b"\x89PNG")
    assert "[squares](squares.md)" in written[3].read_text()
    assert not bench.out.exists()


def test_an_interrupted_experiment_goes_on_where_it_stopped(kit: Kit) -> None:
    progress = Quiet()
    bench = runner.prepare(SQUARES, kit, "normal", progress, options={"stop": "2"})
    with pytest.raises(Cancelled):
        runner.run(SQUARES, bench, "")
    again = runner.prepare(SQUARES, kit, "normal", Quiet())
    assert runner.run(SQUARES, again, "")["metrics"]["square"]["value"] == 4.0
    assert MEASURED == ["unit 1", "unit 2", "unit 3"]


def test_what_was_only_shown_is_measured_anew(kit: Kit) -> None:
    for _ in range(2):
        MEASURED.clear()
        bench = runner.prepare(SQUARES, kit, "normal", Quiet())
        assert runner.write(runner.run(SQUARES, bench, ""), bench, None) == []
        assert len(MEASURED) == 3


def test_a_scale_that_is_not_offered_is_refused(kit: Kit) -> None:
    with pytest.raises(UsageError, match="'full'") as caught:
        runner.prepare(SQUARES, kit, "full", Quiet())
    assert "normal" in caught.value.hint


def test_a_broken_result_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_text("{}")
    with pytest.raises(DataError, match=r"odd\.json"):
        pages.index(tmp_path)


def test_every_registered_experiment_can_be_loaded_and_describes_itself(kit: Kit) -> None:
    for entry in kit.host.registry.all("experiment"):
        experiment = entry.load()
        assert experiment.name == entry.name
        assert experiment.question.endswith("?") and experiment.needs
        assert "full" not in experiment.needs or experiment.dry_run, "full needs a dry run"


@pytest.mark.parametrize(
    ("value", "text"),
    [(4.0, "4"), (0.1234, "0.123"), (12.345, "12.3"), (1234.5, "1,234"), (2e-7, "2e-07")],
)
def test_numbers_show_three_digits(value: float, text: str) -> None:
    assert pages.number(value) == text


def test_a_proportion_has_the_wilson_interval() -> None:
    made = proportion(9, 10)
    assert made.value == 0.9 and made.low is not None and made.high is not None
    assert made.low == pytest.approx(0.5958, abs=1e-4)
    assert made.high == pytest.approx(0.9821, abs=1e-4)


def test_a_published_command_does_not_say_where_files_lie(tmp_path: Path) -> None:
    told = _command(SQUARES, "normal", (0, 1), [f"scores={tmp_path / 'mine.gz'}", "a=b/c", "n=3"])
    expected = "--set scores=mine.gz --set a=b/c --set n=3"
    assert told == f"agentkit bench {SQUARES.name} --seeds 0,1 {expected}"
