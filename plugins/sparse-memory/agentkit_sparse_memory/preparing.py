"""Fits a memory to its model, once: keys, healing where it replaced layers, and the background."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from agentkit.capabilities.trainer import Progress
from agentkit_sparse_memory.background import count
from agentkit_sparse_memory.batches import Encoder
from agentkit_sparse_memory.healing import heal
from agentkit_sparse_memory.keys import Usage, fit
from agentkit_sparse_memory.memory import SparseMemory
from agentkit_sparse_memory.settings import Settings
from agentkit_sparse_memory.store import MemoryStore
from agentkit_sparse_memory.texts import split, told

PIECE = 64  # tokens of a piece of ordinary text


def prepare(
    memory: SparseMemory,
    encoder: Encoder,
    store: MemoryStore,
    settings: Settings,
    texts: Sequence[str],
    progress: Progress | None = None,
) -> dict[int, Usage]:
    """Fits, counts, and writes the memory's folder. Gives how each layer's slots are used.

    A part of the texts is held out, for measuring what is forgotten. What fails leaves the memory
    as it was.

    Raises:
        DataError: there is too little text.
    """
    learn_from, hold_out = split(texts)
    # As many tokens in a batch that is counted as in one that is learned from.
    pieces = encoder.texts(learn_from, PIECE, settings.batch)
    noise = torch.Generator().manual_seed(settings.seed)
    pieces = [pieces[n] for n in torch.randperm(len(pieces), generator=noise).tolist()]
    wanted = [(piece.ids, piece.mask) for piece in pieces]
    fits = max(1, settings.fit_tokens // (PIECE * settings.batch))
    held = torch.cat([batch.ids for batch in encoder.texts(hold_out, PIECE, 1)])
    held = held[:: max(1, len(held) // settings.held_out)][: settings.held_out].contiguous()
    with _kept(memory):
        usage = fit(memory, wanted[:fits])
        healing = settings.mode == "replace" and settings.match + settings.heal > 0
        if healing:
            heal(
                memory,
                pieces,
                encoder.pieces(held.tolist(), settings.batch),
                match=settings.match,
                steps=settings.heal,
                progress=progress,
            )
        counted = wanted[fits : fits + settings.batches] or wanted
        index = count(memory, told(counted, progress), store.fingerprint(memory))
        with_values = healing or settings.init != "values-zero"
        store.save(memory, index, held, values=with_values)
    return usage


@contextmanager
def _kept(memory: SparseMemory) -> Iterator[None]:
    """Keys, gates and values as they were, should the block not end well."""
    every = [memory.values, *(parameter for _, parameter in memory.parameters())]
    before = [parameter.detach().clone() for parameter in every]
    try:
        yield
    except BaseException:
        with torch.no_grad():
            for parameter, old in zip(every, before):
                parameter.copy_(old)
        raise
