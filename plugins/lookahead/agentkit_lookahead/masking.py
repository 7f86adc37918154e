"""How much of each answer is hidden, and where (section 3.3: from easy to hard)."""

from __future__ import annotations

import random
from collections.abc import Sequence

from agentkit.seeds import derive
from agentkit_lookahead.settings import Schedule


def curriculum(done: float, start: float = 0.0, warm: float = 0.4) -> float:
    """r(f) = min(r0 + (1 - r0) f / w, 1), for the done share f of training.

    It is driven by the trainer's own step, never by a counter of batches that were prepared: those
    run ahead, and begin again in every worker and after every resume.
    """
    return min(start + (1 - start) * done / warm, 1.0) if warm > 0 else 1.0


def rates(
    schedule: Schedule, step: int, total: int, count: int, start: float, warm: float, seed: int
) -> list[float]:
    """The masked share for each of `count` queries of a step; depends on (seed, step) alone."""
    if schedule == "full":
        return [1.0] * count
    if schedule == "uniform":
        rng = random.Random(derive(seed, "rate", step))
        return [1.0 - rng.random() for _ in range(count)]
    return [curriculum(step / total, start, warm)] * count


def visible(response: Sequence[int], rate: float) -> int:
    """How many first tokens are seen: len - max(int(len r), 1). Masks grow from the end."""
    return max(len(response) - max(int(len(response) * rate), 1), 0) if response else 0
