"""The index: kept up to date, interrupted, damaged, shared."""

from __future__ import annotations

import json
import multiprocessing
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from agentkit.capabilities import Cancel
from agentkit.cli import main
from agentkit.errors import DataError, RunInterrupted
from agentkit_sources.folder import FolderSource
from agentkit_sources.index import Index

pytestmark = pytest.mark.slow

Make = Callable[..., FolderSource]


@pytest.fixture
def many(docs: Path) -> Path:
    for number in range(40):
        (docs / f"{number:02}.md").write_text(f"# Page {number}\n\nThe word{number} and more.\n")
    return docs


def everything(made: FolderSource) -> list[tuple[object, ...]]:
    """All that an index holds, without its own numbering."""
    index = made.index
    passages = index.passages(index.ids()).values()
    return sorted((p.document, p.title, p.text, p.location.start) for p in passages)


def test_only_what_changed_is_read_and_the_rest_is_as_if_new(many: Path, source: Make) -> None:
    made = source(many)
    assert made.update().read == 40
    assert made.update().read == 0
    (many / "03.md").write_text("# Other\n\nSomething else here.\n")
    (many / "04.md").unlink()
    (many / "new.md").write_text("brand new")
    os.utime(many / "05.md", ns=(1, 1))  # touched, not changed
    done = made.update()
    assert (done.read, done.removed, done.documents) == (2, 1, 40)
    other = Index(many.parent / "fresh.sqlite", many)
    other.update()
    fresh = source(many)
    fresh.index = other
    assert everything(made) == everything(fresh)
    for word in ("word3", "word4", "word5", "else", "brand", "more", "page"):
        assert made.document_frequency(word) == other.frequency(f'"{word}"'), word
    scores = dict(made.index.match('"more"', 50))
    assert sorted(scores.values()) == sorted(dict(other.match('"more"', 50)).values())


def test_one_changed_file_is_the_only_one_opened(
    many: Path, source: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = source(many)
    made.update()
    opened: list[str] = []
    read = Path.read_bytes

    def noted(path: Path) -> bytes:
        opened.append(path.name)
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", noted)
    (many / "17.md").write_text("# Page 17\n\nNow something longer is written here.\n")
    assert made.search("longer").hits[0].document == "17.md"
    assert opened == ["17.md"]


def test_a_change_that_keeps_size_and_time_is_seen_by_open(many: Path, source: Make) -> None:
    made = source(many, refresh=1e6)
    before = made.open("07.md")
    stat = (many / "07.md").stat()
    (many / "07.md").write_text("# Page 7\n\nThe wordX and more.\n")
    os.utime(many / "07.md", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    after = made.open("07.md")
    assert after.sha256 != before.sha256 and "wordX" in after.text


def test_interrupted_it_goes_on_where_it_stopped(many: Path, source: Make) -> None:
    cancel = Cancel()
    made = source(many)

    def stop(done: int, total: int, path: str) -> None:
        if done == 10:
            cancel.set()

    with pytest.raises(RunInterrupted):
        made.update(on_progress=stop, cancel=cancel)
    assert made.index.counts() == (11, 11)
    seen: list[str] = []
    done = made.update(on_progress=lambda n, total, path: seen.append(path))
    assert (done.read, done.documents, len(seen)) == (29, 40, 29)


def test_a_key_press_in_the_middle_of_a_file_leaves_a_whole_index(
    many: Path, source: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    import agentkit_sources.index as module

    made = source(many)
    real = module.chunks
    monkeypatch.setattr(module, "chunks", lambda parsed: _raise(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        made.update()
    monkeypatch.setattr(module, "chunks", real)
    assert made.index.counts() == (0, 0)
    assert made.update().read == 40


def _raise(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("damage", ["garbage", "cut", "emptied", "table", "bytes", "text"])
def test_a_damaged_index_is_made_anew(many: Path, source: Make, damage: str) -> None:
    first = source(many)
    first.update()
    expected = everything(first)
    first.close()
    file = first.index.database.file
    whole = file.read_bytes()
    if damage == "garbage":
        file.write_bytes(b"this is no database" * 1000)
    elif damage == "cut":
        file.write_bytes(whole[: len(whole) // 2])
    elif damage == "emptied":
        file.write_bytes(b"")
    elif damage == "bytes":
        file.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 8192) + whole[-4096:])
    else:
        with sqlite3.connect(file) as db:
            if damage == "table":
                db.execute("DROP TABLE chunks")
            else:
                db.execute("UPDATE documents SET text = replace(text, 'word3 ', 'lord3 ')")
    again = source(many)
    result = again.search("word3")
    assert result.status == "ok" and result.hits[0].document == "03.md"
    assert "word3 and" in again.open("03.md").text
    assert everything(again) == expected


def test_a_full_disk_or_a_busy_file_is_not_taken_for_damage(
    many: Path, source: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = source(many)
    made.update()

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(made.index, "match", full)
    result = made.search("word3")
    assert result.status == "failed" and "disk is full" in result.reason
    assert made.index.counts()[0] == 40


def test_a_disk_that_is_full_keeps_what_was_read(
    docs: Path, source: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(60):
        (docs / f"{number:02}.md").write_text(f"# Page {number}\n\n" + f"word{number} " * 2000)
    monkeypatch.setattr("agentkit_sources.index.BATCH", 0.001)  # many commits
    made = source(docs)
    db = made.index.database.open()
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages + 100}")
    with pytest.raises(sqlite3.OperationalError, match="disk is full"):
        made.update()
    result = made.search("word1")
    assert result.status == "failed" and "disk is full" in result.reason
    kept = made.index.counts()[0]
    assert 0 < kept < 60
    db.execute("PRAGMA max_page_count = 1000000")
    assert made.update().read == 60 - kept
    assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert made.search("word59").hits[0].document == "59.md"


def test_the_command_says_that_the_disk_is_full(
    many: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Index, "update", full)
    assert _agentkit(monkeypatch, "index", str(many)) != 0
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 2 and said[0].endswith(".sqlite: database or disk is full")


def test_the_command_says_what_was_read_and_what_was_not(
    many: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (many / "zero.md").write_bytes(b"")
    assert _agentkit(monkeypatch, "index", str(many), "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["documents"], shown["read"]) == (40, 40)
    assert shown["notes"] == [["zero.md", "empty"]]
    assert _agentkit(monkeypatch, "index", str(many)) == 0
    plain = capsys.readouterr().out
    assert plain.startswith("40 documents") and " 0 read" in plain and "zero.md: empty" in plain


def _agentkit(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    """Calls the command line in this process; its exit status."""
    monkeypatch.setattr("sys.argv", ["agentkit", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    return stopped.value.code


def _index(folder: str, cache: str, out: str) -> None:
    os.environ["AGENTKIT_CACHE"] = cache
    index = Index(Path(out), Path(folder))
    done = index.update()
    assert done.documents == 40, done


def test_two_processes_index_one_folder(many: Path, cache: Path) -> None:
    context = multiprocessing.get_context("spawn")
    file = cache / "shared.sqlite"
    both = [
        context.Process(target=_index, args=(str(many), str(cache), str(file))) for _ in range(2)
    ]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    index = Index(file, many)
    assert index.counts() == (40, 40)
    assert index.update().read == 0


def test_a_document_that_is_gone(many: Path, source: Make) -> None:
    made = source(many, refresh=1e6)
    made.update()
    (many / "00.md").unlink()
    with pytest.raises(DataError, match="moved or deleted"):
        made.open("00.md")
