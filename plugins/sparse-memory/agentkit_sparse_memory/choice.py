"""Which rows a batch may change: those that it reads often and ordinary text reads rarely.

`tfidf` is the paper's (arXiv 2510.15103): c(i) / sum c * log((|B| + 1) / (df(i) + 1)). `kl` is that
of arXiv 2604.05248: p log(p / q) with q the background's own frequencies, add-one. The rest are
controls: `tf` ignores the background, `random` takes any that are read, `oracle` looks at the
gradient itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from agentkit.errors import UsageError
from agentkit_sparse_memory.background import BackgroundIndex
from agentkit_sparse_memory.memory import Reads
from agentkit_sparse_memory.settings import Policy


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a policy may look at. norms: (n,) lengths of the gradient's rows for reads.slots."""

    reads: Reads
    index: BackgroundIndex
    norms: Tensor
    noise: torch.Generator


def tfidf(e: Evidence) -> Tensor:
    return e.reads.counts.double() / e.reads.counts.sum() * e.index.idf(e.reads.slots)


def kl(e: Evidence) -> Tensor:
    p = e.reads.counts.double() / e.reads.counts.sum()
    usual = e.index.reads[e.reads.slots.cpu()].double().to(p.device) + 1
    return p * torch.log(p * (int(e.index.reads.sum()) + len(e.index.reads)) / usual)


def tf(e: Evidence) -> Tensor:
    return e.reads.counts.double()


def random(e: Evidence) -> Tensor:
    return torch.rand(len(e.reads.slots), generator=e.noise).to(e.reads.slots.device)


def oracle(e: Evidence) -> Tensor:
    return e.norms


POLICIES: Mapping[str, Callable[[Evidence], Tensor]] = {
    "tfidf": tfidf,
    "kl": kl,
    "tf": tf,
    "random": random,
    "oracle": oracle,
}


def choose(policy: Policy, evidence: Evidence, t: int, barred: Tensor | None = None) -> Tensor:
    """The t best slots of those that were read, ascending; all of them where t is more.

    Equal scores: the lower slot first. barred: slots that must not be chosen, ascending.

    Raises:
        UsageError: t is below 1, or there is no such policy.
    """
    if t < 1:
        raise UsageError(f"t is {t}", "change at least one row: t = 1 or more")
    if policy not in POLICIES:
        raise UsageError(f"no policy {policy!r}", f"one of: {', '.join(POLICIES)}")
    scores, slots = POLICIES[policy](evidence), evidence.reads.slots
    if barred is not None and len(barred):
        free = ~torch.isin(slots, barred)
        scores, slots = scores[free], slots[free]
    best = scores.sort(descending=True, stable=True).indices[:t]
    return slots[best].sort().values
