"""Agent: a LangGraph StateGraph, and the runtime that its nodes work through.

    class Echo:
        input, output = Question, Answer
        def build(self, parts): ...
            graph.add_node("answer", node(self.answer))
        def answer(self, state, rt):
            return {"text": rt.model("model").ask(state["text"])}

Everything a node does that is not a pure function of its state goes through `rt`: each call has a
row in the run's ledger, so a node that runs again gets recorded results instead of new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from agentkit.capabilities.tool import Effect

if TYPE_CHECKING:
    from langgraph.graph import StateGraph
    from pydantic import BaseModel

    from agentkit.capabilities.environment import Environment, Step
    from agentkit.capabilities.language_model import Cancel, Completion, Request
    from agentkit.capabilities.source import Document, SearchResult
    from agentkit.kit import Parts
    from agentkit.runs.events import Event

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Directive:
    """A steering message from a person. Handled exactly once: see `Runtime.inbox`."""

    id: str
    text: str
    author: str = "user"
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question:
    """A question to a person. options: the allowed answers, empty for free text."""

    text: str
    options: tuple[str, ...] = ()
    kind: str = "question"  # question | approval | in-doubt
    default: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


class RoleModel(Protocol):
    """A model in a role of this agent; its calls are recorded."""

    def generate(self, requests: Sequence[Request]) -> list[Completion]: ...

    def complete(self, request: Request) -> Completion:
        """One request."""
        ...

    def ask(self, prompt: str, **settings: Any) -> str:
        """The text of one answer to one user message."""
        ...


class Runtime(Protocol):
    """What a node may do. One object per visit of a node; calls are numbered in order."""

    @property
    def run(self) -> str: ...
    @property
    def seed(self) -> int:
        """This visit's own seed, derived from (run seed, position)."""
        ...

    @property
    def position(self) -> str:
        """Where we are, readable and stable: "14:work#1/2:weigh"."""
        ...

    @property
    def key(self) -> str:
        """Idempotency key of the call being made: "run/position/index"."""
        ...

    @property
    def cancel(self) -> Cancel:
        """Set when the run shall stop; long work checks it."""
        ...

    def model(self, role: str = "model") -> RoleModel:
        """The model that the agent's settings name in that field."""
        ...

    def score(self, role: str, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, int]]:
        """For each (prompt, text) the log-probability of the text after the prompt, in nats, and
        its number of tokens; both plain text, without chat template. The role's model must have
        the ability Tokens."""
        ...

    def search(self, source: str, query: str, k: int = 10) -> SearchResult:
        """Searches a source by its part name."""
        ...

    def open(self, source: str, document: str) -> Document:
        """Opens a document. Only its id and hash are recorded, not its text."""
        ...

    def call(self, tool: str, args: Mapping[str, Any]) -> Any:
        """Calls a tool by name, after the guards. Raises ToolDenied."""
        ...

    def act(self, environment: str, action: BaseModel) -> Step:
        """One step of an environment, after the guards. Raises ToolDenied."""
        ...

    def environment(self, name: str) -> Environment:
        """The environment itself, for reading; steps go through `act`."""
        ...

    def record(
        self,
        kind: str,
        args: Mapping[str, Any],
        do: Callable[[], Any],
        *,
        effect: Effect = Effect.NONE,
    ) -> Any:
        """The primitive under all of these: does it once, keeps its JSON result, and gives that
        result again whenever the node runs again."""
        ...

    def ask(self, question: Question | str, *options: str) -> str:
        """A person's answer; the run waits for it, over restarts too."""
        ...

    def inbox(self) -> list[Directive]:
        """Steering messages not seen before. A node that runs again sees the same ones."""
        ...

    def emit(self, kind: str, data: Mapping[str, Any]) -> None:
        """Appends an event of the agent's own: todo, evidence, metric, artifact …"""
        ...

    def progress(self, text: str, done: float | None = None) -> None:
        """What is going on, for people; done: 0..1. Not kept in the ledger."""
        ...

    def view(self, fold: Callable[[S, Event], S], start: S, kinds: Sequence[str] = ()) -> S:
        """A fold over the run's events, bounded at this node's entry plus its own emits."""
        ...

    def refresh(self) -> None:
        """Moves the bound of `view` to now, for a node that works long beside others. A node that
        runs again sees the same."""
        ...

    def breakable(
        self, kinds: Sequence[str], when: Callable[[Event], bool]
    ) -> AbstractContextManager[None]:
        """Calls without effects that are made within are broken off, by `BrokenOff`, once an event
        of these kinds after the bound of `view` is one that `when` names: it is asked in another
        thread, of events of the whole run. So they are once the time of the run is used up, for an
        agent that ends by itself then. A model is told by its flag; what does not look at one is
        left to itself after a moment, and what it gives is dropped. A node that runs again is
        broken off at the same call."""
        ...

    def limits(self) -> Mapping[str, tuple[float, float]]:
        """What the run has used of each limit that it has, and the limit: tokens, seconds, steps
        (visits of nodes). At a limit the run pauses; an agent that would rather end with what it
        has looks before. Recorded."""
        ...

    def now(self) -> float:
        """Recorded wall-clock time, seconds since the epoch."""
        ...

    def artifact(self, name: str, content: bytes | str, media_type: str = "text/plain") -> str:
        """Stores a file with the run and returns its path."""
        ...


@dataclass(frozen=True, slots=True)
class AgentInfo:
    """roles: settings fields that name models, with what each is for. ends: whether the agent looks
    at `Runtime.limits` between its calls and ends by itself, with what it has, once tokens or
    seconds are used up. It gets a minute more for that, and no tokens, before the run pauses."""

    name: str
    description: str = ""
    roles: Mapping[str, str] = field(default_factory=dict)
    ends: bool = False


@runtime_checkable
class Agent(Protocol):
    info: AgentInfo
    input: type[BaseModel]
    output: type[BaseModel]

    def build(self, parts: Parts) -> StateGraph[Any, Any, Any, Any]:
        """The graph, uncompiled; the host compiles and runs it. The graph's state starts as
        `input.model_dump()` and its final values must validate as `output`. Keep ids in the
        state, not contents: the whole state is written at every step."""
        ...
