"""Rows: what one sequence in a batch asks for, how far it is, and when it is over."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from agentkit.capabilities import Cancel, Finish
from agentkit.errors import ModelFileError
from agentkit.models.engine.sampling import Choice, Drawn
from agentkit.models.engine.sequences import TokenSeq
from agentkit.models.text.grammar import Matcher

# Yields after each piece of computing True, or False while there is no room for it; returns whether
# a row goes on with it.
Work = Generator[bool, None, bool]


@dataclass(slots=True, eq=False)
class Row:
    """One sequence to extend, and what came of it.

    matcher: at the place where the sequence ends. close: steer a grammar to its end before the
    tokens run out. top: alternatives to note per token. keep: the sequence gets the new tokens with
    their keys and values. watch: called in the engine's thread with each new token; True ends the
    row. done: called there when the row is over, whatever the reason.
    """

    seq: TokenSeq
    max_new: int
    seed: int = 0
    temperature: float = 1.0
    top_p: float = 1.0
    stop_ids: frozenset[int] = frozenset()
    matcher: Matcher | None = None
    close: bool = False
    top: int = 0
    keep: bool = True
    watch: Callable[[int], bool] | None = None
    done: Callable[[], None] | None = None
    cancel: Cancel | None = None

    ids: list[int] = field(default_factory=list)
    logp: list[float] = field(default_factory=list)
    logz: list[float] = field(default_factory=list)
    logq: list[float] = field(default_factory=list)
    likeliest: list[list[tuple[int, float]]] = field(default_factory=list)
    finish: Finish = "length"
    error: BaseException | None = None
    call: Call | None = None
    reserved: int = 0  # bytes

    @property
    def last(self) -> int:
        """The token to feed next."""
        return self.ids[-1] if self.ids else self.seq.ids[-1]

    @property
    def choice(self) -> Choice:
        """How its next token is drawn."""
        position = len(self.seq.ids) + len(self.ids)
        return Choice(self.seed, position, self.temperature, self.top_p)

    def cancelled(self) -> bool:
        """Whether it shall leave before its next token."""
        if self.cancel or (self.call and self.call.given_up):
            self.finish = "cancelled"
            return True
        return False

    def steered(self, token: int) -> int:
        """The drawn token, or another where the grammar must come to its end."""
        if self.matcher and self.close:
            return self.matcher.within(token, self.max_new - len(self.ids))
        return token

    def take(self, drawn: Drawn) -> bool:
        """Adds a token; gives whether it was the last. A fault ends the row with that error."""
        try:
            if math.isnan(drawn.logp):
                raise ModelFileError(
                    "the model's logits are not numbers", "its weights are damaged: check them"
                )
            self.ids.append(drawn.id)
            self.logp.append(drawn.logp)
            self.logz.append(drawn.logz)
            self.logq.append(drawn.logq)
            if self.top:
                self.likeliest.append(drawn.likeliest)
            return self._ended(drawn.id)
        except Exception as error:
            return self.fail(error)

    def fail(self, error: BaseException) -> bool:
        self.error, self.finish = error, "error"
        return True

    def _ended(self, token: int) -> bool:
        stopped = token in self.stop_ids
        if self.matcher and not stopped:
            self.matcher.consume(token)
            stopped = self.matcher.is_stopped()
        if self.watch and self.watch(token):
            stopped = True
        if stopped:
            self.finish = "stop"
        return stopped or len(self.ids) >= self.max_new


@dataclass(slots=True, eq=False)
class Call:
    """The work of one call.

    left: pieces of work and rows that are not over yet. on_over: called in the engine's thread.
    """

    work: deque[Work]
    left: int
    on_over: Callable[[], None] | None = None
    over: threading.Event = field(default_factory=threading.Event)
    given_up: bool = False
    error: BaseException | None = None

    def end(self, pieces: int = 1) -> None:
        self.left -= pieces
        if not self.left:
            self.over.set()
            if self.on_over:
                self.on_over()
