"""Looks that need more than the fold: a quote in its page, two runs side by side, results."""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path
from typing import Any

from agentkit.console.desk import Desk
from agentkit.console.faults import missing
from agentkit.errors import AgentkitError
from agentkit.runs.export import result_text

AROUND = 4000  # bytes of a page on each side of a quote
MOST = 200_000
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")


def page(desk: Desk, run: str, key: str, around: int = AROUND) -> dict[str, Any]:
    """The stored text around a quote, in three pieces.

    Raises:
        Refusal: there is no such evidence.
        AgentkitError: its source cannot be opened.
    """
    span = desk.folds.get(run).tree.get("evidence", key)
    if span is None:
        raise missing(f"there is no evidence {key!r}")
    told = {k: span[k] for k in ("title", "uri", "source", "document", "heading", "page")}
    alone = {"before": "", "quote": span["text"], "after": ""}
    alone |= {"cut_before": True, "cut_after": True}
    if not span["source"] or not span["document"]:
        return {**told, **alone, "changed": False}
    document = desk.kit_of(run).source(span["source"]).open(span["document"])
    data = document.text.encode()
    start, end = int(span["start"]), int(span["end"])
    if document.sha256 != span["sha256"] or data[start:end] != span["text"].encode():
        return {**told, **alone, "changed": True}
    around = max(0, min(around, MOST))
    first, last = max(0, start - around), min(len(data), end + around)
    return {
        **told,
        "changed": False,
        "before": data[first:start].decode(errors="ignore"),
        "quote": data[start:end].decode(),
        "after": data[end:last].decode(errors="ignore"),
        "cut_before": first > 0,
        "cut_after": last < len(data),
    }


def result(desk: Desk, run: str) -> dict[str, Any]:
    """What the agent gave back: the text that is meant for people, and all of it.

    Raises:
        Refusal: it has given nothing back.
    """
    given = desk.store.get(run).result
    if given is None:
        raise missing("there is no result yet")
    text = result_text(given)
    return {"text": text if text in given.values() else "", "data": dict(given)}


def compare(desk: Desk, one: str, two: str) -> dict[str, Any]:
    """What differs between two runs, for instance a run and its fork."""
    rows = [desk.store.get(run) for run in (one, two)]
    first, second = (desk.snapshot(row.id)["state"] for row in rows)
    ours, theirs = first.get("tasks", {}), second.get("tasks", {})
    tasks = []
    for id in sorted({*ours, *theirs}, key=lambda id: (len(id), id)):
        mine, other = _task(ours.get(id)), _task(theirs.get(id))
        if mine != other:
            tasks.append({"id": id, "one": mine, "two": other})
    left, right = first.get("evidence", {}), second.get("evidence", {})
    texts = [result_text(row.result).splitlines() for row in rows]
    return {
        "one": desk.lists.row(rows[0]),
        "two": desk.lists.row(rows[1]),
        "shared": _shared(rows),
        "tasks": tasks,
        "evidence": {
            "both": len(left.keys() & right.keys()),
            "one": [span for key, span in left.items() if key not in right],
            "two": [span for key, span in right.items() if key not in left],
        },
        "report": _lines(*texts),
        "meter": {"one": first.get("meter"), "two": second.get("meter")},
    }


def _task(task: dict[str, Any] | None) -> dict[str, Any] | None:
    if task is None:
        return None
    return {k: task[k] for k in ("title", "status", "priority", "reason", "evidence")}


def _shared(rows: list[Any]) -> int | None:
    """The last step that a run and its fork share, None where they are not so related."""
    one, two = rows
    if two.parent == one.id:
        return int(two.parent_step)
    if one.parent == two.id:
        return int(one.parent_step)
    return (
        min(one.parent_step, two.parent_step) if one.parent and one.parent == two.parent else None
    )


def _lines(one: list[str], two: list[str]) -> list[dict[str, str]]:
    names = {" ": "same", "-": "one", "+": "two"}
    return [
        {"op": names[line[0]], "text": line[2:]}
        for line in difflib.ndiff(one, two)
        if line[0] in names
    ]


# -- measured results -----------------------------------------------------------------------------


def results(folder: Path | None) -> list[dict[str, Any]]:
    """What `agentkit bench` has written, by name."""
    made = []
    for path in sorted(folder.glob("*.json")) if folder is not None else ():
        try:
            plain = json.loads(path.read_text("utf-8"))
            names = ("question", "paper_claim", "command", "commit", "machine", "seeds", "verdict")
            made.append(
                {
                    "name": path.stem,
                    **{name: plain.get(name) for name in names},
                    "metrics": plain.get("metrics", {}),
                    "baselines": plain.get("baselines", {}),
                    "picture": path.with_suffix(".png").is_file(),
                }
            )
        except (OSError, ValueError, AttributeError):
            continue  # no result of ours
    return made


def picture(folder: Path | None, name: str) -> bytes:
    """Raises Refusal where there is none of that name."""
    path = folder / f"{name}.png" if folder is not None and NAME.fullmatch(name) else None
    if path is None or not path.is_file():
        raise missing("there is no such picture")
    return path.read_bytes()


def searched(desk: Desk, source: str, query: str) -> dict[str, Any]:
    """What a declared source gives for a query."""
    import time

    began = time.monotonic()
    try:
        found = desk.kit.source(source).search(query, 5)
    except AgentkitError as error:
        return {"status": "failed", "reason": str(error), "seconds": 0.0, "hits": []}
    hits = [{"title": hit.title, "text": hit.text[:400]} for hit in found.hits]
    seconds = round(time.monotonic() - began, 3)
    return {"status": found.status, "reason": found.reason, "seconds": seconds, "hits": hits}
