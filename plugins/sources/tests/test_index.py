"""The index: kept up to date, interrupted, damaged, shared."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from agentkit.capabilities import Cancel
from agentkit.errors import DataError, RunInterrupted
from agentkit_sources.folder import FolderSource
from agentkit_sources.index import Index

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
