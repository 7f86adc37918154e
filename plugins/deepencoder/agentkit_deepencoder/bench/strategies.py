"""What stands beside optical compression: summaries of older turns, in the same share of the
budget. Cutting off and choosing by the question are the host's own contexts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agentkit.capabilities import LanguageModel, Message, Packed, Request
from agentkit.models.context import Window, content, measure
from agentkit.settings import PartSettings
from agentkit_deepencoder.bench.talk import sentences

PART = 4000  # characters that a model is given to summarise at once
Summarise = Callable[[str, int, Callable[[str], int]], str]
"""(what was said, tokens for its summary, size of a text in tokens) -> the summary."""


class Summary:
    """Near turns as text in half of the budget, the rest summarised in the other half."""

    def __init__(self, summarise: Summarise) -> None:
        self._summarise = summarise
        self._window = Window(PartSettings())
        self._made: dict[tuple[str, int], str] = {}

    def pack(self, messages: Sequence[Message], budget: int, model: LanguageModel) -> Packed:
        tokens = measure(messages, model)
        if tokens <= budget:
            return Packed(tuple(messages), tokens)
        near = self._window.pack(messages, budget // 2, model)
        old = "\n".join(content(messages[n]) for n in near.dropped)
        empty = measure([Message.user("")], model)

        def size(text: str) -> int:
            return measure([Message.user(text)], model) - empty

        room = budget - near.tokens - empty - size("[Summary of earlier turns]\n")
        key = (old, room)
        if key not in self._made:
            self._made[key] = self._summarise(old, room, size)
        text = f"[Summary of earlier turns]\n{self._made[key]}"
        made = (near.messages[0], Message.user(text), *near.messages[1:])
        return Packed(made, measure(made, model), (), near.dropped)


def extractive(order: Callable[[Sequence[str]], list[int]]) -> Summarise:
    """Sentences in an order of worth, as many as fit, told in the order in which they were said."""

    def summarise(text: str, room: int, size: Callable[[str], int]) -> str:
        every = sentences(text)
        kept: list[int] = []
        for n in order(every):
            need = size(f"{every[n]}\n")
            if need <= room:
                room -= need
                kept.append(n)
            if room < 4:
                break
        return "\n".join(every[n] for n in sorted(kept))

    return summarise


def abstractive(model: LanguageModel) -> Summarise:
    """A model's own summary, part after part, each with its share of the tokens."""

    def summarise(text: str, room: int, size: Callable[[str], int]) -> str:
        parts = [text[start : start + PART] for start in range(0, len(text), PART)]
        longest = max(8, room // max(1, len(parts)) - 4)
        requests = [
            Request.of(
                "Summarise these notes in a few short sentences. Keep every name, number and "
                f"code.\n\n{part}",
                max_tokens=longest,
            )
            for part in parts
        ]
        made = [done.text.strip() for done in model.generate(requests)]
        while made and size("\n".join(made)) > room:
            made.pop(0)  # the oldest
        return "\n".join(made)

    return summarise
