"""What a generator is trained on: the macro-F1 that a follower reaches with its instruction."""

from __future__ import annotations

from pydantic import Field

from agentkit.capabilities import Outcome, Score
from agentkit.kit import Parts
from agentkit.settings import PartSettings
from agentkit_prompt_mii.made.families import follow
from agentkit_prompt_mii.scoring import INVALID, macro_f1, reward


class MadeSettings(PartSettings):
    """price: taken from the reward for 1,024 tokens of instruction."""

    price: float = Field(default=0.1, ge=0)


class Made:
    """Of made tasks, under the exact follower. A task is {labels, rows: [(row, label), …]}."""

    bounds = (0.0, 1.0)

    def __init__(self, settings: MadeSettings, parts: Parts) -> None:
        self._price = settings.price

    def score(self, outcome: Outcome) -> Score:
        rows, labels = outcome.task["rows"], list(outcome.task["labels"])
        said = follow(outcome.answer, [row for row, _ in rows], labels)
        found = macro_f1([label for _, label in rows], said, labels)
        tokens = len(outcome.answer.split())
        value = reward(found.macro, tokens, self._price)
        reasons = ("it is not of the language",) if set(said) == {INVALID} else ()
        parts = {"macro_f1": found.macro, "invalid": found.invalid, "tokens": float(tokens)}
        return Score(value, parts, reasons)
