"""The keys and values of all rows that are being decoded, in one store that grows and shrinks."""

from __future__ import annotations

import torch
from torch import Tensor

from agentkit.models.engine.decoder import Decoder
from agentkit.models.engine.kernels import key_mask
from agentkit.models.engine.sequences import TokenSeq


class Slab:
    """Rows 0 … n-1 of a store, each with a length of its own."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._store = decoder.store(0, 0)
        self._lengths: list[int] = []

    def __len__(self) -> int:
        return len(self._lengths)

    def add(self, seq: TokenSeq) -> None:
        """A new last row with what the sequence covers: all its tokens but the last."""
        row, length = len(self), seq.covered
        self._reserve(row + 1, length + 1)
        seq.copy_to(self._store[:, row])
        self._lengths.append(length)

    def step(self, ids: list[int]) -> Tensor:
        """Feeds each row its next token; gives (n, hidden) states, ready for the head."""
        n, longest = len(self), max(self._lengths) + 1
        self._reserve(n, longest)
        device = self._store.device
        lengths = torch.tensor(self._lengths, device=device)
        width = self._decoder.shapes.width(longest)
        mask = key_mask(lengths + 1, width, self._store.dtype)[:, None, None]
        fed = torch.tensor(ids, device=device)
        states = self._decoder.step(fed, self._store, lengths, mask)
        self._lengths = [length + 1 for length in self._lengths]
        return states[:n]

    def taken(self, row: int, start: int) -> Tensor:
        """A copy of a row from token `start` on: (layers, n, 2, KV, D)."""
        return self._store[:, row, start : self._lengths[row]].clone()

    def remove(self, row: int) -> None:
        """Takes a row out; the last row takes its place."""
        last = len(self) - 1
        if row != last:
            length = self._lengths[last]
            self._store[:, row, :length] = self._store[:, last, :length]
            self._lengths[row] = length
        self._lengths.pop()
        if not self._lengths:
            self._store = self._decoder.store(0, 0)

    def _reserve(self, rows: int, tokens: int) -> None:
        """Room for so many rows and tokens; what is there is copied, which changes no bits."""
        had_rows, had_width = self._store.shape[1:3]
        width = max(self._decoder.shapes.width(tokens), had_width)
        if rows <= had_rows and width <= had_width:
            return
        grown = self._decoder.store(had_rows if rows <= had_rows else _power(rows), width)
        n = len(self)
        grown[:, :n, :had_width] = self._store[:, :n]
        self._store = grown


def _power(n: int) -> int:
    """The next power of two."""
    return 1 << (n - 1).bit_length()
