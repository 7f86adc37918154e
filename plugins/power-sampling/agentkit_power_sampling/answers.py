"""What counts as the answer in a text: two answers vote together when theirs are equal."""

from __future__ import annotations

import re

from agentkit_power_sampling.settings import Answer

_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
_BOXED = "\\boxed{"


def answer_in(text: str, kind: Answer = "auto") -> str:
    """The answer that a text ends with; "" where it has none.

    boxed: the inside of the last \\boxed{}. number: the last number, without separators and useless
    zeros. line: the last line that is not empty. text: all of it, white space evened out. auto: the
    first of boxed, number and line that there is.
    """
    if kind == "auto":
        found = (answer_in(text, one) for one in ("boxed", "number", "line"))
        return next(filter(None, found), "")
    if kind == "boxed":
        return " ".join(boxed(text).split())
    if kind == "number":
        numbers: list[str] = _NUMBER.findall(text)
        return _plain(numbers[-1]) if numbers else ""
    if kind == "line":
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1].rstrip(".").casefold() if lines else ""
    return " ".join(text.split())


def boxed(text: str) -> str:
    """The inside of the last \\boxed{} whose braces match; "" where there is none."""
    start = text.rfind(_BOXED)
    if start < 0:
        return ""
    depth = 1
    for at in range(start + len(_BOXED), len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if not depth:
            return text[start + len(_BOXED) : at]
    return ""


def _plain(number: str) -> str:
    number = number.replace(",", "")
    return number.rstrip("0").rstrip(".") if "." in number else number
