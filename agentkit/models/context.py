"""The plain Context: what was said last, as much of it as fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agentkit.capabilities.abilities import Tokens, Vision
from agentkit.capabilities.context import Packed
from agentkit.capabilities.language_model import (
    Image,
    LanguageModel,
    Message,
    Request,
    ToolCall,
    ToolResult,
)
from agentkit.errors import ContextOverflow
from agentkit.settings import PartSettings

if TYPE_CHECKING:
    from agentkit.kit import Parts

BYTES_A_TOKEN = 3  # of a model that cannot count: on the safe side for European languages
FRAME = 4  # tokens of a chat template around one message, likewise


class Window:
    """Keeps system messages, the last user message, and the newest others that fit.

    A tool's result and the call before it stay or go together.
    """

    def __init__(self, settings: PartSettings, parts: Parts | None = None) -> None: ...

    def pack(self, messages: Sequence[Message], budget: int, model: LanguageModel) -> Packed:
        users = [n for n, m in enumerate(messages) if m.role == "user"]
        fixed = {n for n, m in enumerate(messages) if m.role == "system"} | set(users[-1:])
        units = [unit for unit in _units(messages) if not fixed.issuperset(unit)]

        def chosen(count: int) -> list[int]:
            newest = {n for unit in units[len(units) - count :] for n in unit}
            return sorted(fixed | newest)

        def size(count: int) -> int:
            return measure([messages[n] for n in chosen(count)], model)

        if size(0) > budget:
            raise ContextOverflow(
                f"system and last user message alone take {size(0)} of {budget} tokens",
                "shorten them, or use a model with a longer context",
            )
        fits, too_many = 0, len(units) + 1
        while too_many - fits > 1:
            middle = (fits + too_many) // 2
            fits, too_many = (middle, too_many) if size(middle) <= budget else (fits, middle)
        kept = chosen(fits)
        dropped = tuple(n for n in range(len(messages)) if n not in set(kept))
        return Packed(tuple(messages[n] for n in kept), size(fits), dropped)


def measure(messages: Sequence[Message], model: LanguageModel) -> int:
    """Tokens of messages for a model: exact where it has tokens, else a careful estimate."""
    pictures = [p for m in messages for p in m.parts if isinstance(p, Image)]
    total = 0
    if pictures and "vision" in model.info.abilities:
        vision = model.ability(Vision)
        total = sum(vision.image_tokens(picture) for picture in pictures)
    if "tokens" in model.info.abilities:
        return total + len(model.ability(Tokens).render(Request(tuple(messages))))
    for message in messages:
        text = message.text
        for part in message.parts:
            if isinstance(part, ToolResult):
                text += part.content
            elif isinstance(part, ToolCall):
                text += f"{part.name}{dict(part.arguments)}"
        total += FRAME + -(-len(text.encode()) // BYTES_A_TOKEN)
    return total


def _units(messages: Sequence[Message]) -> list[list[int]]:
    """Indices that stay or go together: a message, or one with tool calls and all its results."""
    units: list[list[int]] = []
    for number, message in enumerate(messages):
        results = any(isinstance(part, ToolResult) for part in message.parts)
        if results and units:
            units[-1].append(number)
        else:
            units.append([number])
    return units
