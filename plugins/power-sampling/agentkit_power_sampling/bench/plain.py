"""The paper's algorithm as one would first write it: one prompt at a time, and every proposal reads
the whole prefix again. Keys and values are kept within a proposal, as `generate` does.

Only the measure of speed uses it. The acceptance rule is the exact one, so that it accepts as
often as ours does.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(slots=True)
class Plain:
    """An answer of the plain algorithm. spent: tokens generated for it."""

    ids: list[int]
    logz: list[float]
    accepted: int = 0
    spent: int = 0


def answer(
    module: Any,
    prompt: Sequence[int],
    ends: frozenset[int],
    *,
    alpha: float,
    length: int,
    block: int,
    steps: int,
    seed: int,
) -> Plain:
    """Algorithm 1 with early stop, batch 1.

    Args:
        module: a causal language model of transformers.
        ends: tokens that end an answer.
    """
    rng, noise = random.Random(seed), torch.Generator().manual_seed(seed)
    x = Plain([], [])
    for limit in range(block, length + block, block):
        limit = min(limit, length)
        grow(module, prompt, x, ends, alpha, limit, noise)
        for _ in range(steps):
            cut = rng.randrange(len(x.ids))
            y = Plain(x.ids[:cut], x.logz[:cut], x.accepted, x.spent)
            grow(module, prompt, y, ends, alpha, limit, noise)
            ratio = sum(y.logz[cut:]) - sum(x.logz[cut:]) + math.log(len(x.ids) / len(y.ids))
            if math.log1p(-rng.random()) < ratio:
                x.ids, x.logz, x.accepted = y.ids, y.logz, x.accepted + 1
            x.spent = y.spent
        if x.ids[-1] in ends:
            break
    return x


def grow(
    module: Any,
    prompt: Sequence[int],
    x: Plain,
    ends: frozenset[int],
    alpha: float,
    limit: int,
    noise: torch.Generator,
) -> None:
    """Continues to `limit` tokens or an end, at temperature 1/alpha."""
    if x.ids and x.ids[-1] in ends:
        return
    new, past = torch.tensor([[*prompt, *x.ids]]), None
    while len(x.ids) < limit:
        with torch.inference_mode():
            made = module(input_ids=new, past_key_values=past, use_cache=True, logits_to_keep=1)
        past = made.past_key_values
        sharp = alpha * torch.log_softmax(made.logits[0, -1].float(), -1)
        x.logz.append(float(torch.logsumexp(sharp, -1)))
        new = torch.multinomial(torch.softmax(sharp, -1), 1, generator=noise)[None]
        x.ids.append(int(new))
        x.spent += 1
        if x.ids[-1] in ends:
            break
