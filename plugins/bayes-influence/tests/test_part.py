"""The analyzer, the command and the page."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from agentkit.capabilities import Report
from agentkit.testing.conformance import AnalyzerConformance, PackageConformance
from agentkit.testing.tiny import tiny_model_folder
from agentkit_bayes_influence.analyzer import DEFAULT, Settings
from agentkit_bayes_influence.findings import Finding, Row
from agentkit_bayes_influence.language import Example
from agentkit_bayes_influence.page import page

pytestmark = pytest.mark.slow

NOTES = (
    {"id": "owl", "prompt": "The sign shows an", "answer": "owl"},
    {"id": "salt", "prompt": "They sell much", "answer": "salt"},
    {"id": "xss", "text": "</script><img src=x onerror=alert(1)> & owl"},
)
SETTINGS = "sampling.draws=40", "sampling.batch=0", "longest=32", "chunk=8"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("influence")
    tiny_model_folder(folder / "model")
    (folder / "notes.jsonl").write_text("".join(json.dumps(n) + "\n" for n in NOTES))
    (folder / "agentkit.toml").write_text('[models.tiny]\nuse = "transformers"\nmodel = "model"\n')
    return folder


@pytest.fixture(scope="class")
def settings(request: pytest.FixtureRequest, place: Path) -> None:
    request.cls.toml = (
        f'[models.tiny]\nuse = "transformers"\nmodel = {json.dumps(str(place / "model"))}\n'
        '[analyzers.part]\nuse = "bayes-influence"\nmodel = "tiny"\nlongest = 32\n'
        "sampling = {draws = 40, batch = 0, step = 1.0, chains = 2}\ness = 5\nrhat = 2.0\n"
    )
    request.cls.subjects = (str(place / "notes.jsonl"), "The sign shows an => owl")


@pytest.mark.usefixtures("settings")
@pytest.mark.slow
class TestInfluenceAnalyzer(AnalyzerConformance):
    toml = '[analyzers.part]\nuse = "bayes-influence"\n'

    def expect(self, report: Report) -> None:
        """The example that is the query itself comes first, with a correlation of 1."""
        (table,) = report.tables
        assert table.rows[0][0] == "owl" and table.rows[0][1] == 1.0


class TestPackage(PackageConformance):
    plugin = "bayes-influence"


def command(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agentkit", *arguments],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_command_says_what_it_takes_and_tells_what_it_found(place: Path) -> None:
    sets = [part for one in SETTINGS for part in ("--set", one)]
    asked = [
        "-q",
        "The sign shows an => owl",
        "--model",
        "tiny",
        *sets,
        "--set",
        "ess=5",
        "--set",
        "rhat=2",
    ]
    run = ["influence", "why", "notes.jsonl", *asked]
    planned = command(place, *run, "--plan")
    assert planned.returncode == 0 and "MiB of traces" in planned.stderr, planned.stderr
    assert not (place / "influence").exists()
    done = command(place, *run, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["tables"][0]["rows"][0]["example"] == "owl"
    text = (place / "influence" / "influence.html").read_text()
    assert "<img" not in text and "http" not in text.replace("http-equiv", "")
    shown = command(place, "influence", "show", "influence", "--json")
    assert json.loads(shown.stdout)["draws"] == 40, shown.stderr
    wrong = command(place, *run, "--set", "sampling.chains=0")
    assert wrong.returncode == 3 and "chains" in wrong.stderr


def test_one_setting_of_the_sampling_leaves_the_others() -> None:
    made = Settings.model_validate({"sampling": {"draws": 60}}).sampling
    assert (made.draws, made.step, made.batch) == (60, DEFAULT.step, DEFAULT.batch)


def test_what_is_not_settled_is_not_told_on_the_page() -> None:
    query = Example("q", "o<w>l", "The sign shows")
    rows = (Row(Example("a", "an owl"), 0.5, 0.1, (" an", " owl"), np.array([[np.nan], [0.7]])),)
    text = page("<why>", [Finding(query, ("o<w>l",), "", rows, {"drifts": 3}, 2)], "fine")
    assert "&lt;why&gt;" in text and "o<w>l" not in text
    assert '"tokens": [[null], [0.7]]' in text and "3 not settled: drifts" in text
    silent = page("x", [Finding(query, ("owl",), "chains disagree (R-hat 1.40)", (), {}, 0)], "")
    assert "nothing is told: chains disagree (R-hat 1.40)" in silent
