"""The policy's network: a small decoder that reads a prompt by its pieces, and points.

A prompt is a row of pieces: each word of the goal and of what was read, each app, each line of the
history, the page, and each element. A piece is the sum of its words' embeddings. Over the pieces
goes a pre-norm decoder with rotary positions and RMS norms (as in Llama; Touvron et al., arXiv
2302.13971), in which the pieces of a prompt see each other and those of an answer what was before
(a prefix decoder; Raffel et al., arXiv 1910.10683, section 3.2.1). What it says next is a word, by
the embedding that it shares with the input, or the number of an element, an app or a word of the
goal or a note: those by pointing at their piece (Vinyals et al., arXiv 1506.03134, equation 3). A
plain decoder of this size has to learn first to look up and copy, which takes it longer than all
the rest.

A word has an embedding that is learned, if the demonstrations taught it, and one that is a
projection of its meaning, a fixed vector that all words of the vocabulary have. In training the
first is left out of a prompt now and then, so that words that nobody demonstrated are no surprise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NEVER = -20.0
"""Logit of a number that no piece has: finite, so that every token keeps a likelihood."""


@dataclass(frozen=True, slots=True)
class Config:
    """words: of the vocabulary. own: the first of them have learned embeddings. said: the first of
    those are what answers are made of. meaning: numbers that a word's meaning has, 0 for none.
    blind: share of a prompt's words that are hidden in training. veiled: share of the words of
    which a prompt in training has the meaning alone.
    The other fields are token ids: texts, of what begins a word of the goal or of a note; starts,
    of what begins a piece; numbers, first and last of the elements'; places, likewise of those
    words; noted, the first of a note's; doors, first and last of the apps'."""

    words: int
    own: int
    said: int
    meaning: int
    width: int
    layers: int
    heads: int
    pad: int
    act: int
    texts: tuple[int, int]
    app: int
    starts: tuple[int, ...]
    numbers: tuple[int, int]
    places: tuple[int, int]
    noted: int
    doors: tuple[int, int]
    blind: float = 0.05
    veiled: float = 0.3


@dataclass(frozen=True, slots=True)
class Output:
    """logits (B, T, said): of the token behind each; 0 throughout before <act>, which ends a
    prompt. Tokens without a prompt are all of an answer."""

    logits: Tensor


class Policy(nn.Module):  # type: ignore[misc]
    """Likelihoods of answers, token by token."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(config.own, config.width, padding_idx=config.pad)
        nn.init.normal_(self.embed.weight, std=config.width**-0.5)
        if config.meaning:
            self.register_buffer("meanings", torch.zeros(config.words, config.meaning))
            self.lift = nn.Linear(config.meaning, config.width, bias=False)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(config.width)
        self.point_from = nn.Linear(config.width, config.width, bias=False)
        self.point_to = nn.Linear(config.width, config.width, bias=False)
        with torch.no_grad():
            self.embed.weight[config.pad] = 0

    @property
    def device(self) -> torch.device:
        return self.embed.weight.device

    def forward(self, input_ids: Tensor) -> Output:
        """input_ids (B, T), padded on the right."""
        c, ids = self.config, input_ids
        says = ids == c.act
        alone = ~says.any(1, keepdim=True)  # no prompt: all of it is an answer
        answer = ((says.cumsum(1) - says.long() > 0) | alone) & (ids != c.pad)
        piece = self.pieces(ids, answer)
        states = self._states(ids, piece, answer)

        row, at = (says | answer).nonzero(as_tuple=True)
        here = states[row, piece[row, at]]  # (N, width): what stands before each answer's token
        logits = here @ self.embed.weight[: c.said].T
        for first, last in (c.numbers, c.places, c.doors):
            logits[:, first : last + 1] = NEVER
        keys = self.point_to(states).gather(1, piece[..., None].expand(-1, -1, c.width))
        scores = torch.einsum("nd,ntd->nt", self.point_from(here), keys[row]) / math.sqrt(c.width)
        target = torch.where(self._named(ids, piece, answer), ids, c.said)[row]
        spare = logits.new_zeros(len(logits), 1)  # where what names nothing goes
        logits = torch.cat((logits, spare), 1).scatter(1, target, scores)[:, : c.said]

        whole = logits.new_zeros(*ids.shape, c.said)
        return Output(whole.index_put((row, at), logits))

    def pieces(self, ids: Tensor, answer: Tensor) -> Tensor:
        """(B, T): the piece that each token belongs to. Each token of an answer is one."""
        starts = torch.isin(ids, torch.tensor(self.config.starts, device=ids.device)) | answer
        return (starts.cumsum(1) - 1).clamp(min=0)

    def _states(self, ids: Tensor, piece: Tensor, answer: Tensor) -> Tensor:
        """(B, pieces, width)."""
        c = self.config
        words = self._words(ids, piece, answer)
        batch, count = len(ids), int(piece.max()) + 1
        flat = piece + count * torch.arange(batch, device=ids.device)[:, None]
        x = words.new_zeros(batch * count, c.width)
        x = x.index_add(0, flat.flatten(), words.flatten(0, 1)).view(batch, count, c.width)
        turn = rotation(count, c.width // c.heads, ids.device)
        at = torch.arange(count, device=ids.device)
        prompt = torch.where(ids == c.act, piece, -1).amax(1)  # the last piece of a prompt
        seen = (at <= at[:, None]) | (at <= prompt[:, None, None])
        for block in self.blocks:
            x = block(x, turn, seen[:, None])
        made: Tensor = self.norm(x)
        return made

    def _words(self, ids: Tensor, piece: Tensor, answer: Tensor) -> Tensor:
        """(B, T, width): of each token alone."""
        c = self.config
        words = self.embed(torch.where(ids < c.own, ids, c.pad))
        if not self.training:
            return words + self.lift(self.meanings[ids]) if c.meaning else words
        # Drawn from the batch itself: the same training again hides the same words.
        drawn = torch.Generator().manual_seed(int(ids.sum()) % (1 << 40))
        seen = torch.rand(ids.shape, generator=drawn).to(ids.device) >= c.blind
        if c.meaning:
            bare = torch.rand(len(ids), c.own, generator=drawn).to(ids.device) >= c.veiled
            bare[:, : c.said] = True
            words = words * bare.gather(1, ids.clamp(max=c.own - 1))[..., None]
            words = words + self.lift(self.meanings[ids])
        return words * (seen | answer | self._named(ids, piece, answer))[..., None]

    def _named(self, ids: Tensor, piece: Tensor, answer: Tensor) -> Tensor:
        """(B, T): whether a token is the name of its piece: an element's number, in texts a
        word's, and an app's. In other pieces a word's number only says that it stands there too."""
        c = self.config

        def inside(start: int) -> Tensor:
            of = torch.zeros_like(ids).scatter_reduce(1, piece, (ids == start).long(), "amax")
            return of.gather(1, piece) > 0

        number = (ids >= c.numbers[0]) & (ids <= c.numbers[1])
        noted = ids >= c.noted
        place = torch.where(noted, inside(c.texts[1]), inside(c.texts[0]))
        place &= (ids >= c.places[0]) & (ids <= c.places[1])
        door = (ids >= c.doors[0]) & (ids <= c.doors[1]) & inside(c.app)
        return (number | place | door) & ~answer


class Block(nn.Module):  # type: ignore[misc]
    """x + attention(norm(x)), then x + feed-forward(norm(x))."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        d = config.width
        self.heads = config.heads
        self.norm_a, self.norm_f = nn.RMSNorm(d), nn.RMSNorm(d)
        self.qkv, self.out = nn.Linear(d, 3 * d, bias=False), nn.Linear(d, d, bias=False)
        self.up, self.down = nn.Linear(d, 4 * d, bias=False), nn.Linear(4 * d, d, bias=False)

    def forward(self, x: Tensor, turn: Tensor, sees: Tensor) -> Tensor:
        """sees (B, 1, T, T): whether a piece looks at another."""
        b, t, d = x.shape
        q, k, v = self.qkv(self.norm_a(x)).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(rotated(q, turn), rotated(k, turn), v, sees)
        x = x + self.out(seen.transpose(1, 2).reshape(b, t, d))
        made: Tensor = x + self.down(F.gelu(self.up(self.norm_f(x))))
        return made


def rotation(count: int, size: int, device: torch.device) -> Tensor:
    """(2, count, size / 2): cosines and sines of the rotary positions (Su et al., arXiv 2104.09864,
    equation 34)."""
    rates = 1e4 ** (-torch.arange(0, size, 2, device=device) / size)
    angles = torch.outer(torch.arange(count, device=device), rates)
    return torch.stack((angles.cos(), angles.sin()))


def rotated(x: Tensor, turn: Tensor) -> Tensor:
    """x (…, count, size)."""
    (one, other), (cos, sin) = x.chunk(2, -1), turn
    return torch.cat((one * cos - other * sin, one * sin + other * cos), -1)
