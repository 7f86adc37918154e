"""Rows of the run store's tables as messages, and JSON as it stands in them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from agentkit.capabilities.agent import Directive, Question
from agentkit.runs.events import Event
from agentkit.runs.store import Budget, Call, RunRow
from agentkit.unicode import valid

_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def dump(value: Any) -> str:
    """JSON, the same text for the same value; of halves of characters, U+FFFD."""
    return valid(_ENCODER.encode(value))


def run(row: sqlite3.Row) -> RunRow:
    values = dict(row)
    for key in ("input", "recipe", "graph"):
        values[key] = json.loads(values[key])
    values["budget"] = Budget(**json.loads(values["budget"]))
    values["result"] = None if values["result"] is None else json.loads(values["result"])
    return RunRow(**values)


def event(row: sqlite3.Row) -> Event:
    data = json.loads(row["data"])
    return Event(
        row["run"], row["seq"], row["time"], row["kind"], row["position"], data, row["version"]
    )


def call(row: sqlite3.Row) -> Call:
    result = None if row["result"] is None else json.loads(row["result"])
    return Call(
        row["position"],
        row["call"],
        row["kind"],
        row["effect"],
        row["args"],
        row["tries"],
        row["seq"],
        result,
    )


def directive(row: sqlite3.Row) -> Directive:
    return Directive(row["id"], row["text"], row["author"], json.loads(row["data"]))


def question(data: Mapping[str, Any]) -> Question:
    """A question from its event."""
    return Question(
        data["text"], tuple(data["options"]), data["kind"], data["default"], data["data"]
    )
