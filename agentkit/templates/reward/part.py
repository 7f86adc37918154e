"""A reward for the words that an answer shares with the expected one."""

from __future__ import annotations

import re

from agentkit.capabilities import Outcome, Score
from agentkit.errors import DataError
from agentkit.kit import Parts
from agentkit.settings import PartSettings


class Settings(PartSettings):
    """key: where a task holds the answer that is expected."""

    key: str = "answer"


class ClassName:
    """F1 of the answer's words against the expected ones: 0 none shared, 1 the same words."""

    bounds = (0.0, 1.0)

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._key = settings.key

    def score(self, outcome: Outcome) -> Score:
        if self._key not in outcome.task:
            raise DataError(f"the task has no {self._key!r} to compare with")
        given, wanted = _words(outcome.answer), _words(str(outcome.task[self._key]))
        shared = len(given & wanted)
        precision, recall = shared / max(len(given), 1), shared / max(len(wanted), 1)
        value = 2 * precision * recall / (precision + recall) if shared else 0.0
        reason = f"{shared} of {len(wanted)} expected words, {len(given)} given"
        return Score(value, {"precision": precision, "recall": recall}, (reason,))


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))
