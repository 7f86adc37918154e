"""All methods at one budget of tokens an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PLAIN = "one draw"
LOW = "low temperature"


def methods(budget: int, length: int, alpha: float) -> dict[str, Mapping[str, Any]]:
    """Settings by name. Each may generate `budget` tokens for an answer of at most `length`; one
    draw and low temperature have no use for more than their own.

    Raises:
        ValueError: the budget does not pay for two answers.
    """
    count = budget // length
    if count < 2:
        raise ValueError(f"a budget of {budget} tokens for answers of {length}")
    block = max(1, length // 4)
    ends = [min(end, length) for end in range(block, length + block, block)]
    # The mean cost of a proposal in the block that ends at e is (e + 1) / 2.
    steps = max(1, round((budget - length) / sum((end + 1) / 2 for end in ends)))
    wide = max(1, round(count**0.5))
    each: dict[str, dict[str, Any]] = {
        PLAIN: {"method": "best_of_n", "n": 1},
        LOW: {"method": "low_temp"},
        "best of n": {"method": "best_of_n", "n": count},
        "self-consistency": {"method": "self_consistency", "n": count},
        "self-consistency, sharp": {
            "method": "self_consistency",
            "n": count,
            "temperature": 1 / alpha,
        },
        "beam": {
            "method": "beam",
            "beams": wide,
            "branches": max(1, count // wide),
            "every": max(1, length // 8),
        },
        "mh": {"method": "mh", "block": block, "steps": steps},
        "smc": {"method": "smc", "particles": count, "every": max(1, length // 8)},
        "smc, majority": {
            "method": "smc",
            "particles": count,
            "every": max(1, length // 8),
            "resampler": "chopthin",
            "select": "majority",
        },
        # A candidate costs its block and one rollout of the same length.
        "rollout": {
            "method": "rollout",
            "block": block,
            "candidates": max(2, count // 2),
            "rollouts": 1,
            "lookahead": block,
        },
    }
    common = {"alpha": alpha, "budget_tokens": budget}
    return {name: {**common, **own} for name, own in each.items()}
