"""The experiment: what it serves, what it asks, and how it counts."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest

from agentkit.errors import DataError
from agentkit_web import experiment
from agentkit_web.experiment import Read

pytestmark = pytest.mark.slow


def test_every_answer_stands_in_the_pages_of_sqlite() -> None:
    folder, start, asked = experiment.site("sqlite")
    assert (folder / start).is_file() and len(asked) > 20
    assert all((folder / page).is_file() for one in asked for page in one.pages)


def test_pages_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTKIT_CACHE", str(tmp_path))
    with pytest.raises(DataError, match="the pages of git are not at"):
        experiment.site("git")


def test_a_folder_is_served_while_it_is_needed(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>Here.</p>")
    with experiment.served(tmp_path) as base:
        assert urllib.request.urlopen(f"{base}/page.html").read() == b"<p>Here.</p>"
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{base}/page.html", timeout=5)


def test_what_the_browser_loses_is_seen() -> None:
    lost = Read("docs", 30, 2, 60.0, (("a?", False, True), ("b?", True, True)), 5)
    found = experiment.result([lost])
    assert found.metrics["pages a minute (docs)"].value == 30
    assert found.metrics["pages not read (docs)"].value == 2
    assert found.metrics["links to pages that the corpus leaves out (docs)"].value == 5
    key = "answer among the quotes (docs)"
    assert found.metrics[key].value == 0.5
    assert found.baselines["the same pages as files"][key].value == 1.0


@pytest.mark.slow
def test_a_site_is_read_and_researched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTKIT_CACHE", str(tmp_path / "cache"))
    found = experiment.read("sqlite", 3, 1, tmp_path)
    assert found.pages == 3 and found.faults == 0 and found.gone == 0
    assert not list((tmp_path / "cache" / "web").glob("*"))
