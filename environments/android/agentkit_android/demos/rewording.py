"""Goals in other words: some for training, others held back to see what wordings alone do."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any, Literal

from agentkit.capabilities import Task
from agentkit.seeds import derive

Wording = Literal["train", "held"]


@cache
def _table() -> dict[str, Any]:
    text = files("agentkit_android.demos").joinpath("rewording.toml").read_text("utf-8")
    return tomllib.loads(text)


def reworded(goal: str, wording: Wording, random: Random) -> str:
    """The goal in other words. Its names and texts stay as they are. Questions are only framed
    where that leaves them one."""
    table = _table()[wording]
    for word, others in table["words"].items():
        if goal.startswith(f"{word} "):
            goal = random.choice(others) + goal.removeprefix(word)
            break
    if not goal[0].isupper() or "?" in goal or ". " in goal:
        return goal
    plain = goal.removesuffix(".")
    frame = str(random.choice(table["around"]))
    return frame.replace("{goal}", plain[0].lower() + plain[1:]).replace("{Goal}", plain)


def tasks() -> tuple[Task, ...]:
    """The tasks of unseen-params that begin like an order, in wordings that nobody was shown."""
    from agentkit_android.tasks import catalogue

    made = []
    for task in catalogue.tasks("unseen-params"):
        goal = reworded(task.goal, "held", Random(derive(0, f"reworded {task.id}")))
        if goal != task.goal:
            made.append(replace(task, goal=goal, data={**task.data, "part": "reworded"}))
    return tuple(made)


TEMPLATES = ()
"""None of its own: the catalogue asks for both."""
