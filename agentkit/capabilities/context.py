"""Context: which past goes to a model, and in which form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from agentkit.capabilities.language_model import LanguageModel, Message


@dataclass(frozen=True, slots=True)
class Packed:
    """messages: what to send; tokens: their size for that model; dropped: indices left out;
    changed: indices of what is there in another form, such as a summary or a picture, or only in
    part. note: what was done, in words."""

    messages: tuple[Message, ...]
    tokens: int
    dropped: tuple[int, ...] = ()
    changed: tuple[int, ...] = ()
    note: str = ""


@runtime_checkable
class Context(Protocol):
    def pack(self, messages: Sequence[Message], budget: int, model: LanguageModel) -> Packed:
        """At most `budget` tokens; the system message and the last user message always stay.

        Raises:
            ContextOverflow: even those two do not fit.
        """
        ...
