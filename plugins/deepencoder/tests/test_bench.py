"""The experiments at their quick scale, and the measures they go by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

import agentkit
from agentkit.bench import Bench, Result
from agentkit.errors import UsageError
from agentkit.testing.progress import Recorder
from agentkit_deepencoder.bench.cost import COST, cost
from agentkit_deepencoder.bench.curve import curve
from agentkit_deepencoder.bench.memory import Peak
from agentkit_deepencoder.bench.mix import mixes
from agentkit_deepencoder.bench.parity import PARITY, parity
from agentkit_deepencoder.bench.setting import Other, dry_run, encoder, pixels
from agentkit_deepencoder.command import app
from agentkit_deepencoder.config import TINY
from agentkit_deepencoder.measures import (
    character_errors,
    distance,
    edits,
    overlap,
    precision,
    spearman,
)
from agentkit_deepencoder.nano.pages import Look, draw

pytestmark = pytest.mark.slow


def run(experiment: Callable[[Bench], Result], out: Path, **options: str) -> Result:
    made = []
    for _ in range(2):  # the second time it is read back from what was kept
        with agentkit.load(environ={}) as kit:
            made.append(experiment(Bench(kit, "quick", (0,), out, Recorder(), options)))
    result, again = made
    assert [t.rows for t in again.tables] == [t.rows for t in result.tables]
    assert result.verdict and result.tables[0].rows
    return result


def test_measures_have_their_known_values() -> None:
    assert edits("kitten", "sitting") == 3 and edits("", "abc") == 3 and edits("abc", "") == 3
    assert edits("flaw", "lawn") == 2 and edits([1, 2, 3], [1, 3]) == 1
    assert distance("", "") == 0 and distance("", "abc") == 1 and precision("abc", "abc") == 1
    assert character_errors("abcd", "ab") == 1 and character_errors("", "") == 0
    assert character_errors("x", "") == 1
    assert overlap((0, 0, 2, 2), (1, 1, 3, 3)) == pytest.approx(1 / 7)
    assert overlap((0, 0, 1, 1), (2, 2, 3, 3)) == 0
    assert spearman([1, 2, 3], [9, 5, 1]) == pytest.approx(-1)
    assert spearman([1, 2, 3, 4], [1, 1, 2, 2]) == pytest.approx(0.894, abs=1e-3)
    assert spearman([1, 2], [3, 3]) == 0


def test_memory_is_what_is_alive_at_once() -> None:
    x = torch.zeros(1000)
    with Peak() as peak:
        for _ in range(5):
            y = x + 1  # one of them at a time, and one while the next is made
    assert 4000 <= peak.peak <= 8000 and y.sum() == 1000
    with Peak() as peak:
        kept = [x + n for n in range(5)]
    assert peak.peak == 20000 and len(kept) == 5


def test_parity(tmp_path: Path) -> None:
    result = run(parity, tmp_path)
    assert result.metrics["relative difference, worst"].value < 1e-5
    assert [row[1] for row in result.tables[0].rows] == ["tiny", "small"]
    assert all(row[-1] > 0.05 for row in result.tables[0].rows), "there is nothing to compare"


def test_parity_would_notice() -> None:
    ours = encoder(TINY, 0)
    other = Other(ours, TINY)
    table = ours.sam_model.blocks[1].attn.rel_pos_w.clone()
    table[:20] += 0.3  # the same everywhere would be lost in the softmax
    ours.sam_model.blocks[1].attn.rel_pos_w = torch.nn.Parameter(table, requires_grad=False)
    view = pixels(128, 0)
    theirs = other(view)
    assert (ours(view).flatten(1, 2) - theirs).norm() / theirs.norm() > 1e-4


@pytest.mark.slow
def test_cost(tmp_path: Path) -> None:
    result = run(cost, tmp_path, repeats="1")
    name = "activations kept for gradients at the largest size, global over ours"
    assert result.metrics[name].value > 1
    assert len(result.tables[0].rows) == 6
    with pytest.raises(UsageError, match="no mode 'huge'"):
        run(cost, tmp_path, sides="huge")


@pytest.mark.slow
def test_the_published_model_is_checked_without_weights(tmp_path: Path) -> None:
    with agentkit.load(environ={}) as kit:
        told = dry_run(Bench(kit, "full", (0,), tmp_path, Recorder(), {}))
    assert told[0] == "2,710 published tensors, 3,336,106,240 numbers"
    assert PARITY.dry_run is COST.dry_run is dry_run


@pytest.mark.slow
def test_the_curve(tmp_path: Path) -> None:
    result = run(curve, tmp_path, pages="2")
    rows = result.tables[0].rows
    assert {row[0] for row in rows} == {"text", "letters", "unseen font"}
    assert all(0 <= row[8] <= 1 for row in rows) and len({row[6] for row in rows}) > 3
    assert "blank picture" in result.baselines


@pytest.mark.slow
def test_mixes(tmp_path: Path) -> None:
    result = run(mixes, tmp_path, steps="2", pages="1")
    assert result.tables[0].rows[0][0] == "70 / 20 / 10"
    assert len(result.baselines) == 3


class TestCommand:
    def test_a_plan_needs_no_model(self, tmp_path: Path) -> None:
        path = tmp_path / "page.png"
        draw("harbours " * 60, 1240, 1754, Look(size=32.0)).picture.save(path)
        told = CliRunner().invoke(app, ["plan", str(path), "--mode", "gundam"])
        assert told.exit_code == 0 and '"positions": 903' in told.output
        auto = CliRunner().invoke(app, ["plan", str(path)])
        assert '"mode": "tiny"' in auto.output and "text tokens" in auto.output
        absent = CliRunner().invoke(app, ["plan", str(tmp_path / "absent.png")])
        assert isinstance(absent.exception, UsageError)
