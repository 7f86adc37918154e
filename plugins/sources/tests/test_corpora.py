"""The carried corpus, and fetching another one."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from agentkit_sources.bench import read_questions

CORPORA = Path(__file__).parents[3] / "examples" / "corpora"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, CORPORA / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_question_is_answered_on_the_pages_it_names(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert script("check_questions").main() == 0
    assert "absent/dev 3, absent/test 6, lexical/dev 14, lexical/test 28" in capsys.readouterr().out


def test_a_third_of_the_questions_is_for_development() -> None:
    asked = list(read_questions(CORPORA / "sqlite.questions.jsonl"))
    for kind in ("lexical", "paraphrase"):
        split = [q.split for q in asked if q.kind == kind]
        assert len(split) >= 30 and split.count("dev") == len(split) // 3


def test_pages_are_fetched_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch = script("fetch")

    def unpacked(package: str, into: Path) -> Path:
        folder = into / "tree" / "usr" / "share" / "doc" / package
        (folder / "deep").mkdir(parents=True)
        (folder / "index.html").write_text("<p>one<script>x()</script><svg><path/></svg>")
        (folder / "deep" / "a.txt").write_text("two")
        (folder / "picture.png").write_bytes(b"\x89PNG")
        (folder / "link.html").symlink_to("/etc/passwd")
        return into / "tree"

    monkeypatch.setattr(fetch, "download", unpacked)
    into = tmp_path / "out" / "pages"
    fetch.main(["some-doc", "--into", str(into)])
    files = {f.relative_to(into).as_posix(): f.read_text() for f in into.rglob("*") if f.is_file()}
    assert files == {"index.html": "<p>one", "deep/a.txt": "two"}
    assert "2 pages" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="is there already"):
        fetch.main(["some-doc", "--into", str(into)])

    def broken(root: Path, into: Path, left_out: list[str]) -> tuple[int, int]:
        into.mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(fetch, "copy_pages", broken)
    with pytest.raises(KeyboardInterrupt):
        fetch.main(["some-doc", "--into", str(tmp_path / "out" / "other")])
    assert [f.name for f in (tmp_path / "out").iterdir()] == ["pages"]


@pytest.mark.parametrize("package", ["--help-me", "a/b", "../x", "A;b", ""])
def test_only_names_of_packages_are_fetched(tmp_path: Path, package: str) -> None:
    with pytest.raises(SystemExit, match="is no name of a Debian package"):
        script("fetch").download(package, tmp_path)


def test_where_there_is_no_apt_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="needs Debian's apt-get"):
        script("fetch").main(["some-doc", "--into", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()
