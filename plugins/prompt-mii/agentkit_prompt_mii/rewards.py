"""What a generator is trained on: the macro-F1 that a follower reaches with its instruction.

An example of a training is {prompt, labels, rows: [(text, label), …]}. All answers of a group are
scored on the same rows; another context of a task brings rows of its own.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from agentkit.capabilities import Outcome, Score
from agentkit.errors import DataError
from agentkit.kit import Parts
from agentkit.settings import PartSettings
from agentkit_prompt_mii.follower import Follower, count
from agentkit_prompt_mii.instruction import lint
from agentkit_prompt_mii.made.families import follow
from agentkit_prompt_mii.scoring import F1, INVALID, macro_f1, reward


class MadeSettings(PartSettings):
    """price: taken from the reward for 1,024 tokens of instruction."""

    price: float = Field(default=0.1, ge=0)


class Made:
    """Of made tasks, under the exact follower. A task is {labels, rows: [(row, label), …]}."""

    bounds = (0.0, 1.0)

    def __init__(self, settings: MadeSettings, parts: Parts) -> None:
        self._price = settings.price

    def score(self, outcome: Outcome) -> Score:
        rows, labels = _task(outcome)
        said = follow(outcome.answer, [row for row, _ in rows], labels)
        found = macro_f1([label for _, label in rows], said, labels)
        tokens = len(outcome.answer.split())
        value = reward(found.macro, tokens, self._price)
        told = "it decides no row" if set(said) == {INVALID} else _reason(found)
        parts = {"macro_f1": found.macro, "invalid": found.invalid, "tokens": float(tokens)}
        return Score(value, parts, (told,))


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
        s, (rows, labels) = self._settings, _task(outcome)
        tokens = count(self._follower.model, outcome.answer)
        findings = lint(outcome.answer, labels, (), tokens=tokens, most=s.most)
        if findings:
            return Score(0.0, {"tokens": float(tokens)}, tuple(findings))
        said = self._follower.answers(outcome.answer, labels, [text for text, _ in rows])
        found = macro_f1([label for _, label in rows], said.said, labels, error=True)
        parts = {
            "macro_f1": found.macro,
            "invalid": found.invalid,
            "error": found.error if len(rows) > 1 else 0.0,
            "tokens": float(tokens),
        }
        return Score(reward(found.macro, tokens, s.price), parts, (_reason(found),))


def _task(outcome: Outcome) -> tuple[list[tuple[str, str]], list[str]]:
    """(rows, labels) of a task.

    Raises:
        DataError: it has none.
    """
    try:
        rows = [(str(text), str(label)) for text, label in outcome.task["rows"]]
        labels = [str(label) for label in outcome.task["labels"]]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"the task has no rows and labels to score an instruction on: {error}",
            '{"prompt", "labels": [label, …], "rows": [[text, label], …]}',
        ) from error
    return rows, labels


def _reason(found: F1) -> str:
    return f"macro-F1 {found.macro:.3f}, {found.invalid:.0%} of answers invalid"
