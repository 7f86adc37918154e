"""Samples, and how many methods on many requests advance in one decode batch.

A method is a generator: it yields what it wants continued and is sent the continuations. `gather`
makes one generator of many; `drive` runs one on a model.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from agentkit.capabilities import Cancel, Draw, Seq, Span, Tokens
from agentkit.errors import AgentkitError
from agentkit.seeds import derive

T = TypeVar("T")


class Stopped(AgentkitError):
    """Somebody cancelled in the middle; what was drawn is thrown away."""

    code = "stopped"


class Meter:
    """Counts generated tokens, and says whether more may be.

    Args:
        limit: the most tokens; None: no limit.
        deadline: the time, by `clock`, after which nothing more is allowed.
        whole: the meter that counts these tokens, too.
    """

    def __init__(
        self,
        limit: int | None = None,
        deadline: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        whole: Meter | None = None,
    ) -> None:
        self.limit, self.spent = limit, 0
        self._deadline, self._clock, self._whole = deadline, clock, whole

    def add(self, tokens: int) -> None:
        self.spent += tokens
        if self._whole is not None:
            self._whole.add(tokens)

    def allows(self, tokens: int) -> bool:
        """Whether that many more may be generated now."""
        if self._deadline is not None and self._clock() >= self._deadline:
            return False
        return self.limit is None or self.spent + tokens <= self.limit

    def within(self, tokens: int) -> int:
        """As many of these tokens as the limit leaves."""
        return tokens if self.limit is None else min(tokens, self.limit)

    def share(self, parts: int) -> list[Meter]:
        """The same allowance for each of so many."""
        limit = None if self.limit is None else self.limit // parts
        return [Meter(limit, self._deadline, self._clock, self) for _ in range(parts)]


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """An answer, or its beginning, with the numbers of its tokens.

    prompt: how many tokens of `seq` are not the answer. logp, logz, logq: (L,) nats, see `Span`;
    logz belongs to the temperature that the token was drawn at. ended: the last token is an end
    token, and nothing can follow.
    """

    seq: Seq
    prompt: int
    logp: np.ndarray
    logz: np.ndarray
    logq: np.ndarray
    ended: bool = False

    def __len__(self) -> int:
        return len(self.logp)

    @property
    def ids(self) -> tuple[int, ...]:
        """The answer's tokens, a last end token included."""
        return self.seq.ids[self.prompt :]

    @property
    def total(self) -> float:
        """log p of the answer, in nats."""
        return total(self.logp)


def total(values: np.ndarray) -> float:
    """A sum in double precision: hundreds of fp32 terms would lose digits."""
    return float(values.sum(dtype=np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """Continue the first `keep` tokens of a sample, until it has `upto` of them or ends."""

    sample: Sample
    keep: int
    upto: int
    seed: int
    temperature: float
    meter: Meter = field(default_factory=Meter)


Steps = Generator[list[Ask], list[Sample], T]


def uniform(seed: int, purpose: str, *index: int) -> float:
    """A number in [0, 1) that depends on its arguments alone."""
    return (derive(seed, purpose, *index) >> 10) / (1 << 53)


def pick(weights: np.ndarray, point: float) -> int:
    """The index that a point in [0, 1) falls on, by weights."""
    below = np.cumsum(weights)
    place = int(np.searchsorted(below, point * below[-1], side="right"))
    return min(place, len(weights) - 1)


def gather(steps: Sequence[Steps[T]]) -> Steps[list[T]]:
    """Runs several at once: what they ask for in the same round is asked for together."""
    results: dict[int, T] = {}
    waiting: dict[int, list[Ask]] = {}

    def resume(number: int, samples: list[Sample] | None) -> None:
        try:
            one = steps[number]
            waiting[number] = next(one) if samples is None else one.send(samples)
        except StopIteration as stop:
            results[number] = stop.value

    for number in range(len(steps)):
        resume(number, None)
    while waiting:
        asked, waiting = waiting, {}
        samples = yield [ask for asks in asked.values() for ask in asks]
        start = 0
        for number, asks in asked.items():
            resume(number, samples[start : start + len(asks)])
            start += len(asks)
    return [results[number] for number in range(len(steps))]


def drive(
    tokens: Tokens, steps: Steps[T], *, reuse: bool = True, cancel: Cancel | None = None
) -> T:
    """Runs a method to its end.

    Args:
        reuse: fork the keys and values of what is continued, instead of reading it again.

    Raises:
        Stopped: cancelled.
    """
    try:
        asks = next(steps)
        while True:
            asks = steps.send(advance(tokens, asks, reuse=reuse, cancel=cancel))
    except StopIteration as stop:
        made: T = stop.value
        return made


def roots(tokens: Tokens, prompts: Sequence[Sequence[int]]) -> list[Sample]:
    """Empty answers to prompts; each distinct prompt is read once."""
    nothing = np.zeros(0, np.float32)
    return [
        Sample(seq, len(prompt), nothing, nothing, nothing)
        for seq, prompt in zip(tokens.open(prompts), prompts)
    ]


def advance(
    tokens: Tokens, asks: Sequence[Ask], *, reuse: bool = True, cancel: Cancel | None = None
) -> list[Sample]:
    """The continuations, in the same order. Samples asked about stay as they are.

    `extend` takes one number of tokens for all rows, but the rows have room for different numbers:
    so all go as far as the shortest, then the others as far as the next one. What a row draws at a
    position does not depend on where a call began, so this changes no token.
    """
    lengths = [ask.sample.prompt + ask.keep for ask in asks]
    if reuse:
        seqs = [tokens.fork(ask.sample.seq, length) for ask, length in zip(asks, lengths)]
    else:
        seqs = tokens.open([ask.sample.seq.ids[:length] for ask, length in zip(asks, lengths)])
    draws = [Draw(seed=ask.seed, temperature=ask.temperature) for ask in asks]
    spans: list[list[Span]] = [[] for _ in asks]
    room = [ask.upto - ask.keep for ask in asks]
    done = 0
    while live := [n for n, left in enumerate(room) if left > done]:
        size = min(room[n] for n in live) - done
        made = tokens.extend([seqs[n] for n in live], size, [draws[n] for n in live], cancel=cancel)
        for n, span in zip(live, made):
            spans[n].append(span)
            asks[n].meter.add(len(span.ids))
            if span.finish != "length":
                room[n] = 0
        if cancel:
            raise Stopped("the request was cancelled")
        done += size
    return [_joined(ask, seq, parts) for ask, seq, parts in zip(asks, seqs, spans)]


def _joined(ask: Ask, seq: Seq, spans: Sequence[Span]) -> Sample:
    old, keep = ask.sample, ask.keep
    return Sample(
        seq,
        old.prompt,
        np.concatenate([old.logp[:keep], *(span.logp for span in spans)]),
        np.concatenate([old.logz[:keep], *(span.logz for span in spans)]),
        np.concatenate([old.logq[:keep], *(span.sampled for span in spans)]),
        spans[-1].finish == "stop" if spans else old.ended and keep == len(old),
    )
