"""Generated tasks with verifiers, from the package reasoning-gym."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from agentkit.capabilities import Completion, Message, Request
from agentkit_power_sampling.answers import answer_in
from agentkit_power_sampling.tasks.task import Task, needed

# Easy enough for half a billion parameters to solve some, hard enough not to solve all.
EASY: dict[str, dict[str, Any]] = {
    "chain_sum": {"min_terms": 2, "max_terms": 3, "min_digits": 1, "max_digits": 2},
    "basic_arithmetic": {"min_terms": 2, "max_terms": 3, "min_digits": 1, "max_digits": 2},
    "gcd": {"min_value": 2, "max_value": 60},
    "leg_counting": {"min_animals": 1, "max_animals": 2},
    "count_bits": {"max_n": 200},
    "number_sorting": {"min_numbers": 3, "max_numbers": 4},
}
SYSTEM = "Think step by step, in few words. End with a line of its own: Answer: and the answer."


def tasks(names: Sequence[str], size: int, seed: int) -> list[Task]:
    """`size` tasks of each kind. The same seed gives the same tasks.

    Raises:
        ConfigError: the package is not there, or has no such kind.
    """
    gym = needed("reasoning_gym", "reasoning-gym")
    made = []
    for name in names:
        known = gym.create_dataset(name, size=size, seed=seed, **EASY.get(name, {}))
        for number in range(size):
            entry = known[number]
            request = Request.of(Message.system(SYSTEM), str(entry["question"]))
            made.append(Task(f"{name}-{seed}-{number}", request, partial(_score, known, entry)))
    return made


def _score(known: Any, entry: dict[str, Any], made: Completion) -> float:
    """The dataset's own verdict on what stands after "Answer:", or at the text's end."""
    _, found, after = made.text.rpartition("Answer:")
    lines = after.strip().splitlines() if found else []
    given = lines[0].strip() if lines else answer_in(made.text, "auto")
    score = float(known.score_answer(given, entry))
    return 1.0 if score >= 1.0 else 0.0
