"""C3PO++ (Algorithm 1, arXiv 2510.18855): a budget of tokens ends each phase of rollouts, and what
is unfinished then goes on in the next one, with new weights.

A phase never waits for its longest answer. Answers of one prompt are kept together (Figure 4), so
group statistics stay whole: finished members of an open group wait, and age, with it.
"""

from __future__ import annotations

import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from agentkit.capabilities import Cancel
from agentkit.errors import AgentkitError, Paused
from agentkit.seeds import derive
from agentkit_ring_rl.rollouts import Group, Prompt, Rollout, RolloutEngine

Clock = Callable[[], float]
Prompts = Callable[[int], Prompt | None]  # the prompt of a group by its number; None: no more


class Starved(AgentkitError):
    """A phase of rollouts cannot reach its budget."""

    code = "starved"
    exit_code = 3


@dataclass(frozen=True, slots=True)
class Budget:
    """What bounds a phase.

    tokens: Phi; the phase ends when so many were counted. counts: the whole length of rollouts when
    they end ("completed", as Algorithm 1 has it), or each token when it is drawn ("generated", as
    the paper's prose has it). group: answers a prompt. retention: sigma; a group is purged when it
    has been through more partitions than this. groups: least complete groups that a phase gives.
    keep: resumed rollouts go on with keys and values of older weights: faster, not exact. stall:
    seconds without a new token before the engine is given up. failures: rollouts that may end
    without an answer in a row. whole: no partitions at all: a phase starts `groups` groups and
    waits for the last of them (the synchronous baseline).

    Raises:
        ValueError: a bound that no phase can have.
    """

    tokens: int
    group: int = 8
    retention: int = 2
    counts: Literal["completed", "generated"] = "completed"
    groups: int = 1
    keep: bool = False
    stall: float = 600.0
    failures: int = 64
    whole: bool = False

    def __post_init__(self) -> None:
        if min(self.tokens, self.group, self.groups, self.failures) < 1 or self.retention < 0:
            raise ValueError(f"no phase can have these bounds: {self}")


@dataclass(slots=True)
class Phase:
    """What a phase gave. groups: complete ones. counted: tokens, as the budget counts them.
    generated: tokens drawn. seconds: by the clock. purged, failed: groups dropped. carried:
    rollouts that went on from the phase before. retentions: of the rollouts that are trained on,
    how many had which. mean_trained: length of those rollouts. mean_ended: length of all that ended
    or were purged so far, so that a bias towards short answers shows (purged ones count with what
    they had, a lower bound)."""

    groups: list[Group] = field(default_factory=list)
    counted: int = 0
    generated: int = 0
    ticks: int = 0
    seconds: float = 0.0
    purged: int = 0
    failed: int = 0
    carried: int = 0
    retentions: dict[int, int] = field(default_factory=dict)
    mean_trained: float = 0.0
    mean_ended: float = 0.0


class Scheduler:
    """The state machine: an inference pool of open groups, and phases over it.

    Args:
        seed: each rollout's own is derived from it, its group and its place there.
        clock: seconds; an engine that is simulated brings its own.
    """

    def __init__(
        self,
        engine: RolloutEngine,
        prompts: Prompts,
        budget: Budget,
        *,
        seed: int = 0,
        clock: Clock = time.monotonic,
    ) -> None:
        self._engine, self._prompts, self._budget = engine, prompts, budget
        self._seed, self._clock = seed, clock
        self._open: dict[int, Group] = {}
        self._running: dict[tuple[int, int], Rollout] = {}  # P, by group and member
        self._waiting: deque[Rollout] = deque()  # members of open groups that have no place in P
        self._next = 0
        self._ends = [0, 0]  # rollouts that ended or were purged so far: their number, their tokens

    @property
    def open(self) -> tuple[Group, ...]:
        """Groups that are not complete."""
        return tuple(self._open.values())

    def collect(self, cancel: Cancel | None = None) -> Phase:
        """One phase, until the budget is met; then every rollout is taken out of the engine.

        Raises:
            Starved: the budget cannot be met: no prompts, no progress, or nothing but errors.
            Paused: somebody asked to stop.
        """
        phase, begun = Phase(), self._clock()
        self._purge(phase)
        phase.carried = len(self._running)
        self._engine.start(list(self._running.values()), keep=self._budget.keep)
        moved, failures, opened = begun, 0, 0
        try:
            while not self._met(phase):
                if cancel is not None and cancel:
                    raise Paused
                opened += self._refill(opened)
                if not self._running:
                    if phase.groups:
                        break  # the last prompts: less than a whole budget
                    raise Starved(
                        f"the prompts ended with {phase.counted} of {self._budget.tokens} tokens "
                        f"and no complete group",
                        "lower the budget of tokens, or give more prompts",
                    )
                running = list(self._running.values())
                before = sum(len(one.ids) for one in running)
                ended = self._engine.step()
                phase.ticks += 1
                new = sum(len(one.ids) for one in running) - before
                phase.generated += new
                phase.counted += new if self._budget.counts == "generated" else 0
                now = self._clock()
                moved = now if new or ended else moved
                if now - moved > self._budget.stall:
                    raise Starved(
                        f"{len(running)} rollouts got no token in {now - moved:.0f} s",
                        "is the engine alive? its own log says more",
                    )
                for one in ended:
                    failures = 0 if one.ids and one.end != "error" else failures + 1
                    self._ended(one, phase)
                for number in sorted({one.group for one in ended} & self._open.keys()):
                    if self._open[number].complete:
                        phase.groups.append(self._open.pop(number))
                if failures >= self._budget.failures:
                    raise Starved(
                        f"{failures} rollouts in a row ended without an answer: "
                        f"{ended[-1].why or 'no tokens'}",
                        "look at the engine's first error, then start again",
                    )
        finally:
            self._engine.pause()
        for group in self._open.values():
            for one in group.members:
                if one.ids or one.end is not None:
                    one.retention += 1
        self._report(phase, begun)
        return phase

    # -- steps of a phase -------------------------------------------------------------------------

    def _met(self, phase: Phase) -> bool:
        if self._budget.whole:
            return len(phase.groups) + phase.failed >= self._budget.groups
        return phase.counted >= self._budget.tokens and len(phase.groups) >= self._budget.groups

    def _purge(self, phase: Phase) -> None:
        """Step 1: what has been through more partitions than sigma goes, with its whole group."""
        for group in self.open:
            if group.retention > self._budget.retention:
                phase.purged += 1
                for one in self._drop(group):
                    self._count(one)

    def _refill(self, opened: int) -> int:
        """Step 2: while |P| < Omega, members of open groups that wait, then new groups. Gives how
        many groups were opened; `opened` were before, in this phase."""
        free, begun = self._engine.slots - len(self._running), 0
        new: list[Rollout] = []
        while len(new) < free:
            if not self._waiting:
                if self._budget.whole and opened + begun >= self._budget.groups:
                    break
                group = self._begin()
                if group is None:
                    break
                begun += 1
                self._waiting.extend(group.members)
            one = self._waiting.popleft()
            if one.group in self._open:  # else its group was dropped meanwhile
                new.append(one)
        for one in new:
            self._running[one.group, one.member] = one
        if new:
            self._engine.start(new)
        return begun

    def _begin(self) -> Group | None:
        prompt = self._prompts(self._next)
        if prompt is None:
            return None
        number, self._next = self._next, self._next + 1
        members = [
            Rollout(number, member, prompt, derive(self._seed, "rollout", number, member))
            for member in range(self._budget.group)
        ]
        self._open[number] = Group(number, prompt, members)
        return self._open[number]

    def _ended(self, one: Rollout, phase: Phase) -> None:
        self._running.pop((one.group, one.member), None)
        group = self._open.get(one.group)
        if group is None:  # a sibling failed in the same tick, and the group went with it
            return
        if one.end == "error":
            phase.failed += 1
            self._drop(group)
            return
        self._count(one)
        phase.counted += len(one.ids) if self._budget.counts == "completed" else 0

    def _drop(self, group: Group) -> list[Rollout]:
        """Forgets a group; its members that had not ended."""
        del self._open[group.number]
        cut = [one for one in group.members if one.end is None and one.ids]
        for one in group.members:
            running = self._running.pop((one.group, one.member), None)
            if running is not None and one.end is None:
                one.end, one.why = "error", "its group was dropped"  # engines let go of these
        return cut

    def _count(self, one: Rollout) -> None:
        self._ends[0] += 1
        self._ends[1] += len(one.ids)

    def _report(self, phase: Phase, begun: float) -> None:
        phase.seconds = self._clock() - begun
        trained = [one for group in phase.groups for one in group.members]
        phase.retentions = dict(sorted(Counter(one.retention for one in trained).items()))
        phase.mean_trained = sum(len(one.ids) for one in trained) / max(1, len(trained))
        phase.mean_ended = self._ends[1] / max(1, self._ends[0])

    # -- what a checkpoint holds ------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """All of it between two phases, as JSON: open groups with their tokens, log-probabilities
        and versions, and the number of the next prompt."""
        groups = {
            str(group.number): [
                {k: v for k, v in asdict(one).items() if k not in ("prompt", "group")}
                for one in group.members
            ]
            for group in self._open.values()
        }
        return {
            "next": self._next,
            "ends": list(self._ends),
            "open": groups,
            "running": [list(key) for key in self._running],
            "waiting": [[one.group, one.member] for one in self._waiting],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes `state` back; prompts are asked for again by number.

        Raises:
            Starved: a prompt is not there any more.
        """
        self._next, self._ends = int(state["next"]), list(state["ends"])
        self._open.clear()
        self._running.clear()
        self._waiting.clear()
        for key, members in state["open"].items():
            number = int(key)
            prompt = self._prompts(number)
            if prompt is None:
                raise Starved(f"prompt {number} is gone", "resume with the same data")
            made = [Rollout(group=number, prompt=prompt, **one) for one in members]
            self._open[number] = Group(number, prompt, made)
        for group, member in state["running"]:
            self._running[group, member] = self._open[group].members[member]
        for group, member in state["waiting"]:
            if group in self._open:
                self._waiting.append(self._open[group].members[member])


def endless(prompts: Sequence[Prompt], seed: int) -> Prompts:
    """The prompts over and over, each time in another order that depends on the seed alone."""
    orders: dict[int, list[int]] = {}

    def at(number: int) -> Prompt:
        turn, place = divmod(number, len(prompts))
        if turn not in orders:
            orders[turn] = list(range(len(prompts)))
            random.Random(derive(seed, "order", turn)).shuffle(orders[turn])
        return prompts[orders[turn][place]]

    return at


def once(prompts: Iterable[Prompt]) -> Prompts:
    """Each prompt a single time."""
    known = list(prompts)
    return lambda number: known[number] if number < len(known) else None
