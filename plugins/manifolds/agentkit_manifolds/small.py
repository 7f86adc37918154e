"""Lines of random words, a small transformer that learns to break them, and the exact optimum.

Each word is one token whose length must be learned. Words are drawn independently; a newline comes
where the next one does not fit. So the best possible prediction is known: a posterior over the
line's width, moved along token by token, gives the probability of a newline and of each word.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from agentkit.capabilities import Progress
from agentkit.errors import Cancelled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Language:
    """lengths: (words,) characters of each word. chance: (words,) how often. widths: of lines, all
    equally likely. Token 0 is the newline, word w is token w + 1."""

    lengths: Ints
    chance: Floats
    widths: Ints

    @classmethod
    def made(cls, words: int = 200, seed: int = 0) -> Language:
        rng = np.random.default_rng(seed)
        chance = 1 / np.arange(3, words + 3)
        return cls(rng.integers(1, 11, words), chance / chance.sum(), np.arange(20, 61))

    def sample(self, count: int, length: int, seed: int) -> tuple[Ints, Ints]:
        """(tokens (count, length), characters since the newline (count, length))."""
        rng = np.random.default_rng(seed)
        words = rng.choice(len(self.lengths), size=(count, length), p=self.chance)
        tokens, counts = np.zeros((2, count, length), dtype=np.int64)
        for row, width in enumerate(rng.choice(self.widths, size=count)):
            at, line, after = 0, 0, True
            for place in range(length):
                need = self.lengths[words[row, at]] + (0 if after else 1)
                if line + need <= width:
                    line += need
                    tokens[row, place] = words[row, at] + 1
                    counts[row, place] = line
                    at, after = at + 1, False
                else:
                    counts[row, place], line, after = line, 0, True
        return tokens, counts

    def optimum(self, tokens: Ints) -> Floats:
        """(count, length, words + 1) probabilities of the token at each place, given those before
        it: Bayes' rule over widths. A word behind a newline is one that did not fit before it."""
        rows, length = tokens.shape
        weight = np.full((rows, len(self.widths)), 1 / len(self.widths))
        line, pending = np.zeros(rows, dtype=np.int64), np.full(rows, -1)
        after = np.ones(rows, dtype=bool)
        made = np.zeros((rows, length, len(self.lengths) + 1))
        for place in range(length):
            room = self.widths[None] - line[:, None] - (~after)[:, None]
            fits = self.lengths[None, None] <= room[..., None]  # (rows, widths, words)
            inside = np.where(fits, self.chance, 0.0)
            out = 1 - inside.sum(2)
            # Behind a newline the word is known not to have fitted into the line before.
            gap = self.widths[None] - pending[:, None] - 1
            missed = np.where(self.lengths[None, None] > gap[..., None], self.chance, 0.0)
            missed /= np.maximum(missed.sum(2, keepdims=True), 1e-300)
            fresh = (after & (pending >= 0))[:, None, None]
            given = np.where(fresh, missed, inside)
            broken = np.where(fresh[..., 0], 0.0, out)
            made[:, place, 0] = (weight * broken).sum(1)
            made[:, place, 1:] = (weight[..., None] * given).sum(1)
            token = tokens[:, place]
            newline = token == 0
            word = np.maximum(token - 1, 0)
            likely = np.where(
                newline[:, None], broken, np.take_along_axis(given, word[:, None, None], 2)[..., 0]
            )
            weight = weight * likely
            weight /= weight.sum(1, keepdims=True)
            pending = np.where(newline, line, -1)
            line = np.where(newline, 0, line + self.lengths[word] + ~after)
            after = newline
        return made


class Block(nn.Module):  # type: ignore[misc]
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(width)
        self.self_attn = Attention(width, heads)
        self.post_norm = nn.RMSNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, states: Tensor) -> Tensor:
        states = states + self.self_attn(self.input_layernorm(states))
        out: Tensor = states + self.mlp(self.post_norm(states))
        return out


class Attention(nn.Module):  # type: ignore[misc]
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.head_dim = width // heads
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = (
            nn.Linear(width, width, bias=False) for _ in range(4)
        )

    def forward(self, states: Tensor) -> Tensor:
        batch, length, width = states.shape
        q, k, v = (
            p(states).view(batch, length, -1, self.head_dim).transpose(1, 2)
            for p in (self.q_proj, self.k_proj, self.v_proj)
        )
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        out: Tensor = self.o_proj(mixed.transpose(1, 2).reshape(batch, length, width))
        return out


class Small(nn.Module):  # type: ignore[misc]
    """A decoder with learned positions."""

    def __init__(
        self, words: int, *, width: int = 96, layers: int = 3, heads: int = 6, context: int = 128
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(words + 1, width)
        self.place = nn.Embedding(context, width)
        self.layers = nn.ModuleList([Block(width, heads) for _ in range(layers)])
        self.norm, self.head = nn.RMSNorm(width), nn.Linear(width, words + 1, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        states = self.embed(ids) + self.place.weight[: ids.shape[1]]
        for layer in self.layers:
            states = layer(states)
        logits: Tensor = self.head(self.norm(states))
        return logits


def train(
    language: Language,
    progress: Progress,
    *,
    steps: int,
    batch: int = 64,
    context: int = 128,
    rate: float = 2e-3,
    seed: int = 0,
) -> Small:
    """Trains on fresh lines at each step; the seed decides all.

    Raises:
        Cancelled: between two steps.
    """
    torch.manual_seed(seed)
    model = Small(len(language.lengths), context=context)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    for step in range(steps):
        if progress.cancel:
            raise Cancelled
        tokens = torch.from_numpy(language.sample(batch, context, seed * 1_000_003 + step + 1)[0])
        logits = model(tokens[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 20 == 19:
            progress.update(step + 1, steps, {"loss": float(loss.detach())})
    made: Small = model.eval().requires_grad_(False)
    return made


@dataclass(frozen=True, slots=True)
class Calibration:
    """In nats a token over held-out lines: the optimum's loss, the model's, and the divergence of
    the model from the optimum; newline: of the two probabilities of a newline alone, at places
    from line 3 on. unigram: loss of token frequencies."""

    optimum: float
    model: float
    divergence: float
    newline: float
    unigram: float


def calibrate(language: Language, model: nn.Module, tokens: Ints) -> Calibration:
    """Holds a model to the optimum."""
    best = language.optimum(tokens)[:, 1:]
    with torch.no_grad():
        logp = model(torch.from_numpy(tokens[:, :-1])).log_softmax(-1).double().numpy()
    came = tokens[:, 1:, None]
    settled = np.cumsum(tokens == 0, 1)[:, :-1] >= 3
    own = np.exp(logp)
    counts = np.bincount(tokens.ravel(), minlength=best.shape[2]) / tokens.size
    return Calibration(
        -float(np.log(np.take_along_axis(best, came, 2)).mean()),
        -float(np.take_along_axis(logp, came, 2).mean()),
        float((best * (np.log(np.maximum(best, 1e-300)) - logp)).sum(2).mean()),
        float(_binary(best[..., 0], own[..., 0])[settled].mean()),
        -float(np.log(counts[tokens[:, 1:]]).mean()),
    )


def _binary(p: Floats, q: Floats) -> Floats:
    q = np.clip(q, 1e-12, 1 - 1e-12)
    found: Floats = p * np.log(np.maximum(p, 1e-300) / q) + (1 - p) * np.log(
        np.maximum(1 - p, 1e-300) / (1 - q)
    )
    return found
