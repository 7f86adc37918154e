"""Many pages: in processes, kept, resumed, and one bad one alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from drawing import heading, page_pdf, png, prose, words, written
from pypdf import PdfReader, PdfWriter

import agentkit
from agentkit.cli.app import build
from agentkit.errors import AgentkitError, Cancelled
from agentkit.testing.progress import Recorder
from agentkit_ocr.files import PASSWORD, outline
from agentkit_ocr.work import Task, Work, forget, read

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def recipe() -> Iterator[dict[str, Any]]:
    with agentkit.load(environ={}) as kit:
        yield kit.recipe("perception", "rapidocr")


def pages_pdf(path: Path, count: int) -> Path:
    """Pages with text of their own."""
    writer = PdfWriter()
    for number in range(count):
        page = page_pdf([heading(f"Chapter {number + 1}", 1), prose(number)])
        writer.add_page(PdfReader(BytesIO(page)).pages[0])
    out = BytesIO()
    writer.write(out)
    return written(path, out.getvalue())


def cli(*arguments: object) -> Result:
    return CliRunner().invoke(build(), ["ocr", *map(str, arguments)])


def test_an_interruption_costs_no_page(tmp_path: Path, recipe: dict[str, Any]) -> None:
    task = Task(outline(pages_pdf(tmp_path / "a.pdf", 5)), range(1, 6))
    work = Work(recipe, jobs=1, dpi=72)
    with pytest.raises(Cancelled):
        read([task], work, Recorder(stop_at=2))
    kept = {path.name: path.stat().st_mtime_ns for path in task.folder.iterdir()}
    assert 2 <= len(kept) < 5
    (document,) = read([task], work, again := Recorder())
    assert [page.items[0].text for page in document.pages] == [f"Chapter {n}" for n in range(1, 6)]
    assert again.updates[0][0] == len(kept), "it goes on from what is kept"
    now = {path.name: path.stat().st_mtime_ns for path in task.folder.iterdir()}
    assert all(now[name] == at for name, at in kept.items()), "which is not read again"
    forget([task])
    assert not task.folder.exists()


def test_other_settings_read_all_anew(tmp_path: Path, recipe: dict[str, Any]) -> None:
    task = Task(outline(pages_pdf(tmp_path / "a.pdf", 1)), [1])
    read([task], Work(recipe, dpi=72), Recorder())
    first = task.folder
    read([task], Work(recipe, dpi=80), Recorder())
    assert task.folder != first


def test_a_page_that_kills_its_process_costs_no_other(
    tmp_path: Path, recipe: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that comes first in the workers kills them at page 2, as a crash of a library or
    the kernel would: no page that does so in earnest is known."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'agentkit_ocr.worker' in ' '.join(sys.orig_argv):\n"
        "    import agentkit_ocr.files as files\n"
        "    page = files.Reader.page\n"
        "    def dies(self, number, *more):\n"
        "        if number == 2:\n"
        "            os.kill(os.getpid(), 9)\n"
        "        return page(self, number, *more)\n"
        "    files.Reader.page = dies\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    task = Task(outline(pages_pdf(tmp_path / "a.pdf", 3)), [1, 2, 3])
    (document,) = read([task], Work(recipe, dpi=72), Recorder())
    assert [bool(page.error) for page in document.pages] == [False, True, False]
    assert "killed" in document.pages[1].error
    forget([task])
    assert task.folder.exists(), "the good pages are kept for another try"
    monkeypatch.delenv("PYTHONPATH")
    (document,) = read([task], Work(recipe, dpi=72), Recorder())
    assert not any(page.error for page in document.pages)


def test_a_page_that_takes_too_long_is_given_up(tmp_path: Path, recipe: dict[str, Any]) -> None:
    task = Task(outline(pages_pdf(tmp_path / "a.pdf", 1)), [1])
    (document,) = read([task], Work(recipe, seconds=0.01), Recorder())
    assert "more than" in document.pages[0].error


def test_a_perception_that_cannot_be_made_is_told_once(tmp_path: Path) -> None:
    path = written(tmp_path / "a.png", png(words("Harbour")))
    with agentkit.load(environ={}) as kit:
        kit.define("perception", "odd", use="tesseract", command="no-such-program")
        recipe = kit.recipe("perception", "odd")
    with pytest.raises(AgentkitError, match="no-such-program"):
        read([Task(outline(path), [1])], Work(recipe), Recorder())


@pytest.mark.slow
def test_killed_and_called_again(tmp_path: Path, recipe: dict[str, Any]) -> None:
    """kill -9 of the whole command; its processes end by themselves, and nothing is read twice."""
    path = pages_pdf(tmp_path / "a.pdf", 6)
    script = (
        "import json, sys, os, signal\n"
        "from pathlib import Path\n"
        "from agentkit.testing.progress import Recorder\n"
        "from agentkit_ocr.files import outline\n"
        "from agentkit_ocr.work import Task, Work, read\n"
        "class Dies(Recorder):\n"
        "    def update(self, step, total, metrics=None):\n"
        "        if step == 3: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"recipe = json.loads({json.dumps(json.dumps(recipe))})\n"
        f"read([Task(outline(Path({str(path)!r})), range(1, 7))], Work(recipe, dpi=72), Dies())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    task = Task(outline(path), range(1, 7))
    (document,) = read([task], Work(recipe, dpi=72), progress := Recorder())
    assert progress.updates[0][0] >= 3
    assert [page.items[0].text for page in document.pages] == [f"Chapter {n}" for n in range(1, 7)]
    deadline = time.monotonic() + 20
    while _workers(os.getpid()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _workers(os.getpid())


def _workers(parent: int) -> list[int]:
    import psutil

    found = []
    for process in psutil.Process(parent).children(recursive=True):
        try:
            if "agentkit_ocr.worker" in process.cmdline():
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


class TestCommand:
    def test_to_standard_output(self, tmp_path: Path) -> None:
        done = cli(pages_pdf(tmp_path / "a.pdf", 2), "--dpi", 72)
        assert done.exit_code == 0, done.output
        assert done.stdout.startswith("# Chapter 1\n\nThe harbour") and "# Chapter 2" in done.stdout

    def test_files_into_a_folder(self, tmp_path: Path) -> None:
        first = pages_pdf(tmp_path / "a.pdf", 1)
        (tmp_path / "b").mkdir()
        second = pages_pdf(tmp_path / "b" / "a.pdf", 1)
        out = tmp_path / "out"
        assert "--out" in str(cli(first, second).exception), "two files need a place"
        done = cli(first, second, "--out", out, "--to", "json", "--dpi", 72)
        assert done.exit_code == 0, done.output
        assert sorted(path.name for path in out.iterdir()) == ["a-2.json", "a.json"]
        assert json.loads((out / "a.json").read_text())["pages"][0]["items"][0]["kind"] == "heading"

    def test_a_bad_file_costs_no_other(self, tmp_path: Path) -> None:
        good, bad = pages_pdf(tmp_path / "a.pdf", 1), written(tmp_path / "b.png", b"odd")
        done = cli(good, bad, "--out", tmp_path / "out", "--dpi", 72)
        assert done.exit_code == 1 and "b.png" in done.stderr
        assert (tmp_path / "out" / "a.md").exists()

    def test_a_password_from_the_environment(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = pages_pdf(tmp_path / "a.pdf", 1)
        writer = PdfWriter(clone_from=PdfReader(path))
        writer.encrypt("open sesame", algorithm="AES-256")
        writer.write(path)
        done = cli(path)
        assert PASSWORD in str(done.exception)
        monkeypatch.setenv(PASSWORD, "open sesame")
        assert "Chapter 1" in cli(path, "--dpi", 72).stdout
        done = cli(path, "--to", "pdf", "--out", tmp_path, "--dpi", 72)
        assert (
            done.exit_code == 0
            and "Chapter 1" in PdfReader(tmp_path / "a.ocr.pdf").pages[0].extract_text()
        )

    def test_an_unknown_perception(self, tmp_path: Path) -> None:
        done = cli(pages_pdf(tmp_path / "a.pdf", 1), "--with", "rapidcr")
        assert "rapidocr" in str(done.exception)


@pytest.mark.slow
def test_a_scan_is_read_and_made_searchable(tmp_path: Path) -> None:
    """The whole way, with the default readers: a skewed JPEG to Markdown and to a PDF."""
    from agentkit_ocr.bench.degrade import Damage, damaged
    from agentkit_ocr.bench.pages import picture

    pdf = page_pdf([heading("Harbours", 1), prose(0)], font="Liberation Serif")
    page = picture(pdf, 150).crop((0, 0, 1240, 500))
    scan = written(tmp_path / "scan.jpg", damaged(page, Damage(1.2, 0.5, 60, 3, 0.1), 1))
    done = cli(scan, "--to", "pdf", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    text = " ".join(PdfReader(tmp_path / "scan.ocr.pdf").pages[0].extract_text().split())
    assert "Harbours" in text and "closes when the last boat is in" in text
    told = cli(scan).stdout
    assert told.startswith("# Harbours\n\nThe harbour opens at six")
