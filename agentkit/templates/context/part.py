"""A context that forgets whole turns, the oldest first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from agentkit.capabilities import LanguageModel, Message, Packed
from agentkit.errors import ContextOverflow
from agentkit.kit import Parts
from agentkit.models.context import measure
from agentkit.settings import PartSettings


class Settings(PartSettings):
    """turns: the most that are kept; None keeps all that fit."""

    turns: int | None = None


class ClassName:
    """A turn is a user's message with all that follows it, so a tool's result keeps its call."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._settings = settings

    def pack(self, messages: Sequence[Message], budget: int, model: LanguageModel) -> Packed:
        users = [n for n, m in enumerate(messages) if m.role == "user"]
        fixed = {n for n, m in enumerate(messages) if m.role == "system"} | set(users[-1:])
        borders = [0, *users, *(n + 1 for n in users[-1:]), len(messages)]
        units = [
            {n for n in range(start, end) if n not in fixed} for start, end in pairwise(borders)
        ]
        units = [unit for unit in units if unit]
        most = len(units) if self._settings.turns is None else self._settings.turns
        tokens = 0
        for count in range(min(most, len(units)), -1, -1):
            kept = sorted(fixed.union(*units[len(units) - count :]))
            tokens = measure([messages[n] for n in kept], model)
            if tokens <= budget:
                dropped = tuple(n for n in range(len(messages)) if n not in set(kept))
                return Packed(tuple(messages[n] for n in kept), tokens, dropped)
        raise ContextOverflow(
            f"system and last user message alone take {tokens} of {budget} tokens",
            "shorten them, or use a model with a longer context",
        )
