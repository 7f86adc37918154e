"""Core sets: the slots that nearly all phrasings of a fact read (arXiv 2510.15103, section 5).

For each phrasing the t best slots by TF-IDF; the core of a fact is what at least a share of its
phrasings have among them. Where in the sentence are those slots read?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from agentkit_sparse_memory.background import BackgroundIndex
from agentkit_sparse_memory.batches import Encoder
from agentkit_sparse_memory.choice import Evidence, choose
from agentkit_sparse_memory.facts import Fact, Phrasing
from agentkit_sparse_memory.memory import Reads, SparseMemory


@dataclass(frozen=True, slots=True)
class Core:
    """slots: (n,) of the core, ascending. size: how many. trainable: the share of the core that is
    among the t slots chosen for all phrasings together. at_entity: the share of the core's reads at
    tokens of the subject; by_chance: the share at a span of the same length elsewhere."""

    slots: Tensor
    trainable: float
    at_entity: float
    by_chance: float

    @property
    def size(self) -> int:
        return len(self.slots)


def core_of(
    memory: SparseMemory,
    encoder: Encoder,
    index: BackgroundIndex,
    fact: Fact,
    *,
    t: int,
    share: float = 0.7,
    seed: int = 0,
) -> Core:
    """The core set of a fact, over its phrasings that are no conversation.

    Args:
        share: of the phrasings that must have a slot among their t best.
    """
    noise = torch.Generator().manual_seed(seed)
    read: list[tuple[Tensor, range]] = []  # slots (T, reads) of a phrasing, and its subject's span
    for phrasing in fact.phrasings():
        span = _span(encoder, phrasing, fact.subject)
        if phrasing.chat is None and span:
            prompt, target = encoder.pair(phrasing)
            ids = torch.tensor([[*prompt, *target]])
            with memory.recording() as seen:
                memory.read(ids, torch.ones_like(ids))
            per = torch.cat([slots.flatten(1) for _, slots in seen.seen], 1)
            read.append((per.cpu(), span))
    count = torch.zeros(memory.config.slots, dtype=torch.long)
    for slots, _ in read:
        count[_best(slots, index, t, noise)] += 1
    core = (count >= max(1, share * len(read))).nonzero()[:, 0]
    together = _best(torch.cat([slots.flatten() for slots, _ in read]), index, t, noise)
    entity, chance, whole = 0, 0, 0
    for slots, span in read:
        hits = torch.isin(slots, core).sum(1)
        start = int(torch.randint(0, max(1, len(slots) - len(span)), (1,), generator=noise))
        entity += int(hits[list(span)].sum())
        chance += int(hits[start : start + len(span)].sum())
        whole += int(hits.sum())
    inside = float(torch.isin(core, together).double().mean()) if len(core) else 0.0
    return Core(core, inside, entity / max(1, whole), chance / max(1, whole))


def _best(slots: Tensor, index: BackgroundIndex, t: int, noise: torch.Generator) -> Tensor:
    reads = Reads.of([slots])
    return choose("tfidf", Evidence(reads, index, torch.zeros(len(reads.slots)), noise), t)


def _span(encoder: Encoder, phrasing: Phrasing, words: str) -> range:
    """Which tokens of the prompt the words are; empty where they do not occur."""
    at = phrasing.prompt.find(words)
    if at < 0:
        return range(0)
    start = len(encoder.encode(phrasing.prompt[:at].rstrip(" ")))
    return range(start, len(encoder.encode(phrasing.prompt[: at + len(words)])))


def overlap(cores: Sequence[Core]) -> float:
    """The mean Jaccard index of two facts' cores."""
    found = []
    for n, one in enumerate(cores):
        for other in cores[n + 1 :]:
            both = int(torch.isin(one.slots, other.slots).sum())
            found.append(both / max(1, one.size + other.size - both))
    return sum(found) / max(1, len(found))
