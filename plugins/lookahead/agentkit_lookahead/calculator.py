"""The part `use = "calculator"`: a candidate that is always right about sums, and knows no more."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from agentkit.capabilities import Request
from agentkit.kit import Parts
from agentkit.settings import PartSettings
from agentkit_lookahead.spoken import Spoken, asked

SUM = re.compile(r"[(\-]*\d[\d\s.,+\-*/x×÷^()]*")
UNKNOWN = "I only know sums, and there is none in this question."
LARGEST = 10**60
_OPS: Mapping[type, Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_WORDS = (
    (r"\bplus\b|\badded to\b", "+"),
    (r"\bminus\b|\bless\b", "-"),
    (r"\btimes\b|\bmultiplied by\b", "*"),
    (r"\bdivided by\b|\bover\b", "/"),
    (r"\bto the power of\b", "^"),
)


def open_calculator(settings: PartSettings, parts: Parts) -> Spoken:
    return Spoken(parts.name, answer)


def answer(request: Request) -> str:
    """The value of the longest sum in the last message."""
    return solve(asked(request))


def solve(text: str) -> str:
    for words, sign in _WORDS:
        text = re.sub(words, sign, text, flags=re.I)
    sums = [s for s in SUM.findall(text) if re.search(r"\d\s*[)]*\s*[+\-*/x×÷^]\s*[(-]*\s*\d", s)]
    for found in sorted(sums, key=len, reverse=True):
        plain = found.replace(",", "").rstrip(" .-+*/^x×÷(").lstrip(" .+*/^x×÷)")
        plain = re.sub("[x×]", "*", plain).replace("÷", "/").replace("^", "**")
        plain = "(" * max(plain.count(")") - plain.count("("), 0) + plain
        plain += ")" * max(plain.count("(") - plain.count(")"), 0)
        try:
            return shown(_value(ast.parse(plain, mode="eval").body))
        except (SyntaxError, ValueError, ArithmeticError, RecursionError, MemoryError):
            continue
    return UNKNOWN


def shown(value: Fraction) -> str:
    """A whole number as it is, others to ten significant digits."""
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.10g}"


def _value(node: Any) -> Fraction:
    """The value of a sum's tree; nothing but numbers and the five operations is looked at."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return Fraction(str(node.value))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = _value(node.operand)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left), _value(node.right)
        if isinstance(node.op, ast.Pow):
            if right.denominator != 1 or abs(right) > 64 or abs(left) > 10**6:
                raise ValueError("too large a power")
            made = left ** int(right)
        elif type(node.op) in _OPS:
            made = _OPS[type(node.op)](left, right)
        else:
            raise ValueError("no sum")
        if abs(made) > LARGEST:
            raise ValueError("too large")
        return made
    raise ValueError("no sum")
