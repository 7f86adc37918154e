"""What was learned, as patches that can be listed, checked and taken back to the bit.

A patch holds its rows, their bits before and after, and where it came from. The stack is one small
file that names the patches in order; it appears whole or not at all, and only what it names counts.
So whatever is killed in mid-write, the weights are those of before.

A patch may be taken back when no later one changed a row of its own; else those go first.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from agentkit.errors import DataError, UsageError
from agentkit.files import sha256, write_atomic

STACK, PATCHES, LOCK = "stack.json", "patches", ".lock"


@dataclass(frozen=True, slots=True)
class Patch:
    """rows: (n,) ascending. old, new: (n, d_v) fp32. about: facts, metrics, settings, parents: all
    JSON."""

    rows: Tensor
    old: Tensor
    new: Tensor
    about: Mapping[str, Any]

    def to_bytes(self) -> bytes:
        tensors = {"rows": self.rows, "old": self.old, "new": self.new}
        plain = {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}
        return bytes(save(plain, {"about": json.dumps(dict(self.about))}))

    @classmethod
    def read(cls, path: Path) -> Patch:
        """Raises DataError: there is no such patch, or it is damaged."""
        try:
            with safe_open(path, "pt") as file:
                about = json.loads(file.metadata()["about"])
                rows, old, new = (file.get_tensor(name) for name in ("rows", "old", "new"))
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}: is no patch: {error}", "restore the file") from error
        return cls(rows, old, new, about)


@dataclass(frozen=True, slots=True)
class Entry:
    """A patch in the stack. facts: what it says, in words."""

    id: str
    sha256: str
    rows: int
    facts: tuple[str, ...]
    created: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


class PatchStack:
    """The patches of a folder over a table of values that this process holds.

    Args:
        values: (slots, d_v); changed in place.
        start: rows of the table as it was before any patch: (n,) to (n, d_v).
    """

    def __init__(self, folder: Path, values: Tensor, start: Any) -> None:
        self.folder, self._values, self._start = folder, values, start
        self._applied: list[Entry] = []
        self._rows: dict[str, Tensor] = {}

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What is applied in this process, oldest first."""
        return tuple(self._applied)

    def rows(self) -> Tensor:
        """All rows that patches changed, ascending."""
        if not self._rows:
            return torch.zeros(0, dtype=torch.long)
        return torch.cat(list(self._rows.values())).unique()

    def find(self, patch: str) -> Entry:
        """The entry with that id, or the beginning of one, or "last".

        Raises:
            UsageError: there is none, or several.
        """
        if patch == "last" and self._applied:
            return self._applied[-1]
        found = [e for e in self._applied if e.id.startswith(patch)]
        if len(found) != 1:
            ids = ", ".join(e.id for e in self._applied) or "none"
            what = "several patches" if found else "no patch"
            raise UsageError(f"{what} {patch!r} in {self.folder}", f"there are: {ids}")
        return found[0]

    def patch(self, entry: Entry) -> Patch:
        return Patch.read(self._path(entry))

    # -- reading what other processes did ---------------------------------------------------------

    def sync(self) -> bool:
        """Brings the values to what the folder says; gives whether anything changed.

        Raises:
            DataError: a patch is missing or damaged; then the values are as they were.
        """
        wanted = self._read()
        if wanted == self._applied:
            return False
        same = 0
        while same < min(len(wanted), len(self._applied)) and wanted[same] == self._applied[same]:
            same += 1
        if same < len(self._applied):
            same = 0  # something was taken back: begin anew
        patches = [self._checked(entry) for entry in wanted[same:]]
        with torch.no_grad():
            if not same and self._applied:
                rows = self.rows()
                self._values[rows] = self._start(rows).to(self._values)
                self._rows.clear()
            for entry, patch in zip(wanted[same:], patches):
                self._values[patch.rows] = patch.new.to(self._values)
                self._rows[entry.id] = patch.rows
        self._applied = wanted
        return True

    def changed(self) -> bool:
        """Whether the folder says other than this process has."""
        return self._read() != self._applied

    def _read(self) -> list[Entry]:
        path = self.folder / STACK
        try:
            plain = json.loads(path.read_text()) if path.exists() else {"patches": []}
            return [Entry(**{**one, "facts": tuple(one["facts"])}) for one in plain["patches"]]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}: is no list of patches: {error}", "restore it") from error

    def _checked(self, entry: Entry) -> Patch:
        path = self._path(entry)
        if not path.exists() or sha256(path) != entry.sha256:
            raise DataError(
                f"{path}: the patch is {'damaged' if path.exists() else 'missing'}",
                "restore the file, or take the patch out of stack.json",
            )
        return Patch.read(path)

    def _path(self, entry: Entry) -> Path:
        return self.folder / PATCHES / f"{entry.id}.safetensors"

    # -- writing ----------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One writer at a time, over all processes.

        Raises:
            UsageError: another one is at it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / LOCK).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UsageError(
                    f"{self.folder}: another process is changing this memory", "wait for it"
                ) from None
            self.sync()
            yield

    def push(self, patch: Patch, **about: Any) -> Entry:
        """Puts a patch on top; for use inside `writing`. The values may hold its new bits already.

        Args:
            about: of its entry, all but sha256 and rows.

        Raises:
            DataError: its old bits are not those of this memory.
        """
        entry = Entry(sha256="", rows=len(patch.rows), **about)
        return self.restore(entry, patch)

    def restore(self, entry: Entry, patch: Patch) -> Entry:
        """Puts a patch on top under an entry that it had before; see `push`."""
        with torch.no_grad():
            now = self._values[patch.rows].cpu()
        if not (torch.equal(now, patch.old.cpu()) or torch.equal(now, patch.new.cpu())):
            raise DataError(
                f"the patch {entry.id} was made on other rows than this memory has now",
                "learn the facts again, or take later patches back first",
            )
        path = write_atomic(self._path(entry), patch.to_bytes())
        entry = replace(entry, sha256=sha256(path))
        self._write([*self._applied, entry])
        with torch.no_grad():
            self._values[patch.rows] = patch.new.to(self._values)
        self._rows[entry.id] = patch.rows
        self._applied = [*self._applied, entry]
        return entry

    def later(self, entry: Entry) -> list[Entry]:
        """Patches after this one that changed rows of its, directly or through one another."""
        found, rows = [], self._rows[entry.id]
        for other in self._applied[self._applied.index(entry) + 1 :]:
            own = self._rows[other.id]
            if torch.isin(own, rows).any():
                found.append(other)
                rows = torch.cat([rows, own])
        return found

    def revert(self, patch: str, *, cascade: bool = False) -> list[Entry]:
        """Takes a patch back; for use inside `writing`. Its rows get their old bits again.

        Args:
            cascade: also take back later patches that changed rows of its.

        Returns:
            What was taken back, latest first.

        Raises:
            UsageError: later patches changed its rows.
        """
        entry = self.find(patch)
        later = self.later(entry)
        if later and not cascade:
            raise UsageError(
                f"patch {entry.id} cannot be taken back alone: {', '.join(e.id for e in later)} "
                "changed rows of it later",
                "take those back first, or all at once: --cascade",
            )
        gone = [*later[::-1], entry]
        self._write([e for e in self._applied if e not in gone])
        self.sync()
        for one in gone:
            self._path(one).unlink(missing_ok=True)
        return gone

    def _write(self, entries: list[Entry]) -> None:
        plain = {"patches": [_plain(entry) for entry in entries]}
        write_atomic(self.folder / STACK, json.dumps(plain, indent=1))


def _plain(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "sha256": entry.sha256,
        "rows": entry.rows,
        "facts": list(entry.facts),
        "created": entry.created,
        "metrics": dict(entry.metrics),
        "note": entry.note,
    }
