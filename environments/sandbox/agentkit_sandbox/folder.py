"""The working folder: files into it, and plain files, nothing else, out of it."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from agentkit.errors import UsageError

MOST = 10_000  # files and folders


@contextmanager
def working_folder(files: Mapping[str, bytes], owner: int | None) -> Iterator[str]:
    """A fresh folder that holds the files, owned by the user given; gone afterwards.

    Raises:
        UsageError: a name would leave the folder.
    """
    folder = tempfile.mkdtemp(prefix="agentkit-sandbox-")
    try:
        for name, content in files.items():
            _put(Path(folder), name, content)
        if owner is not None:
            for parent, _, names in os.walk(folder):
                for path in (parent, *(os.path.join(parent, name) for name in names)):
                    os.chown(path, owner, owner, follow_symlinks=False)
        yield folder
    finally:
        _open_up(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _put(folder: Path, name: str, content: bytes) -> None:
    parts = PurePosixPath(name).parts
    if not parts or PurePosixPath(name).is_absolute() or ".." in parts or "\0" in name:
        raise UsageError(f"{name!r} would leave the sandbox's folder", "give relative names")
    path = folder.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def size(folder: str) -> tuple[int, int]:
    """(bytes, entries) in the folder, links not followed; what vanishes meanwhile is not there."""
    total = entries = 0
    pending = [folder]
    while pending and entries <= MOST:
        try:
            with os.scandir(pending.pop()) as found:
                for entry in found:
                    entries += 1
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError:
            continue
    return total, entries


def results(folder: str, most: int) -> dict[str, bytes] | None:
    """Plain files by relative name, to be read when nothing runs any more; None where they are
    larger than `most` together. Links, devices and pipes are left out: they may lead anywhere."""
    _open_up(folder)
    found: dict[str, bytes] = {}
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            if not stat.S_ISREG(os.lstat(path).st_mode):
                continue
            total += os.lstat(path).st_size
            if total > most or len(found) >= MOST:
                return None
            with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found


def _open_up(folder: str) -> None:
    """Takes back what a program forbade: its files are ours."""
    for parent, folders, names in os.walk(folder):
        for name in folders:
            _allow(os.path.join(parent, name), 0o700)
        for name in names:
            _allow(os.path.join(parent, name), 0o600)


def _allow(path: str, mode: int) -> None:
    try:
        if not os.path.islink(path):
            os.chmod(path, mode)
    except OSError:
        pass
