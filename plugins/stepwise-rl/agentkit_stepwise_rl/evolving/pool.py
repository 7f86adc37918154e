"""The pool of queries: seeds, expansions in other words, and corner cases. Made once, before the
first iteration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from agentkit.capabilities import LanguageModel, Request, Task
from agentkit.seeds import derive

FRAMES = (
    "Please {goal}.", "I want you to {goal}.", "Could you {goal}? Thanks.", "{Goal}, please.",
    "Do this for me: {goal}.", "{Goal} right now.",
)  # fmt: skip
"""Around an order. Questions stay as they are."""


@dataclass(frozen=True, slots=True)
class Query:
    """A goal in words, for a task that can be checked. kind: seed, expansion or corner. start: an
    app to begin in; state: of the phone."""

    id: str
    goal: str
    task: str
    split: str
    kind: str
    start: str = ""
    state: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def pool(
    tasks: Sequence[Task],
    *,
    size: int,
    seed: int,
    starts: Sequence[str] = ("",),
    expand: float = 0.5,
    corner: float = 0.1,
    expander: LanguageModel | None = None,
) -> list[Query]:
    """`size` queries over the tasks, each task as often as any other.

    Args:
        starts: apps to begin in, "" for the home screen; corner cases begin in any of them, on a
            phone in another state than seeds do.
        expand, corner: shares of those kinds.
        expander: says goals in other words; frames are put around them without one.
    """
    order = list(tasks)
    Random(derive(seed, "pool")).shuffle(order)
    made = []
    for number in range(size if order else 0):
        task = order[number % len(order)]
        random = Random(derive(seed, f"query {task.id}", number))
        drawn = random.random()
        kind = "corner" if drawn < corner else "expansion" if drawn < corner + expand else "seed"
        goal = task.goal
        if kind == "expansion":
            goal = _other_words(task.goal, random, expander, derive(seed, task.id, number))
        made.append(
            Query(
                id=f"q{number}",
                goal=goal,
                task=task.id,
                split=task.split,
                kind=kind,
                start=random.choice(list(starts)) if kind == "corner" else "",
                state=random.randrange(1, 1000) if kind == "corner" else 0,
            )
        )
    return made


def _other_words(goal: str, random: Random, expander: LanguageModel | None, seed: int) -> str:
    if expander is not None:
        asked = (
            f"Say this order to a phone in other words, in one line, with all its names:\n{goal}"
        )
        said = expander.generate([Request.of(asked, max_tokens=80, temperature=0.7)])[0].text
        line = said.strip().partition("\n")[0].strip()
        if line:
            return line
    if "?" in goal or ". " in goal or not goal[:1].isupper():
        return goal
    plain = goal.removesuffix(".")
    frame = random.choice(FRAMES)
    return frame.replace("{goal}", plain[0].lower() + plain[1:]).replace("{Goal}", plain)
