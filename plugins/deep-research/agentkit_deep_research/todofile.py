"""todo.md as an input: what a person changed in the file, and what of it cannot be followed.

The file says which version it was written from, so that only what the person changed counts; what
the agent did meanwhile stays. A line that cannot be read is reported by its number, the others are
followed all the same, and a task whose line is gone is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from agentkit_deep_research.todo import ENDED, MARK, Status, Task, Todo

LONGEST = 64_000  # characters of a file
TOLD = 20  # lines that are reported one by one

_VERSION = re.compile(r"^#\s*Todo\s*\(version (\d+)\)", re.I | re.M)
_LINE = re.compile(r"^\s*[-*]\s*\[(?P<mark>.)\]\s*(?:(?P<id>[Tt]\d+)\b[.:]?\s*)?(?P<words>.*)$")
_PRIORITY = re.compile(r"\(priority (-?\d{1,4})\b[^()]*(?:\([^()]*\)[^()]*)*\)\s*$")
_STATUS: dict[str, Status] = {mark: status for status, mark in MARK.items()}
_STATUS["X"] = "done"


@dataclass(frozen=True, slots=True)
class Edit:
    """One change that a person made. values: the fields of the task that change."""

    kind: Literal["add", "change"]
    line: int
    task: str
    values: tuple[tuple[str, Any], ...]
    what: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A line that is not followed; 0: it is about the file as a whole."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}" if self.line else self.reason


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    task: Task
    status: Status
    priority: int | None


def merge(text: str, todo: Todo) -> tuple[list[Edit], list[Unread]]:
    """What an edited file changes in the list as it is now, in the order of its lines."""
    if len(text) > LONGEST:
        return [], [Unread(0, f"the file has {len(text)} characters, at most {LONGEST} are read")]
    found = _VERSION.search(text)
    base = todo.at(int(found[1])) if found else todo
    rows, edits, unread = _read(text, todo)
    if not rows and not edits:
        more = f"; {unread[0]}" if unread else ""
        return [], [Unread(0, f"the file holds no line of a task: nothing is changed{more}")]
    for row in rows:
        made = _status(row, base)
        if isinstance(made, Unread):
            unread.append(made)
        elif made is not None:
            edits.append(made)
    changes, wanted = _order(rows, base)
    edits = [_placed(edit, rows, wanted) if edit.kind == "add" else edit for edit in edits]
    edits += changes
    there = {row.task.id for row in rows}
    for task in base:
        if task.id not in there:
            reason = f"{task.id} has no line any more; it is kept (write [-] to cancel it)"
            unread.append(Unread(0, reason))
    return edits, _bounded(unread)


def _read(text: str, todo: Todo) -> tuple[list[_Row], list[Edit], list[Unread]]:
    rows: list[_Row] = []
    edits: list[Edit] = []
    unread: list[Unread] = []
    seen: set[str] = set()
    for number, line in _lines(text):
        match = _LINE.match(line)
        if match is None:
            unread.append(Unread(number, f"not a task: {line.strip()[:60]!r}"))
            continue
        status = _STATUS.get(match["mark"])
        if status is None:
            reason = f"[{match['mark']}] says nothing; use [ ], [x] or [-]"
            unread.append(Unread(number, reason))
            continue
        noted = _PRIORITY.search(match["words"])
        priority = int(noted[1]) if noted else None
        if match["id"] is None:
            words = match["words"][: noted.start()] if noted else match["words"]
            words = " ".join(words.split())
            if not words or status != "pending":
                reason = "a new task needs words" if not words else "a new task begins as [ ]"
                unread.append(Unread(number, reason))
            else:
                values = (("title", words), ("priority", priority))
                edits.append(Edit("add", number, "", values, f"add: {words}"))
            continue
        task = todo.get(match["id"])
        if task is None:
            reason = f"there is no {match['id'].upper()}; leave the id out to add a task"
            unread.append(Unread(number, reason))
        elif task.id in seen:
            unread.append(Unread(number, f"{task.id} stands in the file twice; the first counts"))
        else:
            seen.add(task.id)
            if not match["words"].startswith(" ".join(task.title.split())):
                reason = f"the words of {task.id} stay; cancel it and add a line without an id"
                unread.append(Unread(number, reason))
            rows.append(_Row(number, task, status, priority))
    return rows, edits, unread


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Numbered lines that should be tasks: no blank ones, headings, or comments."""
    comment = False
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        comment = comment or bare.startswith("<!--")
        if bare and not comment and not bare.startswith("#"):
            yield number, line
        comment = comment and not bare.endswith("-->")


def _status(row: _Row, base: Todo) -> Edit | Unread | None:
    before, now = base.get(row.task.id), row.task
    was = before.status if before else "pending"
    if row.status in (was, now.status):
        return None
    if row.status in ("in_progress", "blocked"):
        return Unread(row.line, f"[{MARK[row.status]}] is set by the agent alone")
    if row.status == "pending" and now.status not in ENDED:
        return Unread(row.line, f"{now.id} is under way")
    if row.status == "done" and now.status in ENDED:
        return Unread(row.line, f"{now.id} is {now.status} by now; it stays so")
    values: list[tuple[str, Any]] = [("status", row.status)]
    if row.status == "pending":
        values.append(("reopen", True))
    word = {"done": "ticked", "cancelled": "cancelled", "pending": "taken up again"}[row.status]
    return Edit("change", row.line, now.id, tuple(values), f"{now.id} {word}")


def _placed(edit: Edit, rows: list[_Row], wanted: dict[str, int]) -> Edit:
    """A new line is as urgent as the one above it, unless it says otherwise."""
    above = [r for r in rows if r.line < edit.line and r.task.id in wanted]
    values = dict(edit.values)
    if values["priority"] is None and above:
        values["priority"] = wanted[above[-1].task.id]
    return replace(edit, values=tuple(values.items()))


def _order(rows: list[_Row], base: Todo) -> tuple[list[Edit], dict[str, int]]:
    """Priorities that a person wrote, and those that put the lines into their new order; and the
    priority of every line that may move."""
    movable = [r for r in rows if r.task.status == "pending" and r.status == "pending"]
    wanted: dict[str, int] = {}
    for row in movable:
        before = base.get(row.task.id)
        written = row.priority is not None and before and row.priority != before.priority
        wanted[row.task.id] = int(row.priority) if written and row.priority else row.task.priority
    there = {row.task.id for row in movable}
    was = [t.id for t in base.pending() if t.id in there]
    moved = [r.task.id for r in movable] != was and len(was) == len(movable)
    if moved:  # each at least as urgent as what stands below it
        least = min(wanted.values())
        for row in reversed(movable):
            least = wanted[row.task.id] = max(wanted[row.task.id], least)
    edits = []
    for place, row in enumerate(movable):
        values: list[tuple[str, Any]] = []
        if wanted[row.task.id] != row.task.priority:
            values.append(("priority", wanted[row.task.id]))
        if moved and place != row.task.order:
            values.append(("order", place))
        if values:
            what = f"{row.task.id} runs at place {place + 1} of {len(movable)}"
            edits.append(Edit("change", row.line, row.task.id, tuple(values), what))
    return edits, wanted


def _bounded(unread: list[Unread]) -> list[Unread]:
    unread.sort(key=lambda u: u.line)
    if len(unread) <= TOLD:
        return unread
    return [*unread[:TOLD], Unread(0, f"{len(unread) - TOLD} more lines could not be followed")]
