"""Session: one run being driven by this process, shared by all its node visits."""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentkit.capabilities.language_model import Cancel
from agentkit.errors import (
    BudgetExceeded,
    Cancelled,
    LeaseLost,
    OutOfBudget,
    Paused,
    RunInterrupted,
    StoreError,
)
from agentkit.runs.events import Event
from agentkit.runs.store import Budget, Change, Lease

if TYPE_CHECKING:
    from agentkit.kit import Kit
    from agentkit.runs.breaking import Breaker
    from agentkit.runs.store import RunStore


NOTHING: Mapping[str, float] = {}
SPARE: Mapping[str, float] = {"seconds": 60.0, "tokens": math.inf}  # to end with what there is


@dataclass(slots=True)
class Meter:
    """What a run has spent, in this process and before. seconds: of work, until `started`."""

    tokens: int = 0
    steps: int = 0
    seconds: float = 0.0
    started: float = field(default_factory=time.monotonic)

    def reached(self, budget: Budget, spare: Mapping[str, float] = NOTHING) -> str:
        """The limit that is reached, in words, or "". spare: what may be used beyond each."""
        for name, (used, limit) in self.used(budget).items():
            if used > limit + spare.get(name, 0.0):
                return f"the run reached its limit of {limit:g} {name}"
        return ""

    def used(self, budget: Budget) -> dict[str, tuple[float, float]]:
        """What is used of each limit that there is, and the limit."""
        spent = {
            "tokens": (self.tokens, budget.tokens),
            "steps": (self.steps, budget.steps),
            "seconds": (self.seconds + time.monotonic() - self.started, budget.seconds),
        }
        return {name: (used, limit) for name, (used, limit) in spent.items() if limit is not None}


@dataclass(slots=True)
class Session:
    """One run being driven by this process: what all its node visits share.

    publish: told of every event once it is stored, in order. renamed: nodes that had another name
    when the run began, by their path in the graph. control: what is asked of the run. fault: why
    it cannot go on, whatever its nodes make of it. breakers: of the nodes that can be broken off.
    ends: whether the agent ends by itself where a limit is met, see `AgentInfo`.
    """

    kit: Kit
    store: RunStore
    lease: Lease
    agent: str
    seed: int
    budget: Budget
    publish: Callable[[Event], None]
    told: int = 0
    renamed: Mapping[str, str] = field(default_factory=dict)
    cancel: Cancel = field(default_factory=Cancel)
    control: str = ""
    fault: Exception | None = None
    breakers: list[Breaker] = field(default_factory=list)
    ends: bool = False
    meter: Meter = field(default_factory=Meter)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _read: dict[tuple[str, ...], list[Event]] = field(default_factory=dict)

    @property
    def run(self) -> str:
        return self.lease.run

    def write(self, *changes: Change, durable: bool = False) -> list[Event]:
        """Commits, then tells: nobody hears of what could still be lost. Returns the events that
        the changes made."""
        with self._lock:
            try:
                events = made = self.store.write(self.lease, *changes, durable=durable)
                if events and events[0].seq > self.told + 1:  # others wrote meanwhile
                    events = self.store.tail(self.run, self.told)
            except StoreError as error:
                self.fault = self.fault or error
                raise
            for event in events:
                self.told = event.seq
                self.publish(event)
        return made

    def past(self, kinds: Sequence[str], upto: int) -> list[Event]:
        """Stored events of these kinds up to a number, each read once: nodes that look again and
        again would spend their time on reading otherwise. Not to be changed."""
        with self._lock:
            read = self._read.setdefault(tuple(kinds), [])
            after = read[-1].seq if read else 0
            if after < upto:
                read += self.store.tail(self.run, after, kinds, upto)
            return read[: bisect_right(read, upto, key=lambda event: event.seq)]

    def catch_up(self) -> None:
        """Tells what other processes wrote: messages, answers."""
        with self._lock:
            for event in self.store.tail(self.run, self.told):
                self.told = event.seq
                self.publish(event)

    def show(self, kind: str, data: Mapping[str, Any], position: str = "") -> None:
        """A passing event."""
        self.publish(Event(self.run, self.told, time.time(), kind, position, data))

    def stop(self, control: str) -> None:
        """Asks all nodes to stop at their next call or token; the first reason stands."""
        self.control = self.control or control
        self.cancel.set()

    def check(self) -> None:
        """Raises what stops the node between two calls."""
        if reached := self.spent:
            raise OutOfBudget(reached)
        if self.cancel:
            raise {"cancel": Cancelled, "lost": LeaseLost}.get(self.control, Paused)

    @property
    def spent(self) -> str:
        """The limit at which the run pauses, in words, or ""."""
        return self.meter.reached(self.budget, SPARE if self.ends else NOTHING)

    @property
    def late(self) -> bool:
        """Whether the agent is to end by itself because the time is used up."""
        used, limit = self.meter.used(self.budget).get("seconds", (0.0, 0.0))
        return self.ends and used > limit

    def check_models(self) -> None:
        """Raises BudgetExceeded, an error of the call alone, where the agent is to end by itself
        and a limit leaves nothing for models."""
        reached = self.meter.reached(self.budget) if self.ends else ""
        if reached:
            raise BudgetExceeded(reached, "what needs no model goes on")


current: ContextVar[Session] = ContextVar("agentkit_session")


class Waiting(RunInterrupted):
    """A question is open; the node's wrapper turns it into LangGraph's interrupt."""

    reason = "waiting"
