"""The part, its commands and its page, on planted and random models."""

from __future__ import annotations

import json
import re
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from agentkit.bench import Bench
from agentkit.capabilities import Report
from agentkit.cli.app import build
from agentkit.errors import Cancelled, DataError, UsageError
from agentkit.kit import Kit
from agentkit.testing.conformance import AnalyzerConformance, PackageConformance
from agentkit.testing.progress import Recorder
from agentkit.testing.tiny import tiny_model_folder
from agentkit_manifolds import corpus, words
from agentkit_manifolds.analyzer import Manifolds, report, study_of
from agentkit_manifolds.bench.planted import PlantedModel, planted, settings
from agentkit_manifolds.bench.ringing import ringing
from agentkit_manifolds.dictionary import fit, random_dictionary, tuning
from agentkit_manifolds.moments import Curves, Moments
from agentkit_manifolds.ordinals import ordinal_task
from agentkit_manifolds.page import page
from agentkit_manifolds.planted import Bytes, Planted
from agentkit_manifolds.sites import fingerprint
from agentkit_manifolds.study import STAGES, Study
from agentkit_manifolds.tokens import Placer

pytestmark = pytest.mark.slow


class TestPackage(PackageConformance):
    plugin = "manifolds"


class Only(dict[str, Any]):
    """A factory's parts: the model alone."""


@pytest.mark.slow
class TestManifolds(AnalyzerConformance):
    use = "manifolds"
    subjects = ("code",)

    def make(self) -> Manifolds:
        few = settings(True, texts=24, tokens=300, draws=4, ablated=1, places=2)
        return Manifolds(few, Only(model=PlantedModel("planted", Planted())))  # type: ignore[arg-type]

    def expect(self, report: Report) -> None:
        assert "a curve in about" in report.summary and "layer 1 head 2" in report.summary
        rows = {t.title: t.rows for t in report.tables}["Boundary heads"]
        assert rows[0][:2] == (1, 2)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    out = tmp_path_factory.mktemp("study")
    few = settings(True, texts=24, tokens=300, draws=4, ablated=1, places=2)
    return study_of(few, PlantedModel("planted", Planted()), ["prose"], out, Recorder())


@pytest.mark.slow
def test_stages_are_made_once_and_leave_the_weights_alone(study: Study) -> None:
    with study.module() as module:
        before = fingerprint(module)
        made = report(study)
        assert fingerprint(module) == before
    for name in STAGES:
        assert f"**{name}**" in made.summary
    assert "no dictionary was asked for" in made.summary
    stamps = {p.name: p.stat().st_mtime_ns for p in study.out.glob("*.json")}
    assert len(stamps) == len(STAGES) - 1
    again = Study(study.settings, study.model, study.out, Recorder())
    assert report(again).summary == made.summary
    assert {p.name: p.stat().st_mtime_ns for p in study.out.glob("*.json")} == stamps
    assert not again.progress.updates  # type: ignore[attr-defined]
    other = Study(study.settings.model_copy(update={"seed": 1}), study.model, study.out, Recorder())
    assert other.stage("data")["key"] != again.stage("data")["key"]
    (study.out / "probe.json").write_text("{")
    with pytest.raises(DataError, match="is no JSON"):
        again.stage("probe")
    with pytest.raises(UsageError, match="no stage"):
        again.stage("proof")


def test_what_cannot_be_studied_is_said(tmp_path: Path) -> None:
    model = PlantedModel("planted", Planted())
    stop = Recorder()
    stop.cancel.set()
    with pytest.raises(Cancelled):
        study_of(settings(True), model, ["prose"], tmp_path, stop).stage("data")
    with pytest.raises(UsageError, match="one kind"):
        study_of(settings(True), model, ["prose", "mail"], tmp_path, Recorder())
    (tmp_path / "empty.txt").write_text(" \n")
    for path, match in (("empty.txt", "there is no text"), ("absent.txt", "cannot be read")):
        with pytest.raises(DataError, match=match):
            study_of(settings(True), model, [str(tmp_path / path)], tmp_path, Recorder()).stage(
                "data"
            )
    with torch.no_grad():
        broken = Planted()
        broken.embed.weight[ord("e")] = float("nan")
    with pytest.raises(DataError, match="at embed: hidden states hold numbers that are not finite"):
        study_of(settings(True), PlantedModel("x", broken), ["prose"], tmp_path, Recorder()).stage(
            "probe"
        )


def test_kinds_of_text_are_on_this_machine() -> None:
    for kind in ("prose", "code"):
        found = corpus.texts(kind, count=40, characters=800)
        assert len(found) == 40 and len({t.group for t in found}) > 10
        assert max(len(w) for t in found for w in t.text.split()) <= corpus.LONGEST
        assert len({t.text for t in found}) == 40


def test_a_page_runs_no_text_and_needs_nothing_else() -> None:
    bad = "</script><img src=x onerror=alert(1)>"
    effect = {"string": bad, "change": -1.0, "low": -2.0, "high": -0.5, "mass": 0.1, "attention": 0}
    at = {**effect, "string": "@@"}
    made = page({"illusion": {"effects": [effect, at], "lines": 2, "base": [0.5], "rank": 2}})
    assert "<img" not in made and made.count("</script>") == 2
    code = re.sub(r'(?s)id="data">.*?</script>', "", made)
    assert not re.search(r"(?:src|href)=|https?://(?!www\.w3\.org/2000/svg)|@import|url\(", code)
    data = re.search(r'id="data">(.*?)</script>', made, re.S)
    assert data and bad in json.loads(data[1])["stages"]["illusion"]["effects"][0]["string"]
    assert "innerHTML" not in made


def test_verdicts_say_what_failed() -> None:
    row = {"dimensions": 6, "variance": 1.0, "newline": 0.1, "other": 0.1, "name": "count"}
    patch = {
        "ablation": {"count": row, "controls": [row], "same": [], "newlines": 9, "others": 90,
                     "selective": 1.0, "beyond": 1.0, "found": False},
        "site": "post.3", "places": 2, "sweeps": [{"name": "whole mean", "slopes": [0.0, 0.1]}],
    }  # fmt: skip
    told = words.summary({"patch": patch, "decision": {"fault": "too few"}})
    assert "**patch**: failed" in told and "**decision**: too few" in told


def test_a_dictionary_finds_places_where_there_are_some() -> None:
    rng = np.random.default_rng(0)
    bins = rng.integers(0, 24, 4000)
    frame = rng.normal(size=(8, 32))
    bumps = np.maximum(0, 1 - np.abs(bins[:, None] - np.arange(1, 24, 3)) / 2)
    states = torch.tensor(bumps @ frame + 0.05 * rng.normal(size=(4000, 32)), dtype=torch.float32)
    made = fit(states[:3000], 16, 3, Recorder(), steps=300, rate=1e-2)
    learned = tuning(made, states[3000:], bins[3000:], 24)
    chance = tuning(random_dictionary(states, 16, 3, 1), states[3000:], bins[3000:], 24)
    assert learned.explained > 0.8 > chance.explained and learned.curve > chance.curve
    assert len(learned.peaks) >= 4 and max(learned.widths) <= 8
    with pytest.raises(DataError, match="10 states for 16"):
        fit(states[:10], 16, 3, Recorder())


@pytest.mark.slow
def test_memory_does_not_grow_with_tokens() -> None:
    """The sums of thirty layers of SmolLM2's width, and of a hundred thousand tokens."""
    rng = np.random.default_rng(0)
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    every = [Moments(576, ("a", "b", "y"), 4) for _ in range(30)]
    curves = [[Curves(576, tuple(range(20)), 16, 3) for _ in range(6)] for _ in range(30)]
    block, extras = rng.normal(size=(50, 576)), rng.normal(size=(50, 3))
    which = rng.integers(0, 20, 50)
    one, own = every[0], curves[0][0]
    for n in range(100):  # the other layers hold the same arrays, whatever is added
        one.add(n % 4, block, extras)
        own.add(n % 16, which, block, extras)
    for moments, several in zip(every[1:], curves[1:]):
        moments.gram += 1
        for curve in several:
            curve.sums += 1
    used = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) / 2**20
    assert used < 2.0, f"{used:.2f} GiB"


@pytest.mark.slow
def test_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny_model_folder(tmp_path / "tiny")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "agentkit.toml").write_text(
        f'[models.tiny]\nuse = "transformers"\nmodel = "{folder}"\n'
    )
    runner = CliRunner()
    given = ["--set", "model=tiny", "--set", "texts=12", "--set", "tokens=120",
             "--set", "widths=[30, 40]", "--out", "study"]  # fmt: skip
    done = runner.invoke(build(), ["lines", "data", *given, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["texts"] == 12
    done = runner.invoke(build(), ["lines", "data", "--set", "texts"])
    assert isinstance(done.exception, UsageError)
    done = runner.invoke(build(), ["lines", "ordinal", "days", "--set", "model=tiny", "--json"])
    assert done.exit_code == 0, done.output
    assert {row["site"] for row in json.loads(done.stdout)} >= {"embed", "post.0"}


def test_places_in_lists_and_days_are_labelled() -> None:
    placer = Placer(Bytes())
    days = ordinal_task("days", placer, forms=4)
    assert len(days.examples) == 28 and len(days.groups) == 4
    assert [e.values["value"][e.mask].tolist() for e in days.examples[:3]] == [[0], [1], [2]]
    lists = ordinal_task("list", placer, forms=2)
    for example in lists.examples:
        count = int(example.mask.sum())
        assert example.values["value"][example.mask].tolist() == list(range(count))
        assert bytes(example.ids[example.mask].tolist()) == b"-" * count


@pytest.mark.slow
def test_theory_and_known_answers(kit: Callable[..., Kit], tmp_path: Path) -> None:
    for experiment, key, least in (
        (ringing, "lowest cosine, triangle of 12 in 5 components", -0.23),
        (planted, "answers that are right", 0.8),
    ):
        bench = Bench(kit(), "quick", (0,), tmp_path / experiment.__name__, Recorder())
        bench.out.mkdir()
        result = experiment(bench)
        assert result.verdict and result.tables[0].rows and result.metrics[key].value > least
