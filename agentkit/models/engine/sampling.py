"""From logits to tokens and their log-probabilities. Everything in nats and fp32.

A token is drawn by one uniform number that depends on (seed, position) alone, so batches, forks and
restarts change nothing. Where logits are the same to the bit, that number picks by the inverse of
the cumulative distribution. Where they may differ in the last bits this is the wrong coupling: a
shift of 1e-7 moves every boundary behind it, and tail tokens are narrower than that. There, noise
per token (Gumbel-max) is used: it changes its mind only where two tokens are as good as equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from agentkit.seeds import derive

BLOCK = 256  # tokens summed in one go by the inverse of the cumulative distribution
TINY = -80.0  # exp below this is taken as 0: denormal results are 47 times slower


@dataclass(frozen=True, slots=True)
class Choice:
    """How the next token of one row is drawn. temperature 0 takes the likeliest."""

    seed: int
    position: int
    temperature: float = 1.0
    top_p: float = 1.0


@dataclass(frozen=True, slots=True)
class Numbers:
    """Of n rows. logp: (n, V) at temperature 1. logz: (n,) log sum p^(1/T). logq: (n, V), what is
    drawn from with full support. best: (n,) the likeliest tokens."""

    logp: Tensor
    logz: Tensor
    logq: Tensor
    best: Tensor


@dataclass(frozen=True, slots=True)
class Drawn:
    """A token with its numbers: see `Span`; logq of what was really drawn from."""

    id: int
    logp: float
    logz: float
    logq: float
    likeliest: list[tuple[int, float]]


def numbers(logits: Tensor, temperatures: Sequence[float]) -> Numbers:
    """Log-probabilities of masked logits (n, V) in fp32, one temperature a row.

    At temperature 0 all mass is on the likeliest token, log q is 0 or -inf, and logz is set to 0.
    """
    logp = torch.log_softmax(logits, -1)
    best = logp.argmax(-1)
    logz = torch.zeros(len(logp), dtype=torch.float32, device=logits.device)
    if all(t == 1 for t in temperatures):
        return Numbers(logp, logz, logp, best)
    warm = torch.tensor([t or 1.0 for t in temperatures], device=logits.device)
    scaled = logp / warm[:, None]
    logq = torch.log_softmax(scaled, -1)
    rows = torch.arange(len(logp), device=logits.device)
    logz = scaled[rows, best] - logq[rows, best]  # where both terms are small
    for row, temperature in enumerate(temperatures):
        if temperature == 1:
            logz[row], logq[row] = 0.0, logp[row]
        elif temperature == 0:
            logz[row] = 0.0
            logq[row] = float("-inf")
            logq[row, best[row]] = 0.0
    return Numbers(logp, logz, logq, best)


def draw(found: Numbers, choices: Sequence[Choice], *, exact: bool) -> tuple[Tensor, Tensor]:
    """(ids, log q of what was really drawn from), both (n,)."""
    logq, ids = found.logq, found.best.clone()
    rows = torch.arange(len(ids), device=ids.device)
    warm = [i for i, c in enumerate(choices) if c.temperature > 0]
    if not warm:
        return ids, logq[rows, ids]
    if any(choices[i].top_p < 1 for i in warm):
        logq = torch.stack([nucleus(logq[i], c.top_p) for i, c in enumerate(choices)])
    part = logq if len(warm) == len(choices) else logq[warm]
    drawn = [choices[i] for i in warm]
    picked = _inverse(part, drawn) if exact else _gumbel(part, drawn)
    ids[warm] = picked
    return ids, logq[rows, ids]


def nucleus(logq: Tensor, top_p: float) -> Tensor:
    """log q (V,) cut to the fewest tokens that hold `top_p` of the mass, and renormalised."""
    if top_p >= 1:
        return logq
    ordered, order = logq.sort(descending=True, stable=True)
    mass = _exp(ordered).double().cumsum(-1)
    beyond = F.pad(mass[:-1] >= top_p, (1, 0))  # the token that crosses the limit stays
    return torch.log_softmax(logq.index_fill(0, order[beyond], float("-inf")), -1)


def uniform(seed: int, position: int) -> float:
    """A number in [0, 1) that depends on (seed, position) alone."""
    return (derive(seed, "token", position) >> 10) / (1 << 53)


def _inverse(logq: Tensor, choices: Sequence[Choice]) -> Tensor:
    """The inverse of the cumulative distribution, in two levels: blocks, then tokens of one."""
    n, size = logq.shape
    mass = F.pad(_exp(logq), (0, -size % BLOCK)).view(n, -1, BLOCK)
    sums = mass.sum(-1, dtype=torch.float64).cumsum(-1)
    u = [uniform(c.seed, c.position) for c in choices]
    u = torch.tensor(u, dtype=torch.float64, device=logq.device)[:, None]
    aim = _below(u * sums[:, -1:], sums)
    block = torch.searchsorted(sums, aim, right=True)
    before = F.pad(sums, (1, 0)).gather(1, block)
    inside = mass[torch.arange(n, device=logq.device), block[:, 0]].double().cumsum(-1)
    token = torch.searchsorted(inside, _below(aim - before, inside), right=True)
    return (block * BLOCK + token)[:, 0]


def _below(aim: Tensor, sums: Tensor) -> Tensor:
    """`aim` kept under the last sum, whatever rounding did: a token without mass is never hit."""
    last = sums[:, -1:]
    return torch.minimum(aim, torch.nextafter(last, torch.zeros_like(last)))


def _gumbel(logq: Tensor, choices: Sequence[Choice]) -> Tensor:
    noise = torch.empty(logq.shape)
    for row, choice in enumerate(choices):
        generator = torch.Generator().manual_seed(derive(choice.seed, "noise", choice.position))
        torch.rand(logq.shape[1], generator=generator, out=noise[row])
    return (logq - noise.clamp_(1e-20, 1 - 1e-7).log_().neg_().log_().to(logq.device)).argmax(-1)


def _exp(logq: Tensor) -> Tensor:
    return logq.masked_fill(logq < TINY, float("-inf")).exp_()
