"""Fetched text is data. This finds text that reads as if it were meant for a machine."""

from __future__ import annotations

import re

LONGEST = 120  # characters that are shown
_ORDERS = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b[^.\n]{0,40}\b(?:instructions?|prompts?|rules|above|"
    r"previous|system)\b"
    r"|\byou (?:are now|must now|will now act)\b"
    r"|\b(?:system prompt|as an ai (?:model|assistant|language model))\b"
    r"|\b(?:new|updated) instructions?\s*:"
    r"|<\s*/?\s*(?:system|assistant|instructions?)\s*>",
    re.I,
)


def orders(text: str) -> str:
    """The words of a passage that try to instruct whoever reads it by machine, "" without any."""
    found = _ORDERS.search(text)
    return " ".join(found.group().split())[:LONGEST] if found else ""
