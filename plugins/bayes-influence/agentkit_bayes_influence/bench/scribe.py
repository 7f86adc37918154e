"""A language model of bytes that all three tools can take: a Llama of two layers, trained here on
passages of Python's own documentation, which every interpreter carries."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from agentkit_bayes_influence.language import causal
from agentkit_bayes_influence.posterior import Items, Posterior

LENGTH = 32  # bytes of a passage


@dataclass(frozen=True)
class Scribe:
    """model: trained. train: (n, LENGTH), what it was trained on. query: (q, LENGTH), of other
    articles."""

    model: nn.Module
    train: Tensor
    query: Tensor

    @property
    def names(self) -> list[str]:
        """The sampled weights: those of all linear layers below the head, which EK-FAC has factors
        of."""
        return [name for name, _ in self.model.named_parameters() if "_proj.weight" in name]

    @property
    def modules(self) -> list[str]:
        return [name.removesuffix(".weight") for name in self.names]

    def copied(self) -> Scribe:
        """With a model of its own, whose weights want gradients."""
        return Scribe(deepcopy(self.model).requires_grad_(True), self.train, self.query)

    def posterior(self, chunk: int) -> Posterior:
        own = dict(self.model.named_parameters())
        weights = {name: own[name].detach() for name in self.names}
        items = _items(self.train, "train")
        return Posterior(causal(self.model), weights, items, chunk=chunk, side_by_side=False)

    def queries(self, count: int) -> Items:
        return _items(self.query[:count], "query")


def scribe(n: int, q: int, seed: int, *, steps: int, width: int = 64) -> Scribe:
    """Trains for `steps` steps of all n passages each, so that w* is near a minimum of their
    loss."""
    from transformers import LlamaConfig, LlamaForCausalLM

    rng = np.random.default_rng(seed)
    train, query = (_passages(part, count, rng) for part, count in zip(_articles(rng), (n, q)))
    config = LlamaConfig(
        vocab_size=256,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=LENGTH,
        attn_implementation="eager",
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
    rate = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    falls = torch.optim.lr_scheduler.CosineAnnealingLR(rate, steps)
    loss = causal(model)
    for _ in range(steps):
        rate.zero_grad()
        loss(dict(model.named_parameters()), train).mean().backward()
        rate.step()
        falls.step()
    return Scribe(model.eval().requires_grad_(False), train, query)


def _articles(rng: np.random.Generator) -> tuple[list[bytes], list[bytes]]:
    """Two halves, which share no article."""
    from pydoc_data.topics import topics

    texts = [topics[name].encode() for name in sorted(topics) if len(topics[name]) > 10 * LENGTH]
    order = rng.permutation(len(texts))
    half = len(texts) // 2
    return [texts[i] for i in order[:half]], [texts[i] for i in order[half:]]


def _passages(texts: list[bytes], count: int, rng: np.random.Generator) -> Tensor:
    rows = []
    for _ in range(count):
        text = texts[rng.integers(len(texts))]
        start = rng.integers(len(text) - LENGTH)
        rows.append(list(text[start : start + LENGTH]))
    return torch.tensor(rows)


def _items(ids: Tensor, kind: str) -> Items:
    mask = torch.ones(len(ids), LENGTH - 1, dtype=torch.bool)
    return Items((ids,), mask, tuple(f"{kind} {n}" for n in range(len(ids))))
