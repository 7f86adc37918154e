"""What differs between two research runs: tasks, evidence, and the report."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from agentkit_deep_research.desk import KINDS, Desk

if TYPE_CHECKING:
    from agentkit.runs.store import RunStore


def compare(store: RunStore, one: str, two: str) -> str:
    """As text, one section each."""
    return "\n".join(_lines(store, one, two)) + "\n"


def desk_of(store: RunStore, run: str) -> Desk:
    """A run's desk as it is now."""
    desk = Desk()
    for event in store.tail(run, kinds=KINDS):
        desk.apply(event)
    return desk


def _lines(store: RunStore, one: str, two: str) -> Iterator[str]:
    ours, theirs = desk_of(store, one), desk_of(store, two)
    yield f"# {one} and {two}"
    yield "\n## Todo"
    mine = {t.id: (t.status, t.priority, t.title) for t in ours.todo}
    other = {t.id: (t.status, t.priority, t.title) for t in theirs.todo}
    for id in sorted({*mine, *other}, key=lambda id: int(id[1:])):
        if mine.get(id) != other.get(id):
            yield f"{id}: {_task(mine.get(id))} | {_task(other.get(id))}"
    yield "\n## Evidence"
    spans = {s.id: s for s in [*ours.evidence, *theirs.evidence]}
    left, right = {s.id for s in ours.evidence}, {s.id for s in theirs.evidence}
    for id in sorted(left ^ right):
        span = spans[id]
        where = f"{span.document} bytes {span.start}-{span.end}"
        yield f"{'-' if id in left else '+'} {where}: {' '.join(span.text.split())[:120]}"
    yield "\n## Report"
    before, after = (
        str((store.get(run).result or {}).get("report", "")).splitlines() for run in (one, two)
    )
    yield from difflib.unified_diff(before, after, one, two, n=1, lineterm="")


def _task(task: tuple[str, int, str] | None) -> str:
    return "none" if task is None else f"{task[0]}, priority {task[1]}, {task[2]}"
