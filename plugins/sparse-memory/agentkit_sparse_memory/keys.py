"""Fits queries and keys to a model's hidden states, so that all slots are used.

Untrained keys hash the hidden states. States of a language model lie in a narrow cone, so random
keys send most tokens to few slots. Queries from whitened states, or keys that are states
themselves, spread them out; how well is measured by three numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from agentkit.errors import ConfigError, DataError
from agentkit_sparse_memory.memory import MemoryLayer, SparseMemory
from agentkit_sparse_memory.settings import MemoryConfig

RIDGE = 1e-3  # of the mean variance, added to each: directions that never vary have no width


@dataclass(frozen=True, slots=True)
class Usage:
    """How the slots are used. read: the share that was read at all. perplexity: exp(entropy) of the
    reads by the number of slots; 1 where all are read equally. busiest: the share of reads that the
    busiest 1 % of the slots get; 0.01 where all are read equally."""

    read: float
    perplexity: float
    busiest: float

    @classmethod
    def of(cls, slots: Tensor, total: int) -> Usage:
        """slots: any shape, every read once; total: how many slots there are."""
        counts = torch.bincount(slots.flatten(), minlength=total).double()
        share = counts / counts.sum()
        entropy = -torch.special.xlogy(share, share).sum()
        most = share.sort(descending=True).values[: max(1, total // 100)]
        return cls(
            float((counts > 0).double().mean()), float(entropy.exp()) / total, float(most.sum())
        )


def fit(memory: SparseMemory, batches: Sequence[tuple[Tensor, Tensor]]) -> dict[int, Usage]:
    """Fits every layer to what it is given on these texts, first layer first.

    Args:
        batches: token ids and mask (B, T) each; at least as many tokens as a state has numbers.

    Returns:
        How each layer's slots are used afterwards, on the same texts.
    """
    found = {}
    for number, layer in sorted(memory.layers.items()):
        states = inputs(memory, layer, batches)
        with torch.no_grad():
            fit_layer(layer, memory.config, states)
            slots = torch.cat([layer.find(part)[0] for part in states.split(1024)])
        found[number] = Usage.of(slots, memory.config.slots)
    return found


def inputs(
    memory: SparseMemory, layer: MemoryLayer, batches: Sequence[tuple[Tensor, Tensor]]
) -> Tensor:
    """(n, d): what a memory layer is given, padding left out, in fp32."""
    kept: list[Tensor] = []
    for ids, mask in batches:
        seen = mask.flatten().bool()
        handle = layer.register_forward_pre_hook(
            lambda _, args, seen=seen: kept.append(args[0].flatten(0, -2).float().cpu()[seen])
        )
        try:
            memory.read(ids, mask)
        finally:
            handle.remove()
    if not kept:
        raise DataError("there is no text to fit the memory's keys to", "give some ordinary text")
    return torch.cat(kept).to(memory.values.device)


def fit_layer(layer: MemoryLayer, config: MemoryConfig, states: Tensor) -> None:
    """Sets query and keys of one layer from hidden states (n, d)."""
    noise = torch.Generator().manual_seed(config.seed * 7919 + layer.number)
    find = layer.find
    if config.whiten:
        _whiten(layer, config, states, noise)
    queries = find.query(states)
    halves = queries.view(len(states), find.heads, 2, -1)
    if config.key_init == "random":
        find.keys.normal_(generator=noise)
    else:
        for head in range(find.heads):
            for side in range(2):
                find.keys[head, side] = _centres(halves[:, head, side], config, noise, head)
        # Half-keys stand for differences from the middle; their lengths must not decide.
        find.keys -= find.keys.mean(-2, keepdim=True)
    find.keys /= find.keys.norm(dim=-1, keepdim=True).clamp_min(1e-12)
    if config.spread is not None:
        _sharpen(layer, config, states[:: max(1, len(states) // 512)])


def _whiten(
    layer: MemoryLayer, config: MemoryConfig, states: Tensor, noise: torch.Generator
) -> None:
    """q = R C^(-1/2) (x - mean), folded into the query's weight and bias."""
    n, d = states.shape
    if n < d:
        raise DataError(
            f"{n} tokens of text are too few to whiten states of {d} numbers",
            f"give at least {d}, better {8 * d}, or whiten = false",
        )
    mean = states.double().mean(0)
    centred = states.double() - mean
    variances, directions = torch.linalg.eigh(centred.T @ centred / n)
    kept = config.components or d
    variances, directions = variances[-kept:], directions[:, -kept:]
    scale = (variances.clamp_min(0) + RIDGE * variances.mean()).rsqrt()
    query = layer.find.query
    mix = torch.randn(query.weight.shape[0], len(scale), generator=noise, dtype=torch.float64)
    mix = mix.to(states.device) / math.sqrt(len(scale))
    weight = (mix * scale) @ directions.T
    query.weight.copy_(weight)
    query.bias.copy_(-(weight @ mean))


def _centres(x: Tensor, config: MemoryConfig, noise: torch.Generator, head: int) -> Tensor:
    """(n_keys, d_k / 2) half-keys out of half-queries (n, d_k / 2)."""
    if len(x) < config.n_keys:
        raise DataError(
            f"{len(x)} tokens of text are too few for {config.n_keys} keys",
            "give more text, fewer n_keys, or key_init = 'random'",
        )
    if config.key_init == "data":
        return x[torch.randperm(len(x), generator=noise)[: config.n_keys].to(x.device)]
    try:
        from sklearn.cluster import MiniBatchKMeans
    except ImportError as error:
        raise ConfigError(
            "key_init = 'kmeans' needs the package scikit-learn",
            "pip install scikit-learn, or use key_init = 'data'",
        ) from error
    clusters = MiniBatchKMeans(config.n_keys, random_state=config.seed + head, n_init=1)
    clusters.fit(x.cpu().numpy())
    return torch.from_numpy(clusters.cluster_centers_).to(x)


def _sharpen(layer: MemoryLayer, config: MemoryConfig, states: Tensor) -> None:
    """Scales the query so that a head's weights have exp(entropy) = spread k in the median. Which
    slots are found stays the same."""
    assert config.spread is not None
    if config.k == 1:
        return
    _, weights = layer.find(states)
    logits, wanted = weights.clamp_min(1e-30).log(), max(1.0, config.spread * config.k)
    low, high = 1e-3, 1e4
    for _ in range(60):
        middle = math.sqrt(low * high)
        p = (logits * middle).softmax(-1)
        used = float((-torch.special.xlogy(p, p).sum(-1)).exp().median())
        low, high = (middle, high) if used > wanted else (low, middle)
    layer.find.query.weight *= low
    layer.find.query.bias *= low
