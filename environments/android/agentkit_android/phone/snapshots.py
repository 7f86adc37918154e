"""Keeps a phone's whole state, gives it back, and writes it to a folder."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes, unquote_to_bytes

from agentkit.errors import DataError
from agentkit_android.apps.app import App
from agentkit_android.phone.files import Node
from agentkit_android.phone.plain import PLAIN

if TYPE_CHECKING:
    from agentkit_android.phone.phone import Phone

VERSION = 1
SCHEMA = """
CREATE TABLE IF NOT EXISTS parts (name TEXT PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, mode INTEGER, mtime INTEGER, inode INTEGER, uid INTEGER, content BLOB,
    target TEXT
);
"""


@dataclass(frozen=True, slots=True)
class State:
    """plain: JSON. files: the root folder. databases: the bytes of each, by package."""

    plain: bytes
    files: Node
    databases: Mapping[str, bytes]


def take(phone: Phone) -> State:
    databases = {package: one.content() for package, one in phone.databases.items()}
    return State(PLAIN.dump_json(phone.plain), phone.files.copy(), databases)


def restore(phone: Phone, state: State) -> None:
    phone.use(PLAIN.validate_json(state.plain))
    phone.files.restore(state.files)
    for package, content in state.databases.items():
        if package in phone.databases:
            phone.databases[package].load(content)
        elif package in phone.apps:
            phone.add_database(package, content)


def digest(phone: Phone) -> str:
    told = hashlib.sha256(PLAIN.dump_json(phone.plain))
    for path, node in _walk("", phone.files.copy()):
        about = f"\0{path}\0{node.mode}\0{node.uid}\0{node.mtime}\0{node.target}\0"
        told.update(about.encode("utf-8", "surrogateescape"))
        told.update(node.content)
    for package in sorted(phone.databases):
        told.update(f"\0{package}\0{phone.databases[package].digest()}".encode())
    return told.hexdigest()


def _walk(path: str, node: Node) -> list[tuple[str, Node]]:
    found = [(path or "/", node)]
    for name in sorted(node.children):
        found += _walk(f"{path}/{name}", node.children[name])
    return found


# The beginning of a phone is the same for the same seed and apps, and takes a while to make.

_beginnings: dict[tuple[int, tuple[int, ...]], State] = {}
MAX_BEGINNINGS = 64


def _key(seed: int, apps: Mapping[str, App]) -> tuple[int, tuple[int, ...]]:
    return seed, tuple(id(app) for app in apps.values())


def beginning(seed: int, apps: Mapping[str, App]) -> State | None:
    return _beginnings.get(_key(seed, apps))


def remember(seed: int, phone: Phone) -> None:
    if len(_beginnings) >= MAX_BEGINNINGS:
        _beginnings.pop(next(iter(_beginnings)))
    _beginnings[_key(seed, phone.apps)] = take(phone)


class Store:
    """A folder that a phone is kept in: one SQLite file, in which only what has changed is written,
    all of it or nothing. It outlives a process that is killed.

    Raises:
        DataError: the folder cannot be used, or holds no phone.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "phone.sqlite3"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                self.path, check_same_thread=False, isolation_level=None
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = OFF")  # of a power cut, not of a kill
            self._connection.executescript(SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise DataError(
                f"a phone cannot be kept in {folder}: {error}", "give another folder with --state"
            ) from error
        self._parts: dict[str, bytes] = {}
        self._nodes: dict[str, tuple[object, ...]] = {}

    def load(self, phone: Phone) -> None:
        """Makes the phone what was kept; a new folder takes the phone as it is."""
        try:
            parts = dict(self._connection.execute("SELECT name, content FROM parts"))
            rows = self._connection.execute("SELECT * FROM files ORDER BY path").fetchall()
            if not parts:
                self.save(phone)
                return
            about = json.loads(parts["about"])
            if about["version"] != VERSION:
                raise ValueError(f"it is of version {about['version']}, this is {VERSION}")
            root = Node(*rows[0][1:5])
            for path, mode, mtime, inode, uid, content, target in rows[1:]:
                folder = root
                *above, name = _decoded(path).split("/")[1:]
                for part in above:
                    folder = folder.children[part]
                folder.children[name] = Node(mode, mtime, inode, uid, content, _decoded(target))
            databases = {n[3:]: c for n, c in parts.items() if n.startswith("db/")}
            restore(phone, State(parts["plain"], root, databases))
        except (sqlite3.Error, ValueError, KeyError, TypeError, IndexError) as error:
            raise DataError(
                f"{self.path} holds no phone that can be used: {error}",
                "move it away, or give another folder with --state",
            ) from error
        self._known(phone)

    def _known(self, phone: Phone) -> None:
        state = take(phone)
        self._parts = _parts(state)
        self._nodes = {path: _row(path, node) for path, node in _walk("", state.files)}

    def save(self, phone: Phone) -> None:
        state = take(phone)
        parts = _parts(state)
        nodes = {path: _row(path, node) for path, node in _walk("", state.files)}
        changed = [(n, c) for n, c in parts.items() if self._parts.get(n) != c]
        rows = [row for path, row in nodes.items() if not _same(row, self._nodes.get(path))]
        gone = [(_encoded(path),) for path in self._nodes if path not in nodes]
        if not (changed or rows or gone):
            return
        try:
            run = self._connection
            run.execute("BEGIN IMMEDIATE")
            run.executemany("INSERT OR REPLACE INTO parts VALUES (?, ?)", changed)
            run.executemany("DELETE FROM files WHERE path = ?", gone)
            run.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            run.execute("COMMIT")
        except sqlite3.Error as error:
            raise DataError(f"the phone cannot be kept in {self.path}: {error}") from error
        self._parts, self._nodes = parts, nodes

    def close(self) -> None:
        self._connection.close()


def _parts(state: State) -> dict[str, bytes]:
    about = json.dumps({"version": VERSION}).encode()
    databases = {f"db/{package}": content for package, content in state.databases.items()}
    return {"about": about, "plain": state.plain, **databases}


def _row(path: str, node: Node) -> tuple[object, ...]:
    target = _encoded(node.target) if node.target else ""
    return (_encoded(path), node.mode, node.mtime, node.inode, node.uid, node.content, target)


def _same(row: tuple[object, ...], known: tuple[object, ...] | None) -> bool:
    """Contents are compared by identity: nothing changes bytes, and they may be large."""
    return known is not None and row[5] is known[5] and row[:5] == known[:5] and row[6] == known[6]


def _encoded(text: str) -> str:
    """A path, which may hold bytes that are no text, as text."""
    return quote_from_bytes(text.encode("utf-8", "surrogateescape"), safe="/")


def _decoded(text: str) -> str:
    return unquote_to_bytes(text).decode("utf-8", "surrogateescape")
