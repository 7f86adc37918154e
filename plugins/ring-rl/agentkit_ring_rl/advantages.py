"""Advantages of a group of answers to one prompt: how much better than its siblings each one is.

GRPO's group z-score (the A of Eq. 1, arXiv 2510.18855). The paper does not say which standard
deviation it takes, so that is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Spread = Literal["population", "sample", "none"]


@dataclass(frozen=True, slots=True)
class Advantages:
    """values: (N,) fp32, 0 where there is nothing to learn. flat: groups whose rewards are all
    equal. single: groups with fewer than two rewards. missing: rewards that are no numbers."""

    values: Tensor
    flat: int
    single: int
    missing: int


def group_advantages(rewards: Tensor, groups: Tensor, spread: Spread = "population") -> Advantages:
    """(r - mean of its group) / spread of its group.

    A reward that is NaN or infinite takes no part in its group's statistics and has advantage 0. A
    group of equal rewards, or of one, has advantage 0 throughout; nothing is divided by 0, and no
    small number is added to the spread.

    Args:
        rewards: (N,).
        groups: (N,) integers; equal ones are one group.
        spread: the standard deviation of n, of n - 1, or none (Dr. GRPO).

    Raises:
        ValueError: no rewards, or shapes that differ.
    """
    if rewards.ndim != 1 or rewards.shape != groups.shape or not len(rewards):
        raise ValueError(
            f"rewards {tuple(rewards.shape)} and groups {tuple(groups.shape)} must be equal "
            "vectors with at least one entry"
        )
    known = rewards.isfinite()
    values = torch.zeros(len(rewards), dtype=torch.float64)
    flat = single = 0
    for group in groups.unique():
        here = (groups == group) & known
        own = rewards[here].double()
        if len(own) < 2:
            single += 1
            continue
        if own.max() == own.min():
            flat += 1
            continue
        scale = {"population": 0, "sample": 1}.get(spread)
        divisor = 1.0 if scale is None else own.std(correction=scale)
        values[here] = (own - own.mean()) / divisor
    return Advantages(values.float(), flat, single, int((~known).sum()))
