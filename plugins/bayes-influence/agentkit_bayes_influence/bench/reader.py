"""A language model of one layer on a vocabulary of words, small enough for chains side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from agentkit_bayes_influence.bench.world import World
from agentkit_bayes_influence.posterior import Items, Loss

LENGTH = 4  # words before the one that is learned
TINY = 0.01
"""Spread of embeddings at the start: small, so that names which are read in the same company come
to lie in the same place (the rich regime), not beside where they began."""


class Reader(nn.Module):  # type: ignore[misc]
    """Causal self-attention and an MLP, read at the last word. ids (n, 4) to logits (n, words)."""

    def __init__(self, words: int, width: int = 32, heads: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.names = nn.Embedding(words, width)
        self.places = nn.Parameter(torch.randn(LENGTH, width) * TINY)
        self.qkv, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.out = nn.Linear(width, words)
        nn.init.normal_(self.names.weight, std=TINY)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.names(ids) + self.places
        n, t, d = x.shape
        parts = self.qkv(self.norms[0](x)).view(n, t, 3, self.heads, d // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        later = torch.ones(t, t, dtype=torch.bool).triu(1)
        scores = (q @ k.transpose(-1, -2) / math.sqrt(d // self.heads)).masked_fill(later, -1e9)
        x = (x + self.mix((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, t, d)))[:, -1]
        x = x + self.down(F.gelu(self.up(self.norms[1](x))))
        made: Tensor = self.out(self.norms[2](x))
        return made

    def learned(self) -> dict[str, Tensor]:
        """All weights but the embeddings, which stay as the glossary left them."""
        fixed = ("names.", "places")
        return {n: p for n, p in self.named_parameters() if not n.startswith(fixed)}


def trained(world: World, seed: int, *, read: int = 200, learn: int = 200) -> tuple[Reader, Tensor]:
    """Reads the glossary first, then learns facts and glossary together with embeddings fixed:
    (reader, sentences as ids), taught sentences first."""
    index = {word: n for n, word in enumerate(world.words)}
    ids = torch.tensor([[index[w] for w in s] for s in (*world.taught, *world.glossary)])
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        reader = Reader(len(index))
    noise = torch.Generator().manual_seed(seed)
    _fit(reader, ids[len(world.taught) :], list(reader.parameters()), read, 1e-2, 0.1, noise)
    _fit(reader, ids, list(reader.learned().values()), learn, 3e-3, 0.01, noise)
    return reader.eval(), ids


def _fit(
    reader: Reader,
    ids: Tensor,
    weights: Sequence[nn.Parameter | Tensor],
    steps: int,
    rate: float,
    decay: float,
    noise: torch.Generator,
) -> None:
    optimizer = torch.optim.AdamW(weights, lr=rate, weight_decay=decay)
    for _ in range(steps):
        batch = ids[torch.randint(0, len(ids), (128,), generator=noise)]
        loss = F.cross_entropy(reader(batch[:, :-1]), batch[:, -1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def reading_loss(reader: Reader) -> Loss:
    """loss(parameters, ids (n, 5)) -> (n, 1): nats of the last word."""

    def loss(parameters: Mapping[str, Tensor], ids: Tensor) -> Tensor:
        logits = functional_call(reader, dict(parameters), (ids[:, :-1],))
        return -logits.log_softmax(-1).gather(1, ids[:, -1:])

    return loss


def items(ids: Tensor, names: Sequence[str]) -> Items:
    return Items((ids,), torch.ones(len(ids), 1, dtype=torch.bool), tuple(names))
