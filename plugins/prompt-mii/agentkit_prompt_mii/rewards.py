"""What a generator is trained on: the macro-F1 that a follower reaches with its instruction.

An example of a training is {prompt, labels, rows: [(text, label), …]}. All answers of a group are
scored on the same rows; another context of a task brings rows of its own.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from agentkit.capabilities import Outcome, Score
from agentkit.kit import Parts
from agentkit.settings import PartSettings
from agentkit_prompt_mii.follower import Follower, count
from agentkit_prompt_mii.instruction import lint
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


class FollowedSettings(PartSettings):
    """follower: the frozen model that answers. scoring: how its label is read. length: see
    `Follower`. price: taken from the reward for 1,024 tokens of instruction. most: tokens of an
    instruction."""

    follower: str
    scoring: Literal["likelihood", "generation"] = "likelihood"
    length: Literal["sum", "mean"] = "sum"
    price: float = Field(default=0.1, ge=0)
    most: int = Field(default=1024, ge=1)


class Followed:
    """Under a model of the kit. An instruction that the linter refuses is worth nothing; a follower
    that is down is an error."""

    bounds = (0.0, 1.0)

    def __init__(self, settings: FollowedSettings, parts: Parts) -> None:
        self._settings = settings
        self._follower = Follower(
            parts["follower"], scoring=settings.scoring, length=settings.length
        )

    def score(self, outcome: Outcome) -> Score:
        s, rows, labels = self._settings, outcome.task["rows"], list(outcome.task["labels"])
        tokens = count(self._follower.model, outcome.answer)
        findings = lint(outcome.answer, labels, (), tokens=tokens, most=s.most)
        if findings:
            return Score(0.0, {"tokens": float(tokens)}, tuple(findings))
        said = self._follower.answers(outcome.answer, labels, [text for text, _ in rows])
        found = macro_f1([label for _, label in rows], said.said, labels, error=True)
        parts = {
            "macro_f1": found.macro,
            "invalid": found.invalid,
            "error": found.error,
            "tokens": float(tokens),
        }
        return Score(reward(found.macro, tokens, s.price), parts)
