"""The index of one folder: documents, passages and BM25 in one SQLite file of the cache.

It can be made again at any time, so a damaged one is thrown away; it is kept up to date by size,
time and hash of each file, committed a few files at a time, so that an interrupted update goes on
where it stopped.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import IO

from agentkit.capabilities import Cancel, Document, Location
from agentkit.errors import DataError, RunInterrupted
from agentkit_sources.blocks import Parsed, Unreadable
from agentkit_sources.chunks import chunks
from agentkit_sources.readers import read
from agentkit_sources.walk import Found, Refused, walk

VERSION = 1  # of the schema, the readers and the chunks; another number makes the index anew
BATCH = 0.5  # seconds of work between two commits
COLUMN_WEIGHTS = (1.0, 1.0, 1.0)  # title, heading, body


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
        self.file = file
        self.root = root
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

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
        with self._lock, self._exclusive(cancel):
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
        db = self._open()
        known = {
            path: (size, mtime)
            for table in ("documents", "skipped")
            for path, size, mtime in db.execute(f"SELECT path, size, mtime_ns FROM {table}")
        }
        gone = set(known) - {f.path for f in files}
        changed = [f for f in files if known.get(f.path) != (f.size, f.mtime_ns)]
        if gone:
            with _transaction(db):
                for path in sorted(gone):
                    done.removed += self._forget(path)
        pending = list(enumerate(changed))
        while pending:
            with _transaction(db):
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
            self._open().execute(
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
            self._open()
            .execute(
                "UPDATE documents SET mtime_ns = ?, size = ? WHERE path = ? AND file_sha256 = ?",
                (file.mtime_ns, file.size, file.path, digest),
            )
            .rowcount
            > 0
        )

    def _store(self, file: Found, digest: str, parsed: Parsed) -> None:
        db = self._open()
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
        db = self._open()
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
        self._note("generation", uuid.uuid4().hex)

    # -- reading ----------------------------------------------------------------------------------

    def match(self, expression: str, limit: int) -> list[tuple[int, float]]:
        """(passage, BM25 score) of the best matches of an FTS5 expression, best first."""
        with self._lock:
            rows = self._open().execute(
                "SELECT rowid, -bm25(passages, ?, ?, ?) AS score FROM passages "
                "WHERE passages MATCH ? ORDER BY score DESC, rowid LIMIT ?",
                (*COLUMN_WEIGHTS, expression, limit),
            )
            return [(int(row), float(score)) for row, score in rows]

    def frequency(self, expression: str) -> int:
        """How many passages match an FTS5 expression."""
        sql = "SELECT count(*) FROM passages WHERE passages MATCH ?"
        with self._lock:
            return int(self._open().execute(sql, (expression,)).fetchone()[0])

    def passages(self, ids: Sequence[int]) -> dict[int, Passage]:
        """Passages by id, each cut out of its document, whose hash is checked.

        Raises:
            DataError: the stored text is not what was stored.
        """
        marks = ",".join("?" * len(ids))
        sql = (
            'SELECT c.id, c.start, c."end", c.heading, c.page, c.anchor, d.path, d.title, d.text, '
            f"d.sha256 FROM chunks c JOIN documents d ON d.id = c.document WHERE c.id IN ({marks})"
        )
        with self._lock:
            rows = self._open().execute(sql, list(ids)).fetchall()
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
        with self._lock:
            row = self._open().execute(sql, (path,)).fetchone()
        if row is None:
            return None
        title, text, digest, media_type, file_digest = row
        _checked(text, digest, path)
        uri = (self.root / path if self.root.is_dir() else self.root).as_uri()
        return Document(path, title, text, digest, uri, media_type), file_digest

    def ids(self) -> list[int]:
        """All passages."""
        with self._lock:
            return [row[0] for row in self._open().execute("SELECT id FROM chunks ORDER BY id")]

    def counts(self) -> tuple[int, int]:
        """(documents, passages)."""
        sql = "SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM chunks)"
        with self._lock:
            documents, passages = self._open().execute(sql).fetchone()
        return int(documents), int(passages)

    # -- what vectors need ------------------------------------------------------------------------

    def fact(self, name: str) -> str:
        """A fact about the index, "" where it is not known."""
        with self._lock:
            row = self._open().execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return row[0] if row else ""

    def use_tokens_of(self, model: str) -> None:
        """Forgets the tokens of any other model."""
        self._use("tokens", model)

    def use_embeddings_of(self, model: str) -> None:
        """Forgets the embeddings of any other model."""
        self._use("embeddings", model)

    def without_tokens(self) -> list[int]:
        """Passages that are not tokenised yet."""
        sql = "SELECT id FROM chunks WHERE id NOT IN (SELECT chunk FROM tokens) ORDER BY id"
        with self._lock:
            return [row[0] for row in self._open().execute(sql)]

    def tokens(self) -> list[tuple[int, bytes]]:
        """(passage, token ids as uint32) of all passages."""
        with self._lock:
            return self._open().execute("SELECT chunk, ids FROM tokens ORDER BY chunk").fetchall()

    def put_tokens(self, rows: Iterable[tuple[int, bytes]]) -> None:
        self._put("tokens", rows)

    def embeddings(self, ids: Sequence[int]) -> dict[int, bytes]:
        """{passage: vector as float32} of those that are embedded."""
        marks = ",".join("?" * len(ids))
        sql = f"SELECT chunk, vector FROM embeddings WHERE chunk IN ({marks})"
        with self._lock:
            return dict(self._open().execute(sql, list(ids)).fetchall())

    def put_embeddings(self, rows: Iterable[tuple[int, bytes]]) -> None:
        self._put("embeddings", rows)

    def _use(self, table: str, model: str) -> None:
        with self._lock:
            if self.fact(table) != model:
                with _transaction(self._open()) as db:
                    db.execute(f"DELETE FROM {table}")
                    self._note(table, model)

    def _put(self, table: str, rows: Iterable[tuple[int, bytes]]) -> None:
        """Stores rows of passages that still exist: another process may have removed some."""
        with self._lock, _transaction(self._open()) as db:
            db.executemany(
                f"INSERT OR REPLACE INTO {table} SELECT id, ?2 FROM chunks WHERE id = ?1", rows
            )

    def _note(self, name: str, value: str) -> None:
        self._open().execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    # -- the file ---------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(
                self.file, timeout=60, isolation_level=None, check_same_thread=False
            )
            self._connection = db
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, VERSION):
                raise sqlite3.DatabaseError(f"index version {version}, this is {VERSION}")
            if version == 0:
                schema = resources.files("agentkit_sources").joinpath("schema.sql").read_text()
                db.executescript(f"{schema}\nPRAGMA user_version = {VERSION};")
        return self._connection

    def throw_away(self) -> None:
        """Deletes a damaged index; the next update makes it anew."""
        with self._lock:
            self.close()
            for suffix in ("", "-wal", "-shm"):
                Path(f"{self.file}{suffix}").unlink(missing_ok=True)

    @contextlib.contextmanager
    def _exclusive(self, cancel: Cancel | None) -> Iterator[None]:
        """One process at a time updates; the others wait and then find the work done."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with open(f"{self.file}.lock", "a") as file:
            while not _locked(file):
                if cancel:
                    raise RunInterrupted("indexing was interrupted")
                time.sleep(0.05)
            yield


def damaged(error: BaseException) -> bool:
    """Whether an error says that the index's file is broken, rather than busy or the disk full."""
    if isinstance(error, sqlite3.OperationalError):
        return "no such table" in str(error) or "no such column" in str(error)
    return isinstance(error, sqlite3.DatabaseError | DataError)


def _words_of(title: str, heading: tuple[str, ...], text: str) -> tuple[str, str, str]:
    """What is indexed of a passage: one string a column."""
    return title, " > ".join(heading), text


def _checked(text: str, digest: str, path: str) -> bytes:
    data = text.encode()
    if hashlib.sha256(data).hexdigest() != digest:
        raise DataError(
            f"the stored text of {path} is not what was stored", "the index will be made anew"
        )
    return data


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
    except BaseException as error:
        # The one between two files leaves nothing half done.
        db.execute("COMMIT" if isinstance(error, RunInterrupted) else "ROLLBACK")
        raise
    db.execute("COMMIT")
