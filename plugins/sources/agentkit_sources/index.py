"""The index of one folder: documents, passages and BM25 in one SQLite file of the cache.

It can be made again at any time, so a damaged one is thrown away; it is kept up to date by size,
time and hash of each file, committed a few files at a time, so that an interrupted update goes on
where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agentkit.capabilities import Cancel, Document, Location
from agentkit.errors import RunInterrupted
from agentkit_sources.blocks import Parsed, Unreadable
from agentkit_sources.chunks import chunks
from agentkit_sources.database import Damaged, Database, Kept
from agentkit_sources.readers import read
from agentkit_sources.walk import Found, Refused, walk
from agentkit_sources.words import searchable

BATCH = 0.5  # seconds of work between two commits


@dataclass(slots=True)
class Update:
    """What an update did. notes: (path, what a person should know), files that were left out
    among them."""

    documents: int = 0
    chunks: int = 0
    read: int = 0
    removed: int = 0
    seconds: float = 0.0
    bytes: int = 0
    rebuilt: bool = False
    notes: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage as stored."""

    id: int
    document: str
    title: str
    text: str
    location: Location

    @property
    def labelled(self) -> str:
        """The text below its title and headings, each once."""
        return " > ".join(dict.fromkeys((self.title, *self.location.heading))) + "\n" + self.text


class Index:
    """One folder's index. Safe for threads and for several processes."""

    def __init__(self, file: Path, root: Path) -> None:
        self.root = root
        self.database = Database(file)
        self.tokens = Kept(self.database, "tokens")
        self.embeddings = Kept(self.database, "embeddings")

    # -- keeping up to date -----------------------------------------------------------------------

    def update(
        self,
        include: tuple[str, ...] = (),
        exclude: tuple[str, ...] = (),
        largest: int = 20_000_000,
        *,
        on_file: Callable[[int, int, str], None] | None = None,
        cancel: Cancel | None = None,
    ) -> Update:
        """Reads what is new or changed, forgets what is gone.

        Args:
            on_file: told (files done, files in all, path) before each file that is read.
            cancel: checked between files; what was read until then stays.

        Raises:
            OSError: the folder cannot be listed, or the cache cannot be written.
        """
        started = time.perf_counter()
        with self.database.lock, self.database.exclusive(cancel):
            done = self._update(include, exclude, largest, on_file, cancel)
        done.seconds = time.perf_counter() - started
        return done

    def _update(
        self,
        include: tuple[str, ...],
        exclude: tuple[str, ...],
        largest: int,
        on_file: Callable[[int, int, str], None] | None,
        cancel: Cancel | None,
    ) -> Update:
        done = Update()
        found = list(walk(self.root, include, exclude))
        files = [f for f in found if isinstance(f, Found)]
        done.notes = [(f.path, f.reason) for f in found if isinstance(f, Refused)]
        db = self.database.open()
        known = {
            path: (size, mtime)
            for table in ("documents", "skipped")
            for path, size, mtime in db.execute(f"SELECT path, size, mtime_ns FROM {table}")
        }
        gone = set(known) - {f.path for f in files}
        changed = [f for f in files if known.get(f.path) != (f.size, f.mtime_ns)]
        if gone:
            with self.database.transaction():
                for path in sorted(gone):
                    done.removed += self._forget(path)
        pending = list(enumerate(changed))
        while pending:
            with self.database.transaction():
                committed = time.perf_counter()
                while pending and time.perf_counter() - committed < BATCH:
                    number, file = pending.pop(0)
                    if cancel:
                        raise RunInterrupted("indexing was interrupted")
                    if on_file is not None:
                        on_file(number, len(changed), file.path)
                    done.read += self._take(file, largest)
        done.documents, done.bytes = db.execute(
            "SELECT count(*), coalesce(sum(size), 0) FROM documents"
        ).fetchone()
        done.chunks = db.execute("SELECT count(*) FROM chunks").fetchone()[0]
        done.notes += db.execute("SELECT path, reason FROM skipped ORDER BY path").fetchall()
        done.notes += db.execute(
            "SELECT path, notes FROM documents WHERE notes != '' ORDER BY path"
        ).fetchall()
        return done

    def doubt(self, path: str) -> None:
        """Lets the next update read a document again, whatever its file's size and time say."""
        with self.database.transaction() as db:
            db.execute("UPDATE documents SET mtime_ns = -1 WHERE path = ?", (path,))

    def _take(self, file: Found, largest: int) -> int:
        """Reads one file into the index; 1 where it became a document."""
        try:
            if file.size > largest:
                raise Unreadable(f"{file.size:,} bytes; `largest` allows {largest:,}")
            data = file.file.read_bytes()
            digest = hashlib.sha256(data).hexdigest()
            if self._touched(file, digest):
                return 0
            parsed = read(file.path, data)
        except (Unreadable, OSError) as error:
            reason = str(error) if isinstance(error, Unreadable) else (error.strerror or "error")
            self._forget(file.path)
            self.database.open().execute(
                "INSERT INTO skipped VALUES (?, ?, ?, ?)",
                (file.path, file.size, file.mtime_ns, reason),
            )
            return 0
        self._forget(file.path)
        self._store(file, digest, parsed)
        return 1

    def _touched(self, file: Found, digest: str) -> bool:
        """Whether only the file's time changed; then it is noted and that is all."""
        return (
            self.database.open()
            .execute(
                "UPDATE documents SET mtime_ns = ?, size = ? WHERE path = ? AND file_sha256 = ?",
                (file.mtime_ns, file.size, file.path, digest),
            )
            .rowcount
            > 0
        )

    def _store(self, file: Found, digest: str, parsed: Parsed) -> None:
        db = self.database.open()
        document = db.execute(
            "INSERT INTO documents (path, size, mtime_ns, file_sha256, title, text, sha256, "
            "media_type, notes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                file.path,
                file.size,
                file.mtime_ns,
                digest,
                parsed.title,
                parsed.text,
                hashlib.sha256(parsed.text.encode()).hexdigest(),
                parsed.media_type,
                "\n".join(parsed.notes),
            ),
        ).lastrowid
        self._changed()
        for chunk in chunks(parsed):
            row = db.execute(
                'INSERT INTO chunks (document, start, "end", heading, page, anchor) '
                "VALUES (?, ?, ?, ?, ?, ?)",
                (
                    document,
                    chunk.start,
                    chunk.end,
                    json.dumps(chunk.heading, ensure_ascii=False),
                    chunk.page,
                    chunk.anchor,
                ),
            ).lastrowid
            db.execute(
                "INSERT INTO passages (rowid, title, heading, body) VALUES (?, ?, ?, ?)",
                (row, *_words_of(parsed.title, chunk.heading, chunk.text)),
            )

    def _forget(self, path: str) -> int:
        """Removes a document and its passages; how many documents that were."""
        db = self.database.open()
        db.execute("DELETE FROM skipped WHERE path = ?", (path,))
        row = db.execute("SELECT id, title, text FROM documents WHERE path = ?", (path,)).fetchone()
        if row is None:
            return 0
        document, title, text = row
        data = text.encode()
        for chunk, start, end, heading in db.execute(
            'SELECT id, start, "end", heading FROM chunks WHERE document = ?', (document,)
        ).fetchall():
            words = _words_of(title, tuple(json.loads(heading)), data[start:end].decode())
            db.execute(
                "INSERT INTO passages (passages, rowid, title, heading, body) "
                "VALUES ('delete', ?, ?, ?, ?)",
                (chunk, *words),
            )
        for table in ("tokens", "embeddings"):
            db.execute(
                f"DELETE FROM {table} WHERE chunk IN (SELECT id FROM chunks WHERE document = ?)",
                (document,),
            )
        db.execute("DELETE FROM chunks WHERE document = ?", (document,))
        db.execute("DELETE FROM documents WHERE id = ?", (document,))
        self._changed()
        return 1

    def _changed(self) -> None:
        self.database.note("generation", uuid.uuid4().hex)

    # -- reading ----------------------------------------------------------------------------------

    def match(self, expression: str, limit: int) -> list[tuple[int, float]]:
        """(passage, BM25 score) of the best matches of an FTS5 expression, best first."""
        with self.database.lock:
            rows = self.database.open().execute(
                "SELECT rowid, -bm25(passages) AS score FROM passages "
                "WHERE passages MATCH ? ORDER BY score DESC, rowid LIMIT ?",
                (expression, limit),
            )
            return [(int(row), float(score)) for row, score in rows]

    def frequency(self, expression: str) -> int:
        """How many passages match an FTS5 expression."""
        sql = "SELECT count(*) FROM passages WHERE passages MATCH ?"
        with self.database.lock:
            return int(self.database.open().execute(sql, (expression,)).fetchone()[0])

    def owners(self, ids: Sequence[int]) -> dict[int, str]:
        """Which document each passage belongs to."""
        marks = ",".join("?" * len(ids))
        sql = (
            "SELECT c.id, d.path FROM chunks c JOIN documents d ON d.id = c.document "
            f"WHERE c.id IN ({marks})"
        )
        with self.database.lock:
            return dict(self.database.open().execute(sql, list(ids)).fetchall())

    def passages(self, ids: Sequence[int]) -> dict[int, Passage]:
        """Passages by id, each cut out of its document, whose hash is checked.

        Raises:
            Damaged: the stored text is not what was stored.
        """
        marks = ",".join("?" * len(ids))
        sql = (
            'SELECT c.id, c.start, c."end", c.heading, c.page, c.anchor, d.path, d.title, d.text, '
            f"d.sha256 FROM chunks c JOIN documents d ON d.id = c.document WHERE c.id IN ({marks})"
        )
        with self.database.lock:
            rows = self.database.open().execute(sql, list(ids)).fetchall()
        found = {}
        checked: dict[str, bytes] = {}
        for id_, start, end, heading, page, anchor, path, title, text, digest in rows:
            if path not in checked:
                checked[path] = _checked(text, digest, path)
            location = Location(start, end, tuple(json.loads(heading)), page, anchor)
            found[id_] = Passage(id_, path, title, checked[path][start:end].decode(), location)
        return found

    def document(self, path: str) -> tuple[Document, str] | None:
        """The document at a path and the hash of its file when it was read; None: there is none."""
        sql = "SELECT title, text, sha256, media_type, file_sha256 FROM documents WHERE path = ?"
        with self.database.lock:
            row = self.database.open().execute(sql, (path,)).fetchone()
        if row is None:
            return None
        title, text, digest, media_type, file_digest = row
        _checked(text, digest, path)
        uri = (self.root / path if self.root.is_dir() else self.root).as_uri()
        return Document(path, title, text, digest, uri, media_type), file_digest

    def headed(self, names: Sequence[str], limit: int) -> list[int]:
        """Passages that a definition of one of these names is the last heading of, in the order of
        the names; at most `limit` of each."""
        found: list[int] = []
        with self.database.lock:
            db = self.database.open()
            for name in names:
                ending = json.dumps(f" {name}", ensure_ascii=False)[1:] + "]"
                found += [
                    row[0]
                    for row in db.execute(
                        "SELECT id FROM chunks WHERE substr(heading, -length(?1)) = ?1 "
                        "ORDER BY id LIMIT ?2",
                        (ending, limit),
                    )
                ]
        return list(dict.fromkeys(found))

    def ids(self) -> list[int]:
        """All passages."""
        with self.database.lock:
            return [
                row[0] for row in self.database.open().execute("SELECT id FROM chunks ORDER BY id")
            ]

    def counts(self) -> tuple[int, int]:
        """(documents, passages)."""
        sql = "SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM chunks)"
        with self.database.lock:
            documents, passages = self.database.open().execute(sql).fetchone()
        return int(documents), int(passages)


def _words_of(title: str, heading: tuple[str, ...], text: str) -> tuple[str, str, str]:
    """What is indexed of a passage: one string a column."""
    return searchable(title), searchable(" > ".join(heading)), searchable(text)


def _checked(text: str, digest: str, path: str) -> bytes:
    data = text.encode()
    if hashlib.sha256(data).hexdigest() != digest:
        raise Damaged(f"the stored text of {path} is not what was stored")
    return data
