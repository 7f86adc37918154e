"""Moments at which an agent asks first, or had better not: five kinds of them, after VeriOS (Wu et
al., arXiv 2509.07553), each on a phone that is prepared for it."""

from __future__ import annotations

from collections import Counter
from functools import cache

from agentkit_android.people.situations import anomalies, choices, missing, normal, sensitive
from agentkit_android.people.situations.situation import Situation

__all__ = ["situations"]


@cache
def situations() -> tuple[Situation, ...]:
    """All of them, by kind.

    Raises:
        ValueError: two have one name.
    """
    modules = (normal, choices, anomalies, missing, sensitive)
    found = tuple(s for module in modules for s in module.situations())
    if twice := [name for name, count in Counter(s.id for s in found).items() if count > 1]:
        raise ValueError(f"situations of one name: {twice}")
    return found
