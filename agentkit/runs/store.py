"""The run store: what is kept of a run, and the few transactions that may change it.

Nothing here needs LangGraph: listing, tailing, answering, steering and exporting stay cheap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from agentkit.capabilities.agent import Directive, Question
from agentkit.runs.events import Event
from agentkit.runs.finding import Head

Status = Literal["created", "running", "waiting", "paused", "failed", "cancelled", "done"]
ENDED: tuple[Status, ...] = ("done", "cancelled")


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one run, None for no limit. seconds: of work, waiting and pauses not counted.
    steps: node visits."""

    tokens: int | None = None
    seconds: float | None = None
    steps: int | None = None


@dataclass(frozen=True, slots=True)
class NewRun:
    """What a run starts from. input: the agent's input as JSON. recipe: see `Kit.recipe`."""

    agent: str
    task: str
    input: Mapping[str, Any]
    seed: int
    recipe: Mapping[str, Any] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as it stands. `owner` is empty when nobody drives it."""

    id: str
    agent: str
    task: str
    input: Mapping[str, Any]
    seed: int
    recipe: Mapping[str, Any]
    graph: Mapping[str, Any]
    budget: Budget
    parent: str | None
    parent_step: int | None
    created: float
    changed: float
    status: Status
    note: str
    result: Mapping[str, Any] | None
    control: str
    owner: str
    epoch: int
    until: float


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write to a run, good as long as nobody took a higher epoch."""

    run: str
    owner: str
    epoch: int
    clean: bool = True  # the last owner let go of it in good order, or was on this same boot


@dataclass(frozen=True, slots=True)
class Call:
    """A ledger row. args: a hash. seq: the last event when it was first made. result: None while
    it is not known to have happened, else {"ok": …}, {"error": …}, {"denied": …} or
    {"broken": true}."""

    position: str
    index: int
    kind: str
    effect: str
    args: str
    tries: int
    seq: int
    result: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question that nobody has answered yet. number: of its event, for people to name it by."""

    number: int
    position: str
    index: int
    question: Question


@dataclass(frozen=True, slots=True)
class Message:
    """A steering message and what became of it."""

    directive: Directive
    sent: float
    state: Literal["waiting", "handled", "late", "withdrawn"]


# -- changes that one transaction may hold --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Append:
    """An event."""

    kind: str
    data: Mapping[str, Any]
    position: str = ""
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Intend:
    """A call is about to be made; once more, where the row exists. result: where it is known with
    that, because nothing is to be done outside the store."""

    position: str
    index: int
    kind: str
    effect: str
    args: str
    result: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """A call's result."""

    position: str
    index: int
    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reopen:
    """A call whose result was an error shall be made again."""

    position: str
    index: int


@dataclass(frozen=True, slots=True)
class Attach:
    """A stored artifact; follows its event."""

    name: str
    sha256: str
    media_type: str
    size: int


@dataclass(frozen=True, slots=True)
class SetStatus:
    """The run's status, with its event. `done` and `cancelled` mark unread messages as late."""

    status: Status
    note: str = ""
    result: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """The status "waiting", with its event. Nothing where a question was answered after the event
    `since`: whoever answered it then saw a run at work, which has to go on by itself."""

    note: str
    since: int


@dataclass(frozen=True, slots=True)
class SetGraph:
    """The graph that the run goes on with."""

    graph: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SetBudget:
    """Other limits from now on."""

    budget: Budget


@dataclass(frozen=True, slots=True)
class TakeInbox:
    """Unread messages become the result of a call, with one event each."""

    position: str
    index: int


Change = (
    Append | Intend | Finish | Reopen | Attach | SetStatus | Wait | SetGraph | SetBudget | TakeInbox
)


class RunStore(Protocol):
    """Where runs are kept. All methods are thread-safe, and each is one transaction.

    Raises:
        StoreError: the store cannot be read or written, from every method.
    """

    notices: list[str]  # what people should know about the store itself, e.g. that it was replaced

    # -- reading, by anyone --

    def get(self, run: str) -> RunRow:
        """By id, by the beginning or end of one, or "last". Raises UsageError where that names
        none or several."""
        ...

    def runs(self, limit: int = 50, agent: str = "") -> list[RunRow]:
        """Newest first."""
        ...

    def tail(
        self, run: str, after: int = 0, kinds: Sequence[str] = (), upto: int | None = None
    ) -> list[Event]:
        """Events with seq in (after, upto], in order."""
        ...

    def last(self, run: str) -> int:
        """The number of the last event, 0 where there is none."""
        ...

    def own(self, run: str, position: str, after: int, before: int) -> list[Event]:
        """Events of a node visit with seq > after that calls with an index < before made."""
        ...

    def calls(self, run: str, position: str) -> dict[int, Call]:
        """The ledger of a node visit, by index."""
        ...

    def ledger(self, run: str) -> list[Call]:
        """All of it, sorted by position and index."""
        ...

    def search(
        self,
        text: str = "",
        agent: str = "",
        before: tuple[float, str] | None = None,
        limit: int = 50,
    ) -> list[RunRow]:
        """Runs that hold the text in their task, result, messages or todo list, newest first.
        before: (created, id) of the last run of an earlier page."""
        ...

    def children(self, run: str) -> list[str]:
        """Ids of the runs that were forked from it, oldest first."""
        ...

    def heads(self, limit: int = 200) -> list[Head]:
        """How far the newest runs are, newest first."""
        ...

    def stamp(self) -> int:
        """Another number once anything in the store has changed, by whichever process. Cheap."""
        ...

    def questions(self, run: str) -> list[OpenQuestion]: ...
    def messages(self, run: str) -> list[Message]: ...
    def artifacts(self, run: str) -> list[Mapping[str, Any]]: ...

    # -- what anyone may do to a run --

    def create(self, new: NewRun) -> RunRow: ...

    def send(self, run: str, text: str, *, author: str = "user", **data: Any) -> Directive:
        """Puts a message into the inbox. Raises UsageError once the run has ended."""
        ...

    def withdraw(self, run: str, message: str) -> None:
        """Takes a message back that nobody has read. Raises UsageError where somebody has."""
        ...

    def answer(
        self, run: str, answer: str, number: int | None = None, *, author: str = "user"
    ) -> OpenQuestion:
        """Answers a question, the only open one where no number is given; safe against power loss.

        Raises:
            UsageError: no such open question, or an answer that is not among its options.
        """
        ...

    def request(self, run: str, control: Literal["pause", "cancel"]) -> None:
        """Asks the run's owner to stop it; a run without owner is stopped at once."""
        ...

    def limit(self, run: str, budget: Budget) -> None:
        """Other limits from now on, also for a run that somebody drives."""
        ...

    def fork(self, run: str, step: int) -> RunRow:
        """A new run that shares everything up to and including that top-level step."""
        ...

    def delete(self, run: str) -> None:
        """Forgets a run that nobody drives."""
        ...

    # -- what only its owner may do --

    def take(self, run: str, ttl: float) -> Lease:
        """Raises StoreError while another living process holds it."""
        ...

    def renew(self, lease: Lease, ttl: float) -> None:
        """Raises LeaseLost."""
        ...

    def wanted(self, lease: Lease) -> str:
        """What somebody asked of the owner ("", pause, cancel, or limits: they were changed).
        Raises LeaseLost."""
        ...

    def limits(self, lease: Lease) -> Budget:
        """The limits that hold now; "limits" is not wanted any more. Raises LeaseLost."""
        ...

    def release(self, lease: Lease) -> None: ...

    def write(self, lease: Lease, *changes: Change, durable: bool = False) -> list[Event]:
        """All changes or none; returns the events that they made.

        Args:
            durable: wait for the disk, so that even a power cut cannot undo it.

        Raises:
            LeaseLost: somebody else took the run over; nothing was written.
        """
        ...

    # -- contents --

    def put_blob(self, run: str, content: bytes) -> str:
        """Keeps bytes with a run under their SHA-256, which it returns."""
        ...

    def blob(self, run: str, sha256: str) -> bytes: ...

    def artifact(self, run: str, name: str) -> Path:
        """A file with the latest content of an artifact. Raises UsageError where there is none."""
        ...

    def checkpoint(self, run: str) -> Path:
        """Where LangGraph's checkpoint of the run is kept: a cache, not part of the run."""
        ...

    def drop_checkpoint(self, run: str) -> None: ...

    def close(self) -> None: ...
