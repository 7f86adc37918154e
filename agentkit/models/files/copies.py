"""Copies of models in the cache: a folder a model, keyed by the hash of what it was made from.

A copy appears whole or not at all, carries a manifest with the size and hash of each of its files,
and is made by one process at a time. Everything here can be deleted; it is made again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentkit.capabilities.language_model import Cancel
from agentkit.errors import Cancelled, ModelFileError
from agentkit.files import cache_dir, sha256, write_atomic

MANIFEST = "agentkit.json"
RECIPE = 1  # raised when the way of making copies changes: older ones are then not used any more

Report = Callable[[str, int, int], None]  # (what is done, bytes so far, bytes in all; 0: unknown)


def models_dir() -> Path:
    return cache_dir() / "models"


def copy_folder(source_hash: str, dtype: str) -> Path:
    """Where the copy of a source with that hash stands, or would stand."""
    return models_dir() / f"{source_hash[:20]}-{dtype}-v{RECIPE}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a copy was made from. source: name, hash and size of it. files: hash and size of each
    file. fingerprint: one hash over weights and tokenizer."""

    source: dict[str, Any]
    dtype: str
    files: dict[str, dict[str, Any]]
    fingerprint: str


def write_manifest(folder: Path, source: dict[str, Any], dtype: str) -> Manifest:
    """Hashes every file in the folder and writes that down beside them."""
    files: dict[str, dict[str, Any]] = {
        p.relative_to(folder).as_posix(): {"sha256": sha256(p), "size": p.stat().st_size}
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != MANIFEST
    }
    manifest = Manifest(
        source, dtype, files, fingerprint({n: f["sha256"] for n, f in files.items()})
    )
    content = {"source": source, "dtype": dtype, "files": files}
    write_atomic(folder / MANIFEST, json.dumps(content, indent=1))
    return manifest


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a copy, None in a folder that agentkit did not make.

    Raises:
        ModelFileError: it cannot be read, or a file is absent or of another size.
    """
    path = folder / MANIFEST
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text())
        files = content["files"]
        manifest = Manifest(
            content["source"],
            content["dtype"],
            files,
            fingerprint({n: f["sha256"] for n, f in files.items()}),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(f"{path}: cannot be read: {error}", _cure(folder)) from error
    for name, file in files.items():
        part = folder / name
        actual = part.stat().st_size if part.exists() else None
        if actual != file["size"]:
            found = "it is absent" if actual is None else f"it has {actual}"
            raise ModelFileError(
                f"{part}: expected {file['size']} bytes, {found}",
                _cure(folder),
                path=str(part),
                expected=file["size"],
                actual=actual,
            )
    return manifest


def verify(folder: Path) -> None:
    """Reads every file of a copy and compares hashes.

    Raises:
        ModelFileError: naming the file, the expected and the actual hash.
    """
    manifest = read_manifest(folder)
    for name, file in manifest.files.items() if manifest else ():
        actual = sha256(folder / name)
        if actual != file["sha256"]:
            raise wrong_hash(folder / name, file["sha256"], actual, _cure(folder))


def wrong_hash(path: Path, expected: str, actual: str, cure: str) -> ModelFileError:
    return ModelFileError(
        f"{path}: expected sha256 {expected}, it has {actual}",
        cure,
        path=str(path),
        expected=expected,
        actual=actual,
    )


def _cure(folder: Path) -> str:
    return f"delete the folder {folder}; it is made again (`agentkit models get`)"


def fingerprint(hashes: dict[str, str]) -> str:
    """One hash over the weights and tokenizer files, however they are called in the manifest."""
    import hashlib

    kept = {n: h for n, h in hashes.items() if n.endswith((".safetensors", ".json", ".jinja"))}
    text = "\n".join(f"{name} {kept[name]}" for name in sorted(kept) if name != MANIFEST)
    return hashlib.sha256(text.encode()).hexdigest()


def hash_of(path: Path) -> str:
    """The file's sha256, remembered in the cache for as long as size and times stay the same."""
    stat = path.stat()
    state = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
    index = models_dir() / "hashes.json"
    key = str(path.resolve())
    known = _read_index(index)
    entry = known.get(key)
    if isinstance(entry, dict) and entry.get("state") == state:
        return str(entry["sha256"])
    digest = sha256(path)
    # Another process may have added entries meanwhile: losing one costs a second of hashing.
    known = {k: v for k, v in _read_index(index).items() if os.path.exists(k)}
    known[key] = {"state": state, "sha256": digest}
    try:
        write_atomic(index, json.dumps(known, indent=1))
    except OSError:
        pass  # hashed again next time
    return digest


def _read_index(index: Path) -> dict[str, Any]:
    try:
        found = json.loads(index.read_text())
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


@contextmanager
def only_one(name: str, cancel: Cancel | None = None) -> Iterator[int]:
    """One process at a time in this block; yields the lock's file descriptor. A child that inherits
    it holds the lock for as long as it lives.

    Raises:
        Cancelled: while it waited for another process.
    """
    import time

    folder = models_dir()
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / f".{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while not _try_lock(handle):
            if cancel:
                raise Cancelled
            time.sleep(0.1)
        yield handle
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        import fcntl
    except ImportError:  # no such locks on this system: copies are atomic all the same
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def full_disk_told(folder: Path) -> Iterator[None]:
    """Raises ModelFileError where the block finds no more room for its files."""
    import errno

    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise ModelFileError(
            f"{folder}: the disk is full",
            "make room, or set AGENTKIT_CACHE to a folder on another disk",
        ) from error


def sweep(folder: Path) -> None:
    """Removes what an interrupted making of this folder left beside it. Call it under the lock."""
    import shutil

    for rest in folder.parent.glob(f".{folder.name}.*"):
        if rest.is_dir():
            shutil.rmtree(rest, ignore_errors=True)
