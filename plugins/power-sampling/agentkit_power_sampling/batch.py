"""Samples, and how many methods on many requests advance in one decode batch.

A method is a generator: it yields what it wants continued and is sent the continuations. `gather`
makes one generator of many; `drive` runs one on a model.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from agentkit.capabilities import Cancel, Draw, Grammar, Seq, Span, Tokens
from agentkit.errors import AgentkitError
from agentkit.seeds import derive
from agentkit_power_sampling.bounds import Refines, slack_of

T = TypeVar("T")
THREADS = 64


Told = Callable[["Sample", int], None]  # the first so many tokens can no longer change


def untold(sample: Sample, frozen: int) -> None:
    """Nobody listens."""


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
    logz belongs to the temperature that the token was drawn at. slack: (L,) nats by which logz may
    be too low, and logq too high; 0 where the whole vocabulary was seen. ended: nothing can follow.
    grammar: what the answer must match; the numbers are those of the masked model.
    """

    seq: Seq
    prompt: int
    logp: np.ndarray
    logz: np.ndarray
    logq: np.ndarray
    slack: np.ndarray
    ended: bool = False
    grammar: Grammar | None = None

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
    exact: bool = False  # no more tokens: the same ones with the best numbers that can be had


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


class _Either(Cancel):
    """Set with another one, or on its own."""

    def __init__(self, other: Cancel | None) -> None:
        super().__init__()
        self._other = other

    def __bool__(self) -> bool:
        return super().__bool__() or bool(self._other)


def drive_apart(
    tokens: Tokens, steps: Sequence[Steps[T]], *, reuse: bool = True, cancel: Cancel | None = None
) -> list[T]:
    """Runs each method to its end in a thread of its own: none waits for another's round. For
    models on another machine, which batch what comes; here it was measured to gain nothing.

    Raises:
        Stopped: cancelled.
    """
    either = _Either(cancel)
    with ThreadPoolExecutor(min(len(steps), THREADS)) as pool:
        work = [pool.submit(drive, tokens, one, reuse=reuse, cancel=either) for one in steps]
        try:
            return [one.result() for one in work]
        except BaseException:  # one fault, or Ctrl-C, ends all
            either.set()
            raise


def roots(
    tokens: Tokens,
    prompts: Sequence[Sequence[int]],
    grammars: Sequence[Grammar | None] | None = None,
) -> list[Sample]:
    """Empty answers to prompts; each distinct prompt is read once."""
    nothing = np.zeros(0, np.float32)
    return [
        Sample(seq, len(prompt), nothing, nothing, nothing, nothing, grammar=grammar)
        for seq, prompt, grammar in zip(
            tokens.open(prompts), prompts, grammars or [None] * len(prompts)
        )
    ]


def common(samples: Sequence[Sample]) -> int:
    """How many tokens all of them begin with alike."""
    first, *others = (sample.ids for sample in samples)
    size = min((len(first), *map(len, others)))
    return next((n for n in range(size) if any(ids[n] != first[n] for ids in others)), size)


def advance(
    tokens: Tokens, asks: Sequence[Ask], *, reuse: bool = True, cancel: Cancel | None = None
) -> list[Sample]:
    """The continuations, in the same order. Samples asked about stay as they are.

    What a row draws at a position does not depend on its neighbours, so a batch changes no token.
    """
    made: dict[int, Sample] = {}
    drawn = [n for n, ask in enumerate(asks) if not ask.exact and ask.upto > ask.keep]
    for n, ask in enumerate(asks):
        if ask.exact:
            made[n] = _refined(tokens, ask)
        elif ask.upto <= ask.keep:
            made[n] = _joined(ask, _started(tokens, [ask], reuse)[0], None)
    if drawn:
        rows = [asks[n] for n in drawn]
        seqs = _started(tokens, rows, reuse)
        most = [ask.upto - ask.keep for ask in rows]
        draws = [_draw(ask) for ask in rows]
        spans = tokens.extend(seqs, most, draws, cancel=cancel)
        for n, ask, seq, span in zip(drawn, rows, seqs, spans):
            ask.meter.add(len(span.ids))
            made[n] = _joined(ask, seq, span)
    if cancel:
        raise Stopped("the request was cancelled")
    return [made[n] for n in range(len(asks))]


def _started(tokens: Tokens, asks: Sequence[Ask], reuse: bool) -> list[Seq]:
    lengths = [ask.sample.prompt + ask.keep for ask in asks]
    if reuse:
        return [tokens.fork(ask.sample.seq, length) for ask, length in zip(asks, lengths)]
    return tokens.open([ask.sample.seq.ids[:length] for ask, length in zip(asks, lengths)])


def _draw(ask: Ask) -> Draw:
    return Draw(ask.seed, ask.temperature, ask.sample.grammar)


def _joined(ask: Ask, seq: Seq, span: Span | None) -> Sample:
    old, keep = ask.sample, ask.keep
    if span is None:
        cut = (old.logp[:keep], old.logz[:keep], old.logq[:keep], old.slack[:keep])
        return Sample(seq, old.prompt, *cut, old.ended and keep == len(old), old.grammar)
    return Sample(
        seq,
        old.prompt,
        np.concatenate([old.logp[:keep], span.logp]),
        np.concatenate([old.logz[:keep], span.logz]),
        np.concatenate([old.logq[:keep], span.sampled]),
        np.concatenate([old.slack[:keep], slack_of(span)]),
        span.finish == "stop",
        old.grammar,
    )


def _refined(tokens: Tokens, ask: Ask) -> Sample:
    old = ask.sample
    if not isinstance(tokens, Refines):
        return old
    span = tokens.refine(old.seq, old.prompt, _draw(ask))
    if span is None:
        return old
    return replace(old, logp=span.logp, logz=span.logz, logq=span.sampled, slack=slack_of(span))
