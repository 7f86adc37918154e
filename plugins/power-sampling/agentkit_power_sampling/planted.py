"""Acceptance rules that are wrong on purpose: what a test of exactness must catch."""

from __future__ import annotations

import math

from agentkit_power_sampling.batch import Sample, total
from agentkit_power_sampling.mh import collapsed
from agentkit_power_sampling.settings import Sampling


def truncated(x: Sample, y: Sample, cut: int, settings: Sampling, first: int = 0) -> float:
    """Forgets what the current answer has beyond the proposal's end."""
    return collapsed(x, y, cut, settings, first) + total(x.logz[len(y) :])


def no_lengths(x: Sample, y: Sample, cut: int, settings: Sampling, first: int = 0) -> float:
    """Forgets that the way back draws its cut from another number of places."""
    return collapsed(x, y, cut, settings, first) - math.log((len(x) - first) / (len(y) - first))
