"""Finding the files of a folder: nothing outside it, no loops, no surprises."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from agentkit_sources.readers import reader_name

SKIPPED_FOLDERS = frozenset(
    "node_modules __pycache__ venv site-packages build dist target htmlcov".split()
)


@dataclass(frozen=True, slots=True)
class Found:
    """A file to read. path: below the root, with forward slashes; it is the document's id."""

    path: str
    file: Path
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Something that is not read, and why."""

    path: str
    reason: str


def walk(
    root: Path, include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()
) -> Iterator[Found | Refused]:
    """All files below a folder in the order of their paths; a file gives itself.

    Links to folders are not followed, links to files only while they stay below the root. Hidden
    files and folders, and those that tools make, are passed over without a word, as are kinds that
    hold no text (unless `include` names them).

    Raises:
        OSError: the root itself cannot be listed.
    """
    root = root.resolve()
    if root.is_file():
        yield from _file(root.name, root, root.parent)
        return
    pending = [("", root)]
    while pending:
        prefix, folder = pending.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda e: e.name)
        except OSError as error:
            if not prefix:
                raise
            yield Refused(prefix.rstrip("/"), _why(error))
            continue
        below = []
        for entry in entries:
            path = prefix + entry.name
            if entry.name.startswith(".") or _any(path, exclude):
                continue
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in SKIPPED_FOLDERS:
                    below.append((f"{path}/", Path(entry.path)))
            elif entry.is_dir():
                yield Refused(path, "a link to a folder; links to folders are not followed")
            elif _any(path, include) if include else reader_name(path):
                yield from _file(path, Path(entry.path), root)
        pending.extend(reversed(below))


def _file(path: str, file: Path, root: Path) -> Iterator[Found | Refused]:
    try:
        path.encode()
        if file.is_symlink() and not file.resolve(strict=True).is_relative_to(root):
            yield Refused(path, "a link that leads out of the folder")
            return
        stat = file.stat()
        if not file.is_file():
            yield Refused(path, "not a plain file")
            return
        yield Found(path, file, stat.st_size, stat.st_mtime_ns)
    except UnicodeEncodeError:
        yield Refused(repr(path), "its name is not UTF-8")
    except OSError as error:
        yield Refused(path, _why(error))


def _any(path: str, globs: tuple[str, ...]) -> bool:
    """Whether a glob matches the path, its name, or a folder above it."""
    name = path.rsplit("/", 1)[-1]
    return any(fnmatchcase(path, g.rstrip("/")) or fnmatchcase(name, g) for g in globs)


def _why(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
