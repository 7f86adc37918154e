"""A pool whose skills are known: generated questions, and candidates that follow rules.

For tests and for timing: what is right about it says nothing of any real model.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from agentkit_lookahead.rows import Outcome, Row, Table

SMALL: Mapping[str, Any] = {
    "width": 32,
    "layers": 2,
    "heads": 2,
    "vocabulary": 400,
    "block": 6,
    "prompt": 40,
    "rate": 4e-3,
    "dropout": 0.0,
}
NAMES = ("adder", "speller", "coder")
WORDS = "river stone cloud apple window garden paper silver winter orange".split()


def question(kind: str, rng: random.Random) -> tuple[str, str]:
    """(text, right answer)."""
    a, b = rng.randrange(10, 99), rng.randrange(10, 99)
    word = rng.choice(WORDS)
    if kind == "sum":
        return f"What is {a} plus {b} in total?", str(a + b)
    if kind == "spell":
        return f"Spell the word {word} backwards, please.", word[::-1]
    return f"Write a python function def f(x): that returns x * {a}", f"return x * {a}"


def pool(count: int, seed: int = 0, names: tuple[str, ...] = NAMES) -> Table:
    """Each kind of question has one candidate that answers it; answers look like what they are."""
    rng = random.Random(seed)
    skill = dict(zip(("sum", "spell", "code"), names))
    rows = []
    for number in range(count):
        kind = rng.choice(list(skill))
        text, right = question(kind, rng)
        outcomes = tuple(
            Outcome(1.0, right) if skill[kind] == name else Outcome(0.0, f"sorry {name} cannot")
            for name in names
        )
        rows.append(Row(f"{seed}-{number}", kind, text, outcomes))
    return Table(names, tuple(rows))
