"""Tool calls: the single-turn Python categories of the Berkeley Function Calling Leaderboard, with
its own answers, from the data that the package bfcl-eval carries."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from agentkit.capabilities import Completion, Message, Request, ToolCall, ToolSpec
from agentkit_power_sampling.tasks.carried import Carrier
from agentkit_power_sampling.tasks.task import Task

BFCL = Carrier(
    "bfcl-eval",
    "2026.3.23",
    "3bb6dfa5f0c68ad403c9ec50b00db2bb3b4cc9b38ab1ff33f48fe30d853d3a0a",
)
CATEGORIES = ("simple_python", "multiple", "parallel", "parallel_multiple")
_TYPES = {"dict": "object", "float": "number", "tuple": "array", "hashmap": "object"}
_LOOSE = re.compile(r"[ ,./\-_*^]")


def tasks(category: str, size: int | None = None, wheel: str = "") -> list[Task]:
    """The first `size` tasks of a category, all without."""
    folder = "bfcl_eval/data"
    asked = BFCL.lines(f"{folder}/BFCL_v4_{category}.json", wheel)[:size]
    known = BFCL.lines(f"{folder}/possible_answer/BFCL_v4_{category}.json", wheel)
    answers = {entry["id"]: entry["ground_truth"] for entry in known}
    return [task(entry, answers[entry["id"]]) for entry in asked]


def task(entry: Mapping[str, Any], truth: Sequence[Mapping[str, Any]]) -> Task:
    """One entry of the data, with its possible answers."""
    (turn,) = entry["question"]
    messages = tuple(Message.of(m["role"], m["content"]) for m in turn)
    tools = tuple(
        ToolSpec(f["name"], f["description"], schema(f["parameters"])) for f in entry["function"]
    )
    return Task(entry["id"], Request(messages, tools=tools), partial(_score, truth))


def _score(truth: Sequence[Mapping[str, Any]], made: Completion) -> float:
    return float(right(made.tool_calls, truth))


def schema(given: Mapping[str, Any]) -> dict[str, Any]:
    """JSON Schema from the data's own notation of types."""
    made: dict[str, Any] = {}
    for key, value in given.items():
        if key == "properties" and isinstance(value, Mapping):
            made[key] = {name: schema(inner) for name, inner in value.items()}
        elif key == "items" and isinstance(value, Mapping):
            made[key] = schema(value)
        elif key == "type" and value != "any":
            made[key] = _TYPES.get(str(value).lower(), str(value).lower())
        elif key in ("description", "enum", "required"):
            made[key] = value
    return made


def right(calls: Sequence[ToolCall], truth: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the calls are the true ones, in any order: each function with arguments that stand
    among those possible; one whose possible values hold "" may be left out."""
    if len(calls) != len(truth):
        return False
    return any(
        all(_is(call, one) for call, one in zip(order, truth))
        for order in itertools.permutations(calls)
    )


def _is(call: ToolCall, truth: Mapping[str, Any]) -> bool:
    ((name, possible),) = truth.items()
    if call.name != name or not call.arguments.keys() <= possible.keys():
        return False
    return all(
        any(matches(call.arguments[key], one) for one in values)
        if key in call.arguments
        else "" in values
        for key, values in possible.items()
    )


def matches(value: Any, possible: Any) -> bool:
    """Whether a value is a possible one: texts without regard to case and punctuation, numbers by
    value, lists in order, objects key by key, each key with possible values of its own."""
    if isinstance(value, bool) or isinstance(possible, bool):
        return value is possible
    if isinstance(value, str) and isinstance(possible, str):
        return _loose(value) == _loose(possible)
    if isinstance(value, int | float) and isinstance(possible, int | float):
        return value == possible
    if isinstance(value, list) and isinstance(possible, list):
        return len(value) == len(possible) and all(map(matches, value, possible))
    if isinstance(value, Mapping) and isinstance(possible, Mapping):
        return value.keys() <= possible.keys() and all(
            any(matches(value[key], one) for one in values) if key in value else "" in values
            for key, values in possible.items()
        )
    return bool(value == possible)


def _loose(text: str) -> str:
    return _LOOSE.sub("", text).replace("'", '"').casefold()
