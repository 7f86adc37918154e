"""Perception: a picture to blocks of text, or to vision tokens with the pixels each one sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from agentkit.capabilities.language_model import Image


@dataclass(frozen=True, slots=True)
class Box:
    """Pixels, half open: left <= x < right."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
class Block:
    """Something seen. label: text, title, table, icon … confidence: 0..1."""

    text: str
    box: Box
    label: str = "text"
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class VisionTokens:
    """values: (n, d); sees: one box a token."""

    values: Any
    sees: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What was perceived in one picture; `tokens` only where asked for and offered."""

    blocks: tuple[Block, ...]
    tokens: VisionTokens | None = None


@dataclass(frozen=True, slots=True)
class PerceptionInfo:
    name: str
    reads_text: bool = True
    gives_tokens: bool = False
    modes: tuple[str, ...] = ()


@runtime_checkable
class Perception(Protocol):
    info: PerceptionInfo

    def see(self, images: Sequence[Image], mode: str = "") -> list[Seen]:
        """One result per picture, in order.

        Raises:
            DataError: a picture cannot be decoded; the message gives its index.
        """
        ...
