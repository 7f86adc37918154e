"""Labelled examples out of past runs: what a node was asked, and the answer that proved right."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentkit.errors import DataError, UsageError
from agentkit.runs import RunStore
from agentkit.seeds import derive
from agentkit.unicode import split_lines
from agentkit_prompt_mii.examples import Examples, Row, checked

KINDS = ("model.asked", "model.done")


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of a node in a run. text: the last message of its request. answer: what was said."""

    run: str
    text: str
    answer: str


def node_of(position: str) -> str:
    """ "14:work#1/2:weigh" to "weigh": the node's own name."""
    return position.rpartition("/")[2].partition(":")[2].partition("#")[0] or position


def calls(store: RunStore, agent: str, node: str, limit: int = 1000) -> list[Asked]:
    """What a node of an agent's ended runs asked and was answered, newest run first. Calls that
    failed, and those with several requests, are left out.

    Raises:
        UsageError: no run of that agent ended, or none of them was in that node.
    """
    ended = [row for row in store.runs(limit, agent) if row.status == "done"]
    if not ended:
        raise UsageError(f"no run of the agent {agent!r} has ended well", "agentkit runs list")
    found, nodes = [], set[str]()
    for row in ended:
        asked: dict[str, Mapping[str, Any]] = {}
        for event in store.tail(row.id, kinds=KINDS):
            nodes.add(node_of(event.position))
            if node_of(event.position) != node:
                continue
            if event.kind == "model.asked":
                asked[event.position] = event.data
                continue
            data = asked.pop(event.position, None)
            texts = event.data.get("texts", ())
            if data is None or len(data["requests"]) != 1 or len(texts) != 1:
                continue
            found.append(Asked(row.id, _text(data["requests"][0]), str(texts[0]).strip()))
    if not found:
        raise UsageError(
            f"no run of {agent!r} asked a model in a node {node!r}",
            f"its nodes: {', '.join(sorted(nodes)) or 'none that asked one'}",
        )
    return found


def _text(request: Mapping[str, Any]) -> str:
    users = [m for m in request["messages"] if m["role"] == "user"]
    parts = users[-1]["parts"] if users else ()
    return "".join(p["text"] for p in parts if p["part"] == "Text").strip()


def outcomes(path: Path) -> dict[str, str | float]:
    """Run id to its right answer (`label`) or how well it went (`score`), of JSON lines.

    Raises:
        DataError: naming the line.
    """
    found: dict[str, str | float] = {}
    try:
        lines = split_lines(path.read_text())
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}", "") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            plain = json.loads(line)
            run = str(plain["run"])
            found[run] = str(plain["label"]) if "label" in plain else float(plain["score"])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path}, line {number}: {error}", '{"run": …, "label": …} or {"run", "score"}'
            ) from error
    return found


def from_runs(
    asked: Sequence[Asked],
    known: Mapping[str, str | float],
    labels: Sequence[str] | None = None,
    *,
    good: float = 0.5,
    prefix: str = "",
    held: float = 0.5,
    seed: int = 0,
) -> tuple[Examples, Examples]:
    """(examples to induce from, held-out ones), apart by run.

    A run whose right answer is known gives that; one that is only scored gives its own answer where
    the score is at least `good`. Runs that nobody judged give nothing: that one ended is no proof.

    Args:
        known: by run id; see `outcomes`.
        prefix: the agent's own sub-prompt, which is taken off the front of what was asked.
        held: share of runs.
    """
    rows: list[tuple[str, Row]] = []
    for number, one in enumerate(asked, 1):
        outcome = known.get(one.run)
        if outcome is None:
            continue
        label = outcome if isinstance(outcome, str) else one.answer if outcome >= good else None
        if label:
            rows.append((one.run, Row(one.text.removeprefix(prefix).strip(), label, number)))
    if not rows:
        raise DataError(
            "no run has an outcome that tells a right answer", "give --outcomes FILE for these runs"
        )
    whole = checked(
        [(row.text, row.label) for _, row in rows], labels, [row.number for _, row in rows]
    )
    run_of = {row.number: run for run, row in rows}

    def side(row: Row) -> bool:
        return derive(seed, f"held out {run_of[row.number]}") % 10_000 < held * 10_000

    first, second = ([r for r in whole.rows if side(r) is which] for which in (False, True))
    if not first or len({r.label for r in second}) < 2:
        raise DataError(
            f"{len(rows)} judged calls are too few to induce and to judge", "run more first"
        )
    return whole.part(first), whole.part(second)
