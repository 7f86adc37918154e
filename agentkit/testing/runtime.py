"""A runtime in memory: calls a node, a tool or an agent's step without a graph and a store."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from agentkit.capabilities.agent import Directive, Question
from agentkit.capabilities.environment import Environment, Step
from agentkit.capabilities.guard import Guard, Proposal
from agentkit.capabilities.language_model import Cancel, Completion, LanguageModel, Request
from agentkit.capabilities.source import Document, SearchResult, Source
from agentkit.capabilities.tool import Effect, Tool
from agentkit.errors import AgentkitError, Cancelled, Diverged, ToolDenied, UsageError
from agentkit.names import nearest
from agentkit.runs.codec import request_to
from agentkit.runs.events import Event
from agentkit.runs.runtime import log_probabilities
from agentkit.seeds import derive

if TYPE_CHECKING:
    from pydantic import BaseModel

S = TypeVar("S")


def runtime(
    *,
    models: Mapping[str, LanguageModel] | LanguageModel | None = None,
    sources: Mapping[str, Source] | None = None,
    tools: Sequence[Tool] = (),
    environments: Mapping[str, Environment] | None = None,
    guards: Sequence[Guard] = (),
    answers: Mapping[str, str] | Callable[[Question], str] | None = None,
    inbox: Sequence[str | Directive] = (),
    past: Sequence[tuple[str, Mapping[str, Any]]] = (),
    seed: int = 0,
    position: str = "1:node",
) -> MemoryRuntime:
    """A `Runtime` for one visit of a node.

    Args:
        models: by role; one model alone has the role "model".
        answers: to questions, by their text, or a function.
        inbox: steering messages that wait.
        past: what the run emitted before this visit, (kind, data), for `view`.
    """
    if models is not None and not isinstance(models, Mapping):
        models = {"model": models}
    return MemoryRuntime(
        dict(models or {}),
        dict(sources or {}),
        {tool.info.name: tool for tool in tools},
        dict(environments or {}),
        list(guards),
        answers or {},
        [Directive(f"m{n}", m) if isinstance(m, str) else m for n, m in enumerate(inbox, 1)],
        past,
        seed,
        position,
    )


class MemoryRuntime:
    """The runtime's promises in memory. `events` is what was logged, `artifacts` what was stored.

    `again()` is the same visit once more: it gives recorded results and raises Diverged where the
    node makes another call, so a test can hold a node to what a resume needs.
    """

    def __init__(
        self,
        models: dict[str, LanguageModel],
        sources: dict[str, Source],
        tools: dict[str, Tool],
        environments: dict[str, Environment],
        guards: list[Guard],
        answers: Mapping[str, str] | Callable[[Question], str],
        inbox: list[Directive],
        past: Sequence[tuple[str, Mapping[str, Any]]],
        seed: int,
        position: str,
    ) -> None:
        self._parts: dict[str, Mapping[str, Any]] = {
            "model": models,
            "source": sources,
            "tool": tools,
            "environment": environments,
        }
        self._guards, self._answers, self._inbox = guards, answers, inbox
        self._seed, self._position, self._index = seed, position, 0
        self._ledger: list[tuple[str, str, Any]] = []
        self._above: list[tuple[str, str, Any]] = [  # of the run, and of a tool's caller
            ("emit", json.dumps({"kind": kind, "data": dict(data)}), None) for kind, data in past
        ]
        self._key, self._making = "", False
        self._cancel = Cancel()
        self.events: list[Event] = []
        self.artifacts: dict[str, bytes] = {}
        self.said: list[str] = []

    def again(self) -> MemoryRuntime:
        """The visit from its start, with what is recorded so far."""
        twin = object.__new__(MemoryRuntime)
        twin.__dict__.update(self.__dict__)
        twin._index = 0
        return twin

    def add_tool(self, tool: Tool) -> None:
        """Lets the node call one more tool."""
        self._parts["tool"] = {**self._parts["tool"], tool.info.name: tool}

    # -- where we are -----------------------------------------------------------------------------

    @property
    def run(self) -> str:
        return "run-in-memory"

    @property
    def seed(self) -> int:
        return derive(self._seed, self._position)

    @property
    def position(self) -> str:
        return self._position

    @property
    def key(self) -> str:
        return self._own_key if self._making or not self._key else self._key

    @property
    def _own_key(self) -> str:
        return f"{self.run}/{self._position}/{self._index}"

    @property
    def cancel(self) -> Cancel:
        return self._cancel

    # -- the primitive ----------------------------------------------------------------------------

    def record(
        self,
        kind: str,
        args: Mapping[str, Any],
        do: Callable[[], Any],
        *,
        effect: Effect = Effect.NONE,
    ) -> Any:
        return self._once(kind, args, lambda: json.loads(json.dumps(do())))

    def _once(self, kind: str, args: Mapping[str, Any], do: Callable[[], Any]) -> Any:
        """Results stay Python objects here, but arguments must be JSON as they are in a store."""
        if self._making:
            raise UsageError(
                f"{self._position} makes a {kind!r} call within its call {self._index}",
                "a tool uses the rt that its own `call` was given",
            )
        text = json.dumps(args, sort_keys=True)
        if self._index < len(self._ledger):
            known = self._ledger[self._index]
            if known[:2] != (kind, text):
                raise Diverged(
                    f"{self._position}, call {self._index}: a {known[0]!r} call stands recorded "
                    f"there, the node now makes a different {kind!r} call",
                    "a node's calls may depend on its state, its seed and rt alone",
                )
            result = known[2]
        else:
            if self._cancel:
                raise Cancelled
            if kind != "emit":
                self._log(f"{kind}.asked", args)
            self._making = True
            try:
                result = do()
            except (AgentkitError, ValueError) as error:
                result = error
            finally:
                self._making = False
            self._ledger.append((kind, text, result))
            if kind != "emit":
                self._log(f"{kind}.done", {})
        self._index += 1
        if isinstance(result, Exception):
            raise result
        return result

    def _log(self, kind: str, data: Mapping[str, Any]) -> None:
        number = len(self.events) + 1
        self.events.append(Event(self.run, number, 0.0, kind, self._position, dict(data)))

    def _part(self, noun: str, name: str) -> Any:
        if name not in self._parts[noun]:
            known = self._parts[noun]
            raise UsageError(
                f"this runtime has no {noun} {name!r}{nearest(name, known)}",
                f"give it to agentkit.testing.runtime({noun}s=...)",
            )
        return self._parts[noun][name]

    # -- parts ------------------------------------------------------------------------------------

    def model(self, role: str = "model") -> MemoryRole:
        return MemoryRole(self, role)

    def _generate(self, role: str, requests: Sequence[Request]) -> list[Completion]:
        model = self._part("model", role)
        filled = []
        for number, request in enumerate(requests):
            seed = request.context.seed or derive(self.seed, "model", self._index, number)
            context = replace(request.context, run=self.run, node=self._position, seed=seed)
            filled.append(replace(request, context=context))
        args = {"role": role, "requests": [request_to(request) for request in filled]}
        made: list[Completion] = self._once(
            "model", args, lambda: model.generate(filled, cancel=self._cancel)
        )
        return made

    def score(self, role: str, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, int]]:
        model = self._part("model", role)
        args = {"role": role, "pairs": [list(pair) for pair in pairs]}
        found: list[tuple[float, int]]
        found, _ = self._once("score", args, lambda: log_probabilities(model, pairs))
        return found

    def search(self, source: str, query: str, k: int = 10) -> SearchResult:
        part = self._part("source", source)
        args = {"source": source, "query": query, "k": k}
        found: SearchResult = self._once("search", args, lambda: part.search(query, k))
        return found

    def open(self, source: str, document: str) -> Document:
        part = self._part("source", source)
        args = {"source": source, "document": document}
        found: Document = self._once("open", args, lambda: part.open(document))
        return found

    def call(self, tool: str, args: Mapping[str, Any]) -> Any:
        part = self._part("tool", tool)
        try:
            checked = part.info.arguments.model_validate(dict(args))
        except ValidationError as error:
            raise UsageError(f"tool {tool!r} cannot be called so: {error}") from error
        self._permit(tool, part.info.name, args, part.info.effect)
        inside = self._inside(tool)
        return self.record(
            "tool", {"tool": tool, "args": dict(args)}, lambda: part.call(checked, inside)
        )

    def _inside(self, tool: str) -> MemoryRuntime:
        """What a tool gets for calls of its own: the same parts and log, numbers of its own."""
        twin = self.again()
        twin._position, twin._key = f"{self._position}/{self._index}:{tool}", self._own_key
        twin._above, twin._ledger = [*self._above, *self._ledger[: self._index]], []
        return twin

    def act(self, environment: str, action: BaseModel) -> Step:
        part, plain = self._part("environment", environment), action.model_dump(mode="json")
        effect = getattr(type(action), "effect", Effect.INSIDE)
        self._permit(environment, str(plain.get("kind", "")), plain, effect)
        args = {"environment": environment, "action": plain}
        made: Step = self._once("action", args, lambda: part.step(action))
        return made

    def environment(self, name: str) -> Environment:
        found: Environment = self._part("environment", name)
        return found

    def _permit(self, target: str, name: str, args: Mapping[str, Any], effect: Effect) -> None:
        proposal = Proposal(self.run, "agent", target, name, args, effect)
        verdicts = [v for v in (guard.judge(proposal) for guard in self._guards) if v is not None]
        kinds = {verdict.kind for verdict in verdicts}
        if "deny" in kinds:
            reason = next(v.reason for v in verdicts if v.kind == "deny")
            raise ToolDenied(f"{name} on {target} was denied: {reason}")
        if "ask" in kinds and self.ask(f"Allow {name} on {target}?", "yes", "no") != "yes":
            raise ToolDenied(f"{name} on {target} was refused by a person")

    # -- people -----------------------------------------------------------------------------------

    def ask(self, question: Question | str, *options: str) -> str:
        if isinstance(question, str):
            question = Question(question, options)
        asked = question

        def do() -> str:
            if callable(self._answers):
                return self._answers(asked)
            if asked.text not in self._answers:
                raise UsageError(f"nobody answers {asked.text!r} here", "give `answers`")
            return self._answers[asked.text]

        return str(self._once("question", {"text": asked.text, "options": asked.options}, do))

    def inbox(self) -> list[Directive]:
        def take() -> list[Directive]:
            taken = list(self._inbox)
            self._inbox.clear()
            return taken

        found: list[Directive] = self._once("inbox", {}, take)
        return list(found)

    def send(self, text: str) -> None:
        """Puts a steering message into the inbox, for the next `inbox()`."""
        self._inbox.append(Directive(f"late-{len(self.events)}", text))

    # -- the log ----------------------------------------------------------------------------------

    def emit(self, kind: str, data: Mapping[str, Any]) -> None:
        args = {"kind": kind, "data": dict(data)}
        self._once("emit", args, lambda: self._log(kind, data))

    def progress(self, text: str, done: float | None = None) -> None:
        self.said.append(text)

    def view(self, fold: Callable[[S, Event], S], start: S, kinds: Sequence[str] = ()) -> S:
        """Over the emits that this visit has made so far, as a re-run would see them, after
        those of the run's past; in a tool over its caller's too."""
        rows = [*self._above, *self._ledger[: self._index]]
        made = [json.loads(text) for kind, text, _ in rows if kind == "emit"]
        state = start
        for number, one in enumerate(made, 1):
            if not kinds or one["kind"] in kinds:
                event = Event(self.run, number, 0.0, one["kind"], self._position, one["data"])
                state = fold(state, event)
        return state

    def refresh(self) -> None:
        self._once("refresh", {}, lambda: None)

    def breakable(
        self, kinds: Sequence[str], when: Callable[[Event], bool]
    ) -> AbstractContextManager[None]:
        """Nobody else writes events here, so nothing is broken off."""
        return nullcontext()

    def limits(self) -> Mapping[str, tuple[float, float]]:
        """There are none."""
        return {}

    def now(self) -> float:
        return float(self._once("clock", {}, time.time))

    def artifact(self, name: str, content: bytes | str, media_type: str = "text/plain") -> str:
        data = content.encode() if isinstance(content, str) else content
        sha = hashlib.sha256(data).hexdigest()

        def keep() -> str:
            self.artifacts[name] = data
            return sha

        self._once("artifact", {"name": name, "sha256": sha}, keep)
        return f"artifacts/{name}"


class MemoryRole:
    """A model in a role; see `agentkit.capabilities.RoleModel`."""

    def __init__(self, rt: MemoryRuntime, role: str) -> None:
        self._rt, self._role = rt, role

    def generate(self, requests: Sequence[Request]) -> list[Completion]:
        return self._rt._generate(self._role, requests)

    def complete(self, request: Request) -> Completion:
        return self.generate([request])[0]

    def ask(self, prompt: str, **settings: Any) -> str:
        return self.complete(Request.of(prompt, **settings)).text
