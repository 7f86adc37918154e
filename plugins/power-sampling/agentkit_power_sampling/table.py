"""A language model that is a table: small enough to write down the probability of every answer.

It has the whole `Tokens` ability, so what is found exact here is exact code, not a copy of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agentkit.capabilities import Cancel, Draw, Finish, Ids, Request, Seq, Span
from agentkit.errors import UsageError

Answer = tuple[int, ...]


@dataclass(slots=True, eq=False)
class TableSeq:
    """The `Seq` of a table. prompt: how many tokens it was opened with."""

    ids: tuple[int, ...]
    prompt: int
    version: int = 0


class TableTokens:
    """`Tokens` of a finite automaton. A prompt is any tokens; the answer's tokens alone decide.

    Args:
        logp: (S, V) log-probabilities of the next token in each state, in nats. From state s token
            v leads to (s V + v + 1) mod S: with enough states every answer has its own.
        end: the token that ends an answer; None where answers never end.
    """

    def __init__(self, logp: np.ndarray, end: int | None = 0) -> None:
        self.logp, self.end = logp.astype(np.float64), end
        self.states, self.tokens = logp.shape
        self._tempered: dict[float, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    @classmethod
    def seeded(
        cls, seed: int, *, tokens: int = 4, horizon: int = 6, spread: float = 1.5, end: bool = True
    ) -> TableTokens:
        """A random table whose answers of up to `horizon` tokens all have states of their own.

        spread: standard deviation of the logits, in nats.
        """
        states = sum(tokens**n for n in range(min(horizon, 6))) + 1
        logits = np.random.default_rng(seed).normal(0.0, spread, (states, tokens))
        return cls(_log_softmax(logits), 0 if end else None)

    # -- Tokens -----------------------------------------------------------------------------------

    def render(self, request: Request) -> tuple[int, ...]:
        return self.encode("".join(message.text for message in request.messages))

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(int(character) for character in text if character.isdigit())

    def decode(self, ids: Ids) -> str:
        return "".join(map(str, ids))

    def open(self, prompts: Sequence[Ids]) -> list[Seq]:
        if not all(len(prompt) for prompt in prompts):
            raise UsageError("a prompt has no tokens", "give at least one")
        return [TableSeq(tuple(prompt), len(prompt)) for prompt in prompts]

    def fork(self, seq: Seq, length: int) -> Seq:
        own = _own(seq)
        if not 1 <= length <= len(own.ids):
            raise UsageError(f"cannot fork at {length} of {len(own.ids)}", "keep at least one")
        return TableSeq(own.ids[:length], min(own.prompt, length))

    def extend(
        self,
        seqs: Sequence[Seq],
        max_new: int | Sequence[int],
        draws: Sequence[Draw],
        *,
        cancel: Cancel | None = None,
    ) -> list[Span]:
        own = [_own(seq) for seq in seqs]
        if len({id(seq) for seq in own}) < len(own):
            raise UsageError("one sequence stands twice in a call to extend", "fork it first")
        count = len(own)
        most = np.full(count, max_new) if isinstance(max_new, int) else np.array(max_new)
        if len(most) != count or (count and most.min() < 1):
            raise UsageError(f"max_new is {max_new}", "one number a row, each 1 or more")
        if any(draw.grammar is not None for draw in draws):
            raise UsageError("a table takes no grammar", "leave it out")
        longest = int(most.max(initial=0))
        state = np.array([self._state(seq.ids[seq.prompt :]) for seq in own], np.int64)
        place = np.array([len(seq.ids) for seq in own], np.uint64)
        seeds = np.array([draw.seed for draw in draws], np.uint64)
        stops = self._stops(draws)
        groups = _groups(draws)
        ids = np.zeros((count, longest), np.int64)
        numbers = np.zeros((3, count, longest))
        length = np.zeros(count, np.int64)
        ended = np.zeros(count, bool)
        for step in range(longest):
            alive = ~ended & (length == step) & (most > step)
            if cancel or not alive.any():
                break
            u = _uniforms(seeds, place + np.uint64(step))
            for temperature, members in groups.items():
                rows = members[alive[members]]
                at = state[rows]
                logq, logz, cumulative = self._at(temperature)
                token = (u[rows, None] >= cumulative[at]).sum(1)
                ids[rows, step] = token
                numbers[:, rows, step] = self.logp[at, token], logz[at], logq[at, token]
                state[rows] = self._next(at, token)
            length[alive] += 1
            ended |= alive & stops[np.arange(count), ids[:, step]]
        spans = []
        for n, seq in enumerate(own):
            size = length[n]
            seq.ids = (*seq.ids, *ids[n, :size].tolist())
            finish: Finish = "stop" if ended[n] else "length"
            spans.append(_span(ids[n, :size], numbers[:, n, :size], finish))
        return spans

    def score(
        self, prompts: Sequence[Ids], targets: Sequence[Ids], draws: Sequence[Draw]
    ) -> list[Span]:
        spans = []
        for target, draw in zip(targets, draws):
            logq, logz, _ = self._at(draw.temperature)
            states = [self._state(target[:n]) for n in range(len(target))]
            token = np.array(target, np.int64)
            numbers = np.array([self.logp[states, token], logz[states], logq[states, token]])
            spans.append(_span(token, numbers.reshape(3, len(token)), "length"))
        return spans

    # -- everything at once -----------------------------------------------------------------------

    def enumerate(self, horizon: int) -> dict[Answer, float]:
        """log p of every answer that ends within `horizon` tokens or is cut there."""
        found: dict[Answer, float] = {}
        open_: list[tuple[Answer, int, float]] = [((), 0, 0.0)]
        while open_:
            ids, state, logp = open_.pop()
            if len(ids) == horizon or (ids and ids[-1] == self.end):
                found[ids] = logp
                continue
            for token in range(self.tokens):
                after = (state * self.tokens + token + 1) % self.states
                open_.append(((*ids, token), after, logp + float(self.logp[state, token])))
        return found

    def power(self, alpha: float, horizon: int) -> dict[Answer, float]:
        """The probability of every answer under p^alpha, normalised."""
        logp = self.enumerate(horizon)
        values = np.exp(alpha * np.array(list(logp.values())))
        return dict(zip(logp, (values / values.sum()).tolist()))

    def log_z(self, alpha: float, horizon: int) -> float:
        """log of the sum of p^alpha over all answers."""
        return math.log(sum(math.exp(alpha * v) for v in self.enumerate(horizon).values()))

    # -- inside -----------------------------------------------------------------------------------

    def _state(self, answer: Ids) -> int:
        state = 0
        for token in answer:
            state = (state * self.tokens + token + 1) % self.states
        return state

    def _next(self, state: np.ndarray, token: np.ndarray) -> np.ndarray:
        after: np.ndarray = (state * self.tokens + token + 1) % self.states
        return after

    def _at(self, temperature: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(log q (S, V), log Z (S,), cumulative q (S, V) whose last column is above 1)."""
        if temperature not in self._tempered:
            if not temperature > 0:
                raise UsageError(f"a temperature of {temperature}", "more than 0")
            scaled = self.logp / temperature
            highest = scaled.max(1)
            logz = highest + np.log(np.exp(scaled - highest[:, None]).sum(1))
            logq = scaled - logz[:, None]
            cumulative = np.exp(logq).cumsum(1)
            cumulative[:, -1] = 2.0
            self._tempered[temperature] = (logq, logz, cumulative)
        return self._tempered[temperature]

    def _stops(self, draws: Sequence[Draw]) -> np.ndarray:
        """(n, V): whether a token ends a row."""
        own = () if self.end is None else (self.end,)
        stops = np.zeros((len(draws), self.tokens), bool)
        for n, draw in enumerate(draws):
            for token in own if draw.stop_ids is None else draw.stop_ids:
                stops[n, token] = True
        return stops


def total_variation(
    found: Iterable[tuple[Answer, float]], expected: Mapping[Answer, float]
) -> float:
    """Half the sum of differences between weighted answers, normalised, and a distribution."""
    mass: dict[Answer, float] = {}
    for answer, weight in found:
        mass[answer] = mass.get(answer, 0.0) + weight
    whole = sum(mass.values())
    keys = mass.keys() | expected.keys()
    return sum(abs(mass.get(k, 0.0) / whole - expected.get(k, 0.0)) for k in keys) / 2


def _groups(draws: Sequence[Draw]) -> dict[float, np.ndarray]:
    rows: dict[float, list[int]] = {}
    for n, draw in enumerate(draws):
        rows.setdefault(draw.temperature, []).append(n)
    return {temperature: np.array(members) for temperature, members in rows.items()}


def _uniforms(seeds: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Numbers in [0, 1) that depend on (seed, position) alone: splitmix64."""
    mixed = seeds + (places + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    made: np.ndarray = (mixed >> np.uint64(11)) / float(1 << 53)
    return made


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(1, keepdims=True)
    made: np.ndarray = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return made


def _span(ids: np.ndarray, numbers: np.ndarray, finish: Finish) -> Span:
    logp, logz, logq = numbers
    return Span(ids, logp, logz, logq, np.zeros(len(ids), np.int64), finish)


def _own(seq: Seq) -> TableSeq:
    if not isinstance(seq, TableSeq):
        raise UsageError(f"a sequence of another kind: {type(seq).__name__}", "open it here")
    return seq
