"""The plain Contexts: what was said last, or what has to do with the question, as much as fits."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from agentkit.capabilities.abilities import TakesEmbeds, Tokens, Vision
from agentkit.capabilities.context import Packed
from agentkit.capabilities.language_model import (
    Image,
    LanguageModel,
    Message,
    Request,
    Text,
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
        rest = [unit for unit in units(messages) if not fixed.issuperset(unit)]
        rest = self._ordered(rest, messages)

        def chosen(count: int) -> list[int]:
            kept = {n for unit in rest[len(rest) - count :] for n in unit}
            return sorted(fixed | kept)

        def size(count: int) -> int:
            return measure([messages[n] for n in chosen(count)], model)

        if size(0) > budget:
            raise ContextOverflow(
                f"system and last user message alone take {size(0)} of {budget} tokens",
                "shorten them, or use a model with a longer context",
            )
        fits, too_many = 0, len(rest) + 1
        while too_many - fits > 1:
            middle = (fits + too_many) // 2
            fits, too_many = (middle, too_many) if size(middle) <= budget else (fits, middle)
        kept = chosen(fits)
        dropped = tuple(n for n in range(len(messages)) if n not in set(kept))
        return Packed(tuple(messages[n] for n in kept), size(fits), dropped)

    def _ordered(self, rest: list[list[int]], messages: Sequence[Message]) -> list[list[int]]:
        """What may be left out, the least wanted first."""
        return rest


class Relevant(Window):
    """Keeps system messages, the last user message, and those others that fit which share most with
    it: by spelling, so nothing is loaded and nothing is understood. Of equals the newest."""

    def _ordered(self, rest: list[list[int]], messages: Sequence[Message]) -> list[list[int]]:
        asked = next((m for m in reversed(messages) if m.role == "user"), None)
        texts = ["\n".join(content(messages[n]) for n in unit) for unit in rest]
        scores = likeness(content(asked) if asked else "", texts)
        order = sorted(range(len(rest)), key=lambda n: (scores[n], n))
        return [rest[n] for n in order]


def content(message: Message) -> str:
    """All that a message says in text, calls and results of tools included."""
    said = []
    for part in message.parts:
        if isinstance(part, Text):
            said.append(part.text)
        elif isinstance(part, ToolResult):
            said.append(part.content)
        elif isinstance(part, ToolCall):
            said.append(f"{part.name} {json.dumps(dict(part.arguments), ensure_ascii=False)}")
    return "\n".join(said)


def likeness(question: str, texts: Sequence[str]) -> list[float]:
    """How much each text shares with a question: cosine of their groups of three letters, each
    weighted by how few of the texts have it (log n/df), 0..1. Spelling that is a little wrong
    still counts."""
    grams = [_grams(text) for text in texts]
    having = Counter(g for found in grams for g in found)
    weight = {g: math.log((1 + len(texts)) / count) for g, count in having.items()}
    asked = _grams(question) & weight.keys()
    if not asked:
        return [0.0] * len(texts)
    long = math.sqrt(sum(weight[g] ** 2 for g in asked))

    def cosine(found: set[str]) -> float:
        shared = sum(weight[g] ** 2 for g in asked & found)
        own = math.sqrt(sum(weight[g] ** 2 for g in found))
        return shared / (own * long) if shared else 0.0

    return [cosine(found) for found in grams]


def _grams(text: str) -> set[str]:
    words = re.findall(r"\w+", text.casefold())
    padded = [f" {word} " for word in words]
    return {word[n : n + 3] for word in padded for n in range(len(word) - 2)}


def measure(messages: Sequence[Message], model: LanguageModel) -> int:
    """Tokens of messages for a model: exact where it has tokens, else a careful estimate."""
    if "embeds" in model.info.abilities:
        return model.ability(TakesEmbeds).prompt_tokens(Request(tuple(messages)))
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


def units(messages: Sequence[Message]) -> list[list[int]]:
    """Groups of indices that stay or go together: a message, or tool calls with their results."""
    found: list[list[int]] = []
    for number, message in enumerate(messages):
        results = any(isinstance(part, ToolResult) for part in message.parts)
        if results and found:
            found[-1].append(number)
        else:
            found.append([number])
    return found
