"""Accepted prompts, by task: what each replaced, what it was written from, how it scored, and the
way back. Nothing is ever deleted: reverting is another entry."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentkit.errors import DataError, UsageError
from agentkit.files import data_dir, write_atomic
from agentkit.names import nearest
from agentkit_prompt_mii.instruction import Instruction

TASK = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One step in a task's history. kind: "accepted", "refused" or "reverted". instruction: what it
    is about; for "reverted" the one that holds again, None where none does. scores: by who."""

    number: int
    kind: str
    instruction: Instruction | None
    why: str
    when: float
    scores: Mapping[str, Any] = field(default_factory=dict)


class PromptStore:
    """One file a task below `folder`; the user's data folder by default."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or data_dir() / "prompts"

    def tasks(self) -> list[str]:
        return sorted(p.stem for p in self.folder.glob("*.json") if TASK.fullmatch(p.stem))

    def history(self, task: str) -> list[Entry]:
        """Oldest first; empty for a task that nobody knows.

        Raises:
            DataError: the file is damaged.
        """
        path = self._path(task)
        if not path.exists():
            return []
        try:
            made = []
            for plain in json.loads(path.read_text())["entries"]:
                given = plain["instruction"]
                instruction = None if given is None else Instruction.from_json(given)
                made.append(Entry(**{**plain, "instruction": instruction}))
            return made
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} is damaged: {error}", "put a copy back, or move it") from error

    def current(self, task: str) -> Instruction | None:
        """The instruction that holds."""
        entries = [e for e in self.history(task) if e.kind != "refused"]
        return entries[-1].instruction if entries else None

    def get(self, task: str, hash: str = "") -> Instruction:
        """The current instruction, or any that was ever accepted, by the beginning of its hash.

        Raises:
            UsageError: there is none.
        """
        if not hash:
            if (found := self.current(task)) is not None:
                return found
            if not self.history(task):
                raise UsageError(
                    f"no prompt was accepted for {task!r}{nearest(task, self.tasks())}",
                    "agentkit induce FILE --label COLUMN --task NAME",
                )
            raise UsageError(f"no prompt holds for {task!r}", f"agentkit induce show {task}")
        known = {
            e.instruction.hash: e.instruction
            for e in self.history(task)
            if e.instruction is not None and e.kind != "refused"
        }
        fitting = [one for name, one in known.items() if name.startswith(hash)]
        if len(fitting) != 1:
            raise UsageError(
                f"{len(fitting)} accepted prompts of {task!r} begin with {hash!r}",
                f"one of: {', '.join(known) or 'none'}",
            )
        return fitting[0]

    def add(
        self,
        task: str,
        instruction: Instruction,
        *,
        accepted: bool,
        why: str,
        scores: Mapping[str, Any],
    ) -> Entry:
        """Writes a decision down.

        Raises:
            UsageError: another prompt became current since this one was judged.
        """
        with self._changing(task) as entries:
            current = self.current(task)
            if accepted and instruction.parent_hash != (current.hash if current else ""):
                raise UsageError(
                    f"the prompt of {task!r} has changed since this one was judged", "judge again"
                )
            kind = "accepted" if accepted else "refused"
            entries.append(Entry(len(entries) + 1, kind, instruction, why, time.time(), scores))
            return entries[-1]

    def revert(self, task: str, hash: str = "", why: str = "") -> Entry:
        """The parent of the current instruction holds again, or the one of that hash.

        Raises:
            UsageError: there is nothing to go back from or to.
        """
        if hash:
            target: Instruction | None = self.get(task, hash)
        else:
            parent = self.get(task).parent_hash
            target = self.get(task, parent) if parent else None
        with self._changing(task) as entries:
            reason = why or "by hand"
            entries.append(Entry(len(entries) + 1, "reverted", target, reason, time.time()))
            return entries[-1]

    @contextmanager
    def _changing(self, task: str) -> Iterator[list[Entry]]:
        """The history, written back when the block ends well. One process at a time."""
        import fcntl

        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f".{task}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            entries = self.history(task)
            yield entries
            plain = [
                {
                    "number": e.number,
                    "kind": e.kind,
                    "instruction": None if e.instruction is None else e.instruction.to_json(),
                    "why": e.why,
                    "when": e.when,
                    "scores": dict(e.scores),
                }
                for e in entries
            ]
            text = json.dumps({"version": 1, "entries": plain}, ensure_ascii=False, indent=1)
            write_atomic(self._path(task), text)

    def _path(self, task: str) -> Path:
        if not TASK.fullmatch(task):
            raise UsageError(f"{task!r} is no name for a task", "lower-case letters, digits, ._-")
        return self.folder / f"{task}.json"
