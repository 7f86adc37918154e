"""What a calculator makes of what was typed, in decimal numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Context, Decimal, DecimalException, DivisionByZero, Overflow

CONTEXT = Context(prec=34, Emax=9999, Emin=-9999)
MAX_LENGTH = 400
MAX_FACTORIAL = 1000
TOKEN = re.compile(r"\d+\.?\d*(?:E[+-]?\d+)?|\.\d+|sin|cos|tan|ln|log|[-+−×÷*/^%!√πe()]")
CONSTANTS = {
    "π": Decimal("3.141592653589793238462643383279503"),
    "e": Decimal("2.718281828459045235360287471352662"),
}
TURNED = {"sin": math.sin, "cos": math.cos, "tan": math.tan}


class BadExpression(ValueError):
    """It has no value; the message is what the display says."""


def evaluate(text: str, *, degrees: bool = True) -> Decimal:
    """The value of an expression. `a + b%` is b hundredths of a more, as on a pocket calculator.

    Raises:
        BadExpression: it cannot be read, or has no value.
    """
    try:
        return +_Reader(text.replace(",", ""), degrees).whole()
    except DivisionByZero:
        raise BadExpression("Can’t divide by 0") from None
    except Overflow:
        raise BadExpression("Number is too large") from None
    except (DecimalException, ArithmeticError, ValueError) as error:
        if isinstance(error, BadExpression):
            raise
        raise BadExpression("No real value") from None


def shown(value: Decimal, digits: int = 12) -> str:
    """At most `digits` significant digits, with an exponent where it is far from 1."""
    rounded = Context(prec=digits).plus(value).normalize()
    if not rounded:
        return "0"
    if not -8 < rounded.adjusted() < digits:
        return f"{rounded:E}".replace("E+", "E")
    return f"{rounded:,f}"


class _Reader:
    """sum = product {± product}; product = sign {×÷ sign}; sign = {±} power;
    power = after [^ sign]; after = value {! %}."""

    def __init__(self, text: str, degrees: bool) -> None:
        if len(text) > MAX_LENGTH:
            raise BadExpression("Too long")
        self.tokens = TOKEN.findall(text)
        if "".join(self.tokens) != re.sub(r"\s", "", text):
            raise BadExpression("Bad expression")
        self.degrees, self.depth = degrees, 0

    def next(self, *wanted: str) -> str:
        if self.tokens and self.tokens[0] in wanted:
            return str(self.tokens.pop(0))
        return ""

    def whole(self) -> Decimal:
        value = self.sum()
        if self.tokens:
            raise BadExpression("Bad expression")
        return value

    def sum(self) -> Decimal:
        self.depth += 1
        if self.depth > 40:
            raise BadExpression("Too long")
        value, _ = self.product()
        while sign := self.next("+", "-", "−"):
            more, percent = self.product()
            if percent:
                more = CONTEXT.multiply(value, more)
            value = (CONTEXT.add if sign == "+" else CONTEXT.subtract)(value, more)
        self.depth -= 1
        return value

    def product(self) -> tuple[Decimal, bool]:
        """A product, and whether it is nothing but a percentage."""
        value, percent = self.sign()
        while self.tokens:
            if sign := self.next("×", "*", "÷", "/"):
                how: Callable[[Decimal, Decimal], Decimal]
                how = CONTEXT.multiply if sign in "×*" else CONTEXT.divide
            elif self.tokens[0] in ("+", "-", "−", ")") or self.tokens[0][0] in ".0123456789":
                break
            else:  # 2π, 2(3): a product without its sign
                how = CONTEXT.multiply
            value, percent = how(value, self.sign()[0]), False
        return value, percent

    def sign(self) -> tuple[Decimal, bool]:
        minus = False
        while sign := self.next("-", "−", "+"):
            minus ^= sign != "+"
        value, percent = self.after()
        if self.next("^"):
            value, percent = CONTEXT.power(value, self.sign()[0]), False
        return (CONTEXT.minus(value) if minus else value), percent

    def after(self) -> tuple[Decimal, bool]:
        value, percent = self.value(), False
        while sign := self.next("!", "%"):
            percent = sign == "%"
            value = CONTEXT.divide(value, Decimal(100)) if percent else self.factorial(value)
        return value, percent

    def factorial(self, value: Decimal) -> Decimal:
        if value != int(value) or not 0 <= value <= MAX_FACTORIAL:
            raise BadExpression("No real value")
        return CONTEXT.create_decimal(math.factorial(int(value)))

    def value(self) -> Decimal:
        if not self.tokens:
            raise BadExpression("Bad expression")
        token = self.tokens.pop(0)
        if token in CONSTANTS:
            return CONSTANTS[token]
        if token == "(":
            value = self.sum()
            if self.tokens and not self.next(")"):
                raise BadExpression("Bad expression")
            return value
        if token == "√":
            return CONTEXT.sqrt(self.after()[0])
        if token in ("ln", "log"):
            value = self.after()[0]
            return CONTEXT.ln(value) if token == "ln" else CONTEXT.log10(value)
        if token in TURNED:
            angle = float(self.after()[0])
            found = TURNED[token](math.radians(angle) if self.degrees else angle)
            return CONTEXT.create_decimal(repr(round(found, 14)))
        if not token[0].isdigit() and token[0] != ".":
            raise BadExpression("Bad expression")
        return CONTEXT.create_decimal(token)
