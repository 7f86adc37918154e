"""Folders as they come: each file that cannot be read costs itself only, and says why."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from agentkit_sources.folder import FolderSource
from agentkit_sources.walk import Found, Refused, walk

Make = Callable[..., FolderSource]


def test_every_kind_of_bad_file_at_once(docs: Path, source: Make) -> None:
    (docs / "good.md").write_text("# Good\n\nThe answer is 42.\n")
    (docs / "zero.txt").write_bytes(b"")
    (docs / "binary.txt").write_bytes(bytes(range(256)) * 10)
    (docs / "broken.pdf").write_bytes(b"%PDF-1.7\n" + b"x" * 100)
    (docs / "latin.txt").write_bytes("the café".encode("latin-1"))
    (docs / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (docs / "unknown.xyz").write_bytes(b"\0\1\2")
    (docs / "dangling.md").symlink_to(docs / "nowhere.md")
    (docs / "loop").symlink_to(docs)
    (docs / "loop.md").symlink_to(docs / "loop.md")
    (docs.parent / "outside.md").write_text("The outside secret.")
    (docs / "out.md").symlink_to(docs.parent / "outside.md")
    (docs / "outside").symlink_to(docs.parent)
    (docs / "again.md").symlink_to(docs / "good.md")
    os.mkfifo(docs / "pipe.txt")
    with (docs / "huge.txt").open("wb") as file:
        file.truncate(50_000_000)
    made = source(docs)
    done = made.update()
    notes = dict(done.notes)
    assert notes == {
        "zero.txt": "empty",
        "binary.txt": "binary",
        "broken.pdf": notes["broken.pdf"],
        "latin.txt": "not UTF-8; read as Windows-1252",
        "unknown.xyz": "binary",
        "dangling.md": "no such file or directory",
        "loop": "a link to a folder; links to folders are not followed",
        "loop.md": "a link that leads to itself",
        "out.md": "a link that leads out of the folder",
        "outside": "a link to a folder; links to folders are not followed",
        "pipe.txt": "not a plain file",
        "huge.txt": "50,000,000 bytes; `largest` allows 20,000,000",
    }
    assert notes["broken.pdf"].startswith("broken PDF")
    assert done.documents == 3
    assert {h.document for h in made.search("answer").hits} == {"good.md", "again.md"}
    assert made.search("secret").status == "empty"
    assert made.update().notes == done.notes  # told again, though nothing is read again
    (docs / "zero.txt").write_text("Now it has an answer.")
    assert "zero.txt" in {h.document for h in made.search("answer").hits}


def test_an_empty_folder(docs: Path, source: Make) -> None:
    result = source(docs).search("anything")
    assert (result.status, result.reason) == ("empty", "there is no document to read in docs")


def test_a_folder_that_may_not_be_listed(
    docs: Path, source: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = source(docs)

    def refuse(*_: object) -> None:  # root may list anything, so the refusal is a fake
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("agentkit_sources.walk.os.scandir", refuse)
    result = made.search("anything")
    assert result.status == "blocked" and result.reason.endswith("Permission denied")


def test_a_folder_that_vanishes(docs: Path, source: Make) -> None:
    made = source(docs)
    docs.rmdir()
    assert made.search("anything").status == "failed"


def test_a_file_that_cannot_be_opened(
    docs: Path, source: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    (docs / "a.md").write_text("one")
    (docs / "b.md").write_text("two")
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "a.md":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    done = source(docs).update()
    assert done.documents == 1 and done.notes == [("a.md", "Permission denied")]


def test_a_cache_that_cannot_be_written(docs: Path, cache: Path, source: Make) -> None:
    (docs / "a.md").write_text("one")
    cache.write_text("a file where the folder should be")
    result = source(docs).search("one")
    assert result.status == "failed" and str(docs) in result.reason


def test_hidden_and_generated_folders_are_passed_over(docs: Path) -> None:
    for name in (".git", "node_modules", "kept", "__pycache__"):
        (docs / name).mkdir()
        (docs / name / "a.md").write_text("text")
    (docs / ".hidden.md").write_text("text")
    assert [f.path for f in walk(docs)] == ["kept/a.md"]


def test_names_that_are_not_utf8(docs: Path) -> None:
    (docs / os.fsdecode(b"caf\xe9.md")).write_text("text")
    (found,) = walk(docs)
    assert isinstance(found, Refused) and found.reason == "its name is not UTF-8"


def test_a_tree_deeper_than_the_stack(docs: Path) -> None:
    folder = docs
    for _ in range(300):
        folder = folder / "d"
    folder.mkdir(parents=True)
    (folder / "a.md").write_text("deep")
    (found,) = walk(docs)
    assert isinstance(found, Found) and found.path.count("/") == 300
    assert stat.S_ISREG(found.file.stat().st_mode)


@pytest.mark.parametrize(
    "query",
    ["", "   ", "?!", '"', "a OR", "NEAR(x", "x*", "^x", "body:x", "-x", "'; --", "\0", "é" * 9000],
)
def test_queries_are_words_never_syntax(docs: Path, source: Make, query: str) -> None:
    (docs / "a.md").write_text("some words or none, near a body")
    made = source(docs)
    assert made.search(query).status in ("ok", "empty")
    made.document_frequency(query)


def test_no_hits_asked_for(docs: Path, source: Make) -> None:
    (docs / "a.md").write_text("words")
    assert source(docs).search("words", k=0).status == "empty"
