"""Files that appear whole or not at all, and where agentkit keeps things."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def _home(variable: str, fallback: str) -> Path:
    root = os.environ.get(variable)
    return (Path(root) if root else Path.home() / fallback) / "agentkit"


def cache_dir() -> Path:
    """Things that can be made again: converted models, indexes."""
    return Path(os.environ.get("AGENTKIT_CACHE") or _home("XDG_CACHE_HOME", ".cache"))


def data_dir() -> Path:
    """Things that cannot be made again: runs."""
    return Path(os.environ.get("AGENTKIT_DATA") or _home("XDG_DATA_HOME", ".local/share"))


def config_dir() -> Path:
    """The user's own settings."""
    return Path(os.environ.get("AGENTKIT_CONFIG") or _home("XDG_CONFIG_HOME", ".config"))


def _sync_dir(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(path: Path, content: bytes | str) -> Path:
    """Writes beside `path`, syncs, and renames: readers see the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_dir(path.parent)
    return path


@contextmanager
def folder_atomic(path: Path) -> Iterator[Path]:
    """Yields a new folder beside `path` which becomes `path` when the block ends well."""
    import shutil

    path.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        yield made
        if path.exists():
            old = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.old."))
            os.replace(path, old / "was")
            os.replace(made, path)
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(made, path)
        _sync_dir(path.parent)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def sha256(path: Path, chunk: int = 1 << 20) -> str:
    """The file's hash as hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(chunk):
            digest.update(block)
    return digest.hexdigest()
