"""Changes of a question that must not change who is asked it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

LETTERS = "abcdefghijklmnopqrstuvwxyz"
TYPOS = 0.03
"""The share of characters that is mistyped."""
SYSTEM = "You are a helpful assistant. Think carefully and answer as well as you can."


def typos(text: str, rng: random.Random) -> str:
    """Any character may become another letter."""
    return "".join(rng.choice(LETTERS) if rng.random() < TYPOS else c for c in text)


def casing(text: str, rng: random.Random) -> str:
    """All in capitals, or every word with one."""
    return text.upper() if rng.random() < 0.5 else text.title()


def blanks(text: str, rng: random.Random) -> str:
    """Empty space before and after."""
    return f"\n  {text}  \n\n"


def preamble(text: str, rng: random.Random) -> str:
    """A system prompt, pasted before the question. One that is sent as a system message is not
    read at all."""
    return f"{SYSTEM}\n\n{text}"


NOISES: Mapping[str, Callable[[str, random.Random], str]] = {
    "typos": typos,
    "casing": casing,
    "blanks": blanks,
    "preamble": preamble,
}
