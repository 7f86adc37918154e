"""What can be known of log Z from the likeliest tokens alone, as an endpoint gives them.

Of Z = sum p^a over the whole vocabulary, K log-probabilities show Z_K = sum over those K. Each of
the others is at most p_K, the least of the K likeliest, and together they are r = 1 - sum p; so for
a >= 1

    Z_K  <=  Z  <=  Z_K + p_K^(a-1) r
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from agentkit.capabilities import Draw, Seq, Span


@dataclass(frozen=True, slots=True)
class Bounded(Span):
    """A span whose logz is the lower bound. slack: (L,) nats by which logz may be too low."""

    slack: np.ndarray = ()  # type: ignore[assignment]


def slack_of(span: Span) -> np.ndarray:
    """(L,) nats; zeros where the span comes from the whole vocabulary."""
    return span.slack if isinstance(span, Bounded) else np.zeros(len(span.ids), np.float32)


@runtime_checkable
class Refines(Protocol):
    """What tokens with bounded numbers can do beyond `Tokens`."""

    def refine(self, seq: Seq, prompt: int, draw: Draw) -> Span | None:
        """The numbers of all tokens after the first `prompt`, from the whole vocabulary; None where
        the model cannot tell it."""
        ...


def bounds(logp: Sequence[float], exponent: float, most: int) -> tuple[float, float]:
    """(log Z at least, nats by which it may be more) of the sum of p^exponent.

    Args:
        logp: log-probabilities of different tokens: the likeliest, and perhaps the drawn one.
        exponent: 1 or more.
        most: how many of them are sure to be the likeliest ones; those left out of `logp` are no
            likelier than the least of these.

    Raises:
        ValueError: an exponent below 1, for which the bound does not hold.
    """
    if exponent < 1:
        raise ValueError(f"an exponent of {exponent} is below 1")
    known = sorted(logp, reverse=True)
    if exponent == 1:
        return 0.0, 0.0
    highest = exponent * known[0]
    low = highest + math.log(sum(math.exp(exponent * one - highest) for one in known))
    rest = max(0.0, 1.0 - math.fsum(map(math.exp, known)))
    tail = rest * math.exp((exponent - 1) * known[min(most, len(known)) - 1])
    return low, math.log1p(tail * math.exp(-low))
