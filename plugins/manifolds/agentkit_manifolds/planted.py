"""A model whose right answers are known, because its weights were made for them.

It reads bytes. Layer 0 counts: it writes where in the line a byte stands as a point of a curve in
six dimensions, and at each newline how long the line was, on another such curve. One head of layer
1 turns the first curve by `offset` and compares it with the second; where they meet it writes
"break", which the output reads as a newline. Its other heads have random weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

WIDTH, PERIOD, WAVES = 256, 64, 3
HEADS, KEY_HEADS, HEAD = 4, 2, 16
NEWLINE = 10


def curve(places: NDArray[np.int64] | range, period: int = PERIOD) -> NDArray[np.float64]:
    """(n, 2 * WAVES) unit vectors: three waves around a circle of `period` places."""
    angle = 2 * np.pi * np.outer(np.asarray(places), np.arange(1, WAVES + 1)) / period
    waves = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
    found: NDArray[np.float64] = waves / np.sqrt(WAVES)
    return found


def turned(offset: int) -> NDArray[np.float64]:
    """(6, 6): curve(c) @ turned(offset).T == curve(c + offset)."""
    angle = 2 * np.pi * offset * np.arange(1, WAVES + 1) / PERIOD
    c, s = np.diag(np.cos(angle)), np.diag(np.sin(angle))
    return np.block([[c, -s], [s, c]])


class Bytes:
    """Text to UTF-8 bytes and back."""

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(text.encode())

    def decode(self, ids: Sequence[int], /) -> str:
        return bytes(ids).decode(errors="replace")


class Counter(nn.Module):  # type: ignore[misc]
    """Layer 0's attention, done by hand: characters since the newline and the length of lines."""

    def __init__(self, counts: Tensor, widths: Tensor) -> None:
        super().__init__()
        self.head_dim = HEAD
        for name, rows in (("q_proj", HEADS), ("k_proj", KEY_HEADS), ("v_proj", KEY_HEADS)):
            setattr(self, name, nn.Linear(WIDTH, rows * HEAD, bias=False))
        self.o_proj = nn.Identity()
        self.register_buffer("counts", counts)
        self.register_buffer("widths", widths)

    def forward(self, states: Tensor, ids: Tensor) -> tuple[Tensor, None]:
        places = torch.arange(ids.shape[1]).expand_as(ids)
        newline = ids == NEWLINE
        seen = torch.where(newline, places, -1).cummax(1).values
        before = torch.cat([torch.full_like(seen[:, :1], -1), seen[:, :-1]], dim=1)
        count = places - before
        table: Any = self.counts
        width: Any = self.widths
        written = table[count.clamp_max(PERIOD - 1)]
        line = width[(count - 1).clamp_max(PERIOD - 1)]
        return self.o_proj(torch.where(newline[..., None], line, written)), None


class Attention(nn.Module):  # type: ignore[misc]
    """Plain causal attention with grouped keys."""

    def __init__(self) -> None:
        super().__init__()
        self.head_dim = HEAD
        self.q_proj = nn.Linear(WIDTH, HEADS * HEAD, bias=False)
        self.k_proj = nn.Linear(WIDTH, KEY_HEADS * HEAD, bias=False)
        self.v_proj = nn.Linear(WIDTH, KEY_HEADS * HEAD, bias=False)
        self.o_proj = nn.Linear(HEADS * HEAD, WIDTH, bias=False)

    def forward(self, states: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        batch, length, _ = states.shape
        q = self.q_proj(states).view(batch, length, HEADS, HEAD).transpose(1, 2)
        k, v = (
            p(states).view(batch, length, KEY_HEADS, HEAD).transpose(1, 2)
            .repeat_interleave(HEADS // KEY_HEADS, dim=1)
            for p in (self.k_proj, self.v_proj)
        )  # fmt: skip
        future = torch.ones(length, length, dtype=torch.bool).triu(1)
        weights = (q @ k.transpose(2, 3)).masked_fill(future, -torch.inf).softmax(-1)
        mixed = (weights @ v).transpose(1, 2).reshape(batch, length, HEADS * HEAD)
        return self.o_proj(mixed), weights


class Block(nn.Module):  # type: ignore[misc]
    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.input_layernorm = nn.Identity()
        self.self_attn = attention
        self.mlp = nn.Identity()

    def forward(self, states: Tensor, ids: Tensor) -> Tensor:
        written = self.self_attn(self.input_layernorm(states), ids)[0]
        return states + written


class Planted(nn.Module):  # type: ignore[misc]
    """The model.

    Args:
        offset: characters before the end of the line at which the boundary head fires.
        boundary: that head.
        noise: standard deviation of what each byte's embedding adds in all other directions.
        counting: False leaves the counter out: the same model without any curve in it.
    """

    def __init__(
        self,
        *,
        offset: int = 3,
        boundary: int = 2,
        noise: float = 0.3,
        counting: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__()
        rng = np.random.default_rng(seed)
        frame = np.linalg.qr(rng.normal(size=(WIDTH, WIDTH)))[0].T
        self.count_frame, self.width_frame = frame[:6], frame[6:12]
        newline, broken, rest = frame[12], frame[13], frame[14:]
        tables = [curve(range(PERIOD)) @ f for f in (self.count_frame, self.width_frame)]
        counts, widths = (torch.tensor(t * counting, dtype=torch.float32) for t in tables)
        attention = Attention()
        with torch.no_grad():
            for part in attention.children():
                assert isinstance(part, nn.Linear)
                part.weight.normal_(0, 0.02, generator=torch.Generator().manual_seed(seed))
            at, group = boundary * HEAD, boundary // (HEADS // KEY_HEADS) * HEAD
            sharp = 10.0
            query = np.zeros((HEAD, WIDTH))
            query[:6] = sharp * turned(offset) @ self.count_frame
            attention.q_proj.weight[at : at + HEAD] = torch.tensor(query)
            attention.k_proj.weight[group : group + 6] = torch.tensor(self.width_frame)
            attention.v_proj.weight.zero_()
            attention.v_proj.weight[group] = torch.tensor(newline)
            attention.o_proj.weight.zero_()
            attention.o_proj.weight[:, at] = torch.tensor(broken)
        self.layers = nn.ModuleList([Block(Counter(counts, widths)), Block(attention)])
        self.embed = nn.Embedding(256, WIDTH)
        self.head = nn.Linear(WIDTH, 256)
        with torch.no_grad():
            words = rng.normal(size=(256, len(rest))) @ rest * noise
            words[NEWLINE] += newline
            self.embed.weight.copy_(torch.tensor(words))
            self.head.weight.zero_()
            self.head.weight[NEWLINE] = torch.tensor(10 * broken)
            self.head.bias.zero_()
            self.head.bias[NEWLINE] = -1.0
        self.requires_grad_(False)

    def get_output_embeddings(self) -> nn.Module:
        return self.head

    def forward(self, ids: Tensor) -> Tensor:
        states = self.embed(ids)
        for layer in self.layers:
            states = layer(states, ids)
        logits: Tensor = self.head(states)
        return logits
