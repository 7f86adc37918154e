"""A run as one line of training data: iterations, queries, sources, reflections, todo versions.

Shaped after EDR-200 (arXiv 2510.17797 §5: a trajectory is iterations of tool calls, searches and
reflections, and the report), with all that is needed to make the report again without a model:
`replay`. The schema stands beside this file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any

from agentkit.errors import DataError
from agentkit.runs.events import Event
from agentkit_deep_research.composing import compose
from agentkit_deep_research.desk import KINDS, Desk
from agentkit_deep_research.markdown import markdown
from agentkit_deep_research.report import Report, title_of
from agentkit_deep_research.verify import Fault, Verdict

if TYPE_CHECKING:
    from agentkit.runs.store import RunRow, RunStore

SCHEMA = 1
CALLS = ("model.asked", "model.done", "search.done")
ENDS = ("report.limited", "report.verified")


def trajectory(store: RunStore, run: str) -> dict[str, Any]:
    """A finished research run as one JSON object.

    Raises:
        DataError: it has not written a report, or is no research run.
    """
    row = store.get(run)
    events = store.tail(row.id)
    if not any(e.kind == "report.verified" for e in events):
        raise DataError(
            f"run {row.id} has written no report", "only finished research runs have one"
        )
    numbered = list(_numbered(events))
    made = {
        "schema": SCHEMA,
        "run": row.id,
        "agent": row.agent,
        "question": str(row.input.get("question", row.task)),
        "seed": row.seed,
        "iterations": [_iteration(n, numbered) for n in range(1, max(i for i, _ in numbered) + 1)],
        "steps": [
            {"n": e.seq, "iteration": i, "at": e.position, "kind": e.kind, "data": dict(e.data)}
            for i, e in numbered
            if e.kind in (*KINDS, *CALLS, *ENDS)
        ],
        "report": _report(row),
    }
    return {**made, "counts": _counts(made)}


def _numbered(events: Iterable[Event]) -> Iterator[tuple[int, Event]]:
    """Events with the iteration in which they happened, from 1."""
    iteration = 1
    for event in events:
        if event.kind == "round.began":
            iteration = event.data["round"]
        yield iteration, event


def _iteration(number: int, events: Sequence[tuple[int, Event]]) -> dict[str, Any]:
    mine = [e for i, e in events if i == number]
    queries = [dict(e.data) for e in mine if e.kind == "query.done"]
    found = [e.data for e in mine if e.kind == "evidence.added"]
    return {
        "iteration": number,
        "queries": queries,
        "sources": sorted({f"{d['source']}: {d['document']}" for d in found}),
        "evidence": [d["id"] for d in found],
        "reflections": [dict(e.data) for e in mine if e.kind == "gap.found"],
        "directives": [dict(e.data) for e in mine if e.kind == "message.ended"],
        "todo_version": sum(e.kind == "todo.changed" for i, e in events if i <= number),
        "tool_calls": sum(e.kind in ("search.done", "open.done") for e in mine),
    }


def _report(row: RunRow) -> str:
    return str((row.result or {}).get("report", ""))


def _counts(made: Mapping[str, Any]) -> dict[str, Any]:
    iterations = made["iterations"]
    return {
        "iterations": len(iterations),
        "searches": sum(len(i["queries"]) for i in iterations),
        "tool_calls": sum(i["tool_calls"] for i in iterations),
        "sources": len({s for i in iterations for s in i["sources"]}),
        "reflections": sum(len(i["reflections"]) for i in iterations),
        "words": len(made["report"].split()),
    }


def schema() -> dict[str, Any]:
    """The JSON schema of a line."""
    text = resources.files(__package__).joinpath("trajectory.schema.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def check(line: Mapping[str, Any]) -> None:
    """Raises DataError where a line does not keep to the schema."""
    import jsonschema

    try:
        jsonschema.validate(line, schema())
    except jsonschema.ValidationError as error:
        where = "/".join(map(str, error.absolute_path)) or "the line"
        raise DataError(f"no trajectory: {where}: {error.message[:200]}") from error


def replay(line: Mapping[str, Any]) -> Report:
    """The report made again from what stands in the line: no source is opened, no model asked."""
    desk, limits, verdict = Desk(), dict[str, Any](), None
    for step in line["steps"]:
        kind, data = step["kind"], step["data"]
        if kind == "report.limited":
            limits = dict(data)
        elif kind == "report.verified":
            faults = tuple(Fault(*fault) for fault in data["faults"])
            verdict = Verdict(data["checked"], faults)
        elif kind in KINDS:
            desk.apply(Event(line["run"], step["n"], 0.0, kind, step["at"], data))
    made = compose(title_of(line["question"]), desk, verdict=verdict, **limits)
    return made


def replayed(line: Mapping[str, Any]) -> str:
    """`replay` as Markdown, to be compared with the line's own report."""
    return markdown(replay(line))
