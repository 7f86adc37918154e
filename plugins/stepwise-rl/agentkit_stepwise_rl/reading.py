"""Stored runs as trajectories: what an agent saw and did on a phone, whoever the agent was.

A run tells its first screen when it begins (`begin.done`), each action and the screen after it
(`action.asked`, `action.done`), what an expert would have done if one was asked (`expert.done`),
and what the state said in the end (`check.done`, or its result).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from agentkit.agents.acting import history_line, kind_of
from agentkit.capabilities import Action
from agentkit.errors import UsageError
from agentkit.runs import Event, RunRow, RunStore
from agentkit_stepwise_rl.filtering import Report
from agentkit_stepwise_rl.spaces import OtherSpace
from agentkit_stepwise_rl.trajectories import Did, Seen, Trajectory, listed

KINDS = ("begin.done", "action.asked", "action.done", "expert.done", "check.done")


def named(store: RunStore, names: Iterable[str]) -> Iterator[RunRow]:
    """Runs by their ids, or all of an agent by its name, none twice.

    Raises:
        UsageError: a name is neither.
    """
    found: dict[str, RunRow] = {}
    for name in names:
        of_agent = store.runs(limit=1_000_000, agent=name)
        for row in of_agent or [store.get(name)]:
            found.setdefault(row.id, row)
    if not found:
        raise UsageError("no runs are named", "`agentkit runs list` shows them")
    yield from sorted(found.values(), key=lambda row: (row.created, row.id))


def trajectories(
    store: RunStore, rows: Iterable[RunRow], actions: Sequence[type[Action]], report: Report
) -> Iterator[Trajectory]:
    """What can be learned from: runs that ended, on a phone, in this action space."""
    for row in rows:
        report.came()
        if row.status not in ("done", "cancelled"):
            report.dropped(f"the run is {row.status}: half-written")
            continue
        try:
            made = trajectory(row, store.tail(row.id, kinds=KINDS), actions)
        except OtherSpace:
            report.dropped("another action space")
            continue
        if made is None:
            report.dropped("no run on a screen")
            continue
        report.kept()
        yield made


def trajectory(
    row: RunRow, events: Sequence[Event], actions: Sequence[type[Action]]
) -> Trajectory | None:
    """One run; None where it never saw a screen. A last action whose screen was not stored is left
    out: nobody knows what came of it.

    Raises:
        OtherSpace: an action is none of `actions`.
    """
    size = _size(events)
    seen: Seen | None = None
    asked: tuple[Mapping[str, Any], int] | None = None
    best: Mapping[str, Any] | None = None
    steps: list[Did] = []
    facts: Mapping[str, Any] = {}
    check: Mapping[str, Any] = {}
    for event in events:
        data = event.data
        if event.kind == "begin.done":
            seen, facts = _begun(data, size), data
        elif event.kind == "expert.done":
            best = data.get("action")
        elif event.kind == "action.asked":
            asked = dict(data.get("action", {})), event.seq
        elif event.kind == "action.done" and asked is not None and seen is not None:
            if "data" not in data:  # it was denied, or failed
                asked = None
                continue
            plain, at = asked
            action = _action(plain, actions)
            info = data.get("info", {})
            refused = str(info.get("refused", info.get("in_doubt", "")))
            line = history_line(action, seen.elements)
            whole = action.model_dump(mode="json")
            steps.append(Did(seen, whole, line, best, refused, at=at))
            seen, asked, best = _after(data["data"], size), None, None
        elif event.kind == "check.done":
            check = data
    if seen is None:
        return None
    result = row.result or {}
    task = str(facts.get("task_id", ""))
    success = check.get("success", result.get("success"))
    return Trajectory(
        id=row.id,
        goal=str(result.get("goal") or facts.get("goal") or row.task),
        task=task,
        template=task.partition("/")[0],
        split=str(row.input.get("split", "")),
        seed=int(row.input.get("state", row.input.get("seed", 0)) or 0),
        steps=tuple(steps),
        last=seen,
        start=str(row.input.get("start", "")),
        claim=str(result.get("claim", "")),
        answer=str(result.get("answer", "")),
        success=None if success is None else bool(success),
        reasons=tuple(map(str, check.get("reasons", result.get("reasons", ())))),
        data={"agent": row.agent},
    )


def _action(plain: Mapping[str, Any], actions: Sequence[type[Action]]) -> Action:
    known = {kind_of(one): one for one in actions}
    kind = str(plain.get("kind"))
    if kind not in known:
        raise OtherSpace(f"no action {kind!r} is known", "split it with the release that made it")
    try:
        return known[kind].model_validate(dict(plain))
    except ValidationError as error:
        raise OtherSpace(f"{kind}: {error.errors()[0]['msg']}", "") from error


def _begun(data: Mapping[str, Any], size: tuple[int, int] | None) -> Seen:
    """Agents keep the first screen as text beside the elements, or as an observation's data."""
    screen = data.get("screen", "")
    if isinstance(screen, Mapping):
        return _after(screen, size)
    place, _, time = str(screen).partition("\n")[0].partition("  ")
    return Seen(place, time, tuple(data.get("elements", ())), size, listed(data))


def _after(data: Mapping[str, Any], size: tuple[int, int] | None) -> Seen:
    place = str(data.get("package", data.get("url", ""))) + str(data.get("activity", ""))
    elements = tuple(data.get("elements", ()))
    return Seen(place, str(data.get("time", "")), elements, size, listed(data))


def _size(events: Sequence[Event]) -> tuple[int, int] | None:
    """Of the screen, as its first observation tells."""
    for event in events:
        data = event.data.get("data", event.data.get("screen"))
        if isinstance(data, Mapping) and data.get("width"):
            return int(data["width"]), int(data["height"])
    return None
