"""Rt: what a node works through. Every call has a row in the ledger, made before the call is.

A node that runs again (after a kill, a pause, a question) gets the recorded results, in order. A
call that differs from the one recorded at its place is `Diverged`, never executed.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from agentkit.capabilities.agent import Directive, Question
from agentkit.capabilities.guard import Proposal
from agentkit.capabilities.language_model import Cancel, Completion, Delta, Request
from agentkit.capabilities.tool import Effect, Findable
from agentkit.errors import (
    AgentkitError,
    BudgetExceeded,
    Cancelled,
    Diverged,
    Paused,
    ToolDenied,
)
from agentkit.runs.codec import completion_from, completion_to, request_to
from agentkit.runs.events import Event
from agentkit.runs.guards import judge
from agentkit.runs.sqlite import dump
from agentkit.runs.store import Append, Attach, Call, Change, Finish, Intend, Lease, TakeInbox
from agentkit.seeds import derive

if TYPE_CHECKING:
    from pydantic import BaseModel

    from agentkit.capabilities.environment import Environment, Step
    from agentkit.capabilities.source import Document, SearchResult
    from agentkit.kit import Kit
    from agentkit.runs.store import Budget, RunStore

S = TypeVar("S")
ENTRY = -1  # the ledger row of the visit itself


@dataclass(slots=True)
class Meter:
    """What a run has spent in this process."""

    tokens: int = 0
    steps: int = 0
    started: float = field(default_factory=time.monotonic)

    def check(self, budget: Budget) -> None:
        """Raises BudgetExceeded where a limit is reached."""
        spent = {
            "tokens": (self.tokens, budget.tokens),
            "steps": (self.steps, budget.steps),
            "seconds": (time.monotonic() - self.started, budget.seconds),
        }
        for name, (used, limit) in spent.items():
            if limit is not None and used > limit:
                raise BudgetExceeded(
                    f"the run reached its limit of {limit:g} {name}",
                    f"raise host.budget.{name}, then `agentkit runs resume`",
                )


@dataclass(slots=True)
class Session:
    """One run being driven by this process: what all its node visits share."""

    kit: Kit
    store: RunStore
    lease: Lease
    agent: str
    seed: int
    budget: Budget
    publish: Callable[[Event], None]
    on_delta: Callable[[Delta], None] | None = None
    cancel: Cancel = field(default_factory=Cancel)
    control: str = ""
    meter: Meter = field(default_factory=Meter)

    @property
    def run(self) -> str:
        return self.lease.run

    def write(self, *changes: Change, durable: bool = False) -> None:
        """Commits, then tells: nobody hears of what could still be lost."""
        for event in self.store.write(self.lease, *changes, durable=durable):
            self.publish(event)

    def check(self) -> None:
        """Raises what stops the node between two calls."""
        if self.cancel:
            raise Cancelled if self.control == "cancel" else Paused
        self.meter.check(self.budget)


current: ContextVar[Session] = ContextVar("agentkit_session")


class Waiting(Exception):
    """A question is open; the host turns it into LangGraph's interrupt."""


class Rt:
    """The runtime of one visit of a node. See `agentkit.capabilities.Runtime`."""

    def __init__(self, session: Session, position: str) -> None:
        self._session, self._position = session, position
        self._index = 0
        self._ledger: dict[int, Call] = session.store.calls(session.run, position)
        if ENTRY not in self._ledger:
            session.meter.steps += 1
            session.write(
                Intend(position, ENTRY, "enter", "none", ""),
                Finish(position, ENTRY, {"ok": None}),
                Append("node.entered", {}, position, ENTRY),
            )
            self._ledger = session.store.calls(session.run, position)

    # -- where we are -----------------------------------------------------------------------------

    @property
    def run(self) -> str:
        return self._session.run

    @property
    def position(self) -> str:
        return self._position

    @property
    def seed(self) -> int:
        return derive(self._session.seed, self._position)

    @property
    def key(self) -> str:
        return f"{self.run}/{self._position}/{self._index}"

    @property
    def cancel(self) -> Cancel:
        return self._session.cancel

    # -- the primitive ----------------------------------------------------------------------------

    def record(
        self,
        kind: str,
        args: Mapping[str, Any],
        do: Callable[[], Any],
        *,
        effect: Effect = Effect.NONE,
        find: Callable[[str], Any | None] | None = None,
        summary: Callable[[Any], Mapping[str, Any]] | None = None,
    ) -> Any:
        """Does it once and keeps the JSON result; gives that result again on a re-run.

        Args:
            find: for effects outside: whether the call with a key has happened already.
            summary: what of the result stands in the event; the whole result by default.
        """
        known = self._known(kind, dump(args))
        if known is not None and known.result is not None:
            self._index += 1
            return _outcome(known.result)
        self._session.check()
        index, durable = self._index, effect in (Effect.OUTSIDE, Effect.IRREVERSIBLE)
        result = self._look_for(find) if known is not None and durable else None
        if result is None:
            self._session.write(
                Intend(self._position, index, kind, effect.value, _hash(dump(args))),
                Append(f"{kind}.asked", args, self._position, index),
                durable=durable,
            )
            try:
                result = {"ok": do()}
            except ToolDenied as error:
                result = {"denied": error.to_json()}
            except (AgentkitError, ValueError) as error:
                if isinstance(error, Diverged | BudgetExceeded):
                    raise
                result = {"error": _plain(error)}
        shown = result.get("ok", result)
        if summary is not None and "ok" in result:
            shown = summary(result["ok"])
        data = shown if isinstance(shown, Mapping) else {"result": shown}
        self._session.write(
            Finish(self._position, index, result),
            Append(f"{kind}.done", data, self._position, index),
            durable=durable,
        )
        self._index += 1
        return _outcome(result)

    def _known(self, kind: str, args: str) -> Call | None:
        known = self._ledger.get(self._index)
        if known is not None and (known.kind, known.args) != (kind, _hash(args)):
            raise Diverged(
                f"run {self.run} at {self._position}, call {self._index}: a {known.kind!r} call "
                f"stands recorded there, the node now makes a different {kind!r} call",
                "the agent's code or parts changed: fork from an earlier step, or start a new run",
            )
        return known

    def _look_for(self, find: Callable[[str], Any | None] | None) -> dict[str, Any] | None:
        """The result of a call that was begun and may have happened; None: do it (again)."""
        try:
            if find is None:
                raise LookupError
            found = find(self.key)
            return None if found is None else {"ok": found}
        except LookupError:
            # The question is a call of its own, before the call in doubt could be numbered again.
            answer = self._ask_aside(
                Question(
                    f"A call at {self._position} was begun and its result is not known. "
                    "Did it happen?",
                    ("it happened", "it did not happen"),
                    kind="in-doubt",
                )
            )
            return {"ok": None} if answer == "it happened" else None

    # -- models -----------------------------------------------------------------------------------

    def model(self, role: str = "model") -> RoleModel:
        return RoleModel(self, role)

    def _generate(self, role: str, requests: Sequence[Request]) -> list[Completion]:
        session = self._session
        names = session.kit.references(("agent", session.agent))[role][1]
        if not names:
            raise AgentkitError(f"the agent {session.agent!r} has no model in the role {role!r}")
        filled = [self._fill(request, n) for n, request in enumerate(requests)]

        def do() -> Any:
            model = session.kit.model(names[0])
            made = model.generate(filled, on_delta=session.on_delta, cancel=session.cancel)
            if any(c.finish == "cancelled" for c in made):
                session.check()
            return [completion_to(c) for c in made]

        args = {"role": role, "model": names[0], "requests": [request_to(r) for r in filled]}
        made = [completion_from(one) for one in self.record("model", args, do, summary=_usage_of)]
        session.meter.tokens += sum(c.usage.prompt + c.usage.spent for c in made)
        return made

    def _fill(self, request: Request, number: int) -> Request:
        context = request.context
        seed = context.seed or derive(self.seed, "model", self._index, number)
        return replace(
            request, context=replace(context, run=self.run, node=self._position, seed=seed)
        )

    # -- sources, tools, environments -------------------------------------------------------------

    def search(self, source: str, query: str, k: int = 10) -> SearchResult:
        from agentkit.runs.codec import search_from, search_to

        def do() -> Any:
            return search_to(self._session.kit.source(source).search(query, k))

        args = {"source": source, "query": query, "k": k}
        return search_from(self.record("search", args, do, summary=_search_summary))

    def open(self, source: str, document: str) -> Document:
        opened = self._session.kit.source(source).open(document)
        args = {"source": source, "document": document}
        sha = self.record("open", args, lambda: opened.sha256)
        if sha != opened.sha256:
            raise Diverged(
                f"{document} of source {source!r} has changed since this run read it",
                "start a new run, so that all of it reads the same text",
            )
        return opened

    def call(self, tool: str, args: Mapping[str, Any]) -> Any:
        part = self._session.kit.tool(tool)
        checked = part.info.arguments.model_validate(dict(args))

        self._permit(tool, part.info.name, args, part.info.effect)
        return self.record(
            "tool",
            {"tool": tool, "args": dict(args)},
            lambda: part.call(checked, self),
            effect=part.info.effect,
            find=part.find if isinstance(part, Findable) else None,
        )

    def act(self, environment: str, action: BaseModel) -> Step:
        from agentkit.runs.codec import step_from, step_to

        part, plain = self._session.kit.environment(environment), action.model_dump(mode="json")
        effect: Effect = getattr(type(action), "effect", Effect.INSIDE)
        name = str(plain.get("kind", type(action).__name__))

        self._permit(environment, name, plain, effect)
        called = {"environment": environment, "action": plain}
        return step_from(
            self.record("action", called, lambda: step_to(part.step(action)), effect=effect)  # type: ignore[arg-type]
        )

    def environment(self, name: str) -> Environment:
        return self._session.kit.environment(name)

    # -- guards -----------------------------------------------------------------------------------

    def _permit(self, target: str, name: str, args: Mapping[str, Any], effect: Effect) -> None:
        """Asks the guards, and a person where they want that. The verdict is recorded, so a node
        that runs again does not judge anew."""
        proposal = Proposal(self.run, self._session.agent, target, name, args, effect)
        described = {"target": target, "name": name, "effect": effect.value}
        verdict = self.record("guard", described, lambda: asdict(judge(self._session, proposal)))
        if verdict["kind"] == "deny":
            reason = verdict["reason"] or "by a guard"
            raise ToolDenied(f"{name} on {target} was denied: {reason}")
        if verdict["kind"] == "ask":
            question = Question(
                f"Allow {name} on {target}? {verdict['reason']}".strip(),
                ("yes", "no"),
                kind="approval",
                data={"target": target, "name": name, "args": dict(args)},
            )
            if self.ask(question) != "yes":
                raise ToolDenied(f"{name} on {target} was refused by a person")

    # -- people -----------------------------------------------------------------------------------

    def ask(self, question: Question | str, *options: str) -> str:
        if isinstance(question, str):
            question = Question(question, options)
        known = self._known("question", dump(asdict(question)))
        if known is None:
            self._session.check()
            self._put_question(question, self._index)
            raise Waiting
        if known.result is None:
            raise Waiting
        self._index += 1
        return str(_outcome(known.result))

    def _ask_aside(self, question: Question) -> str:
        """A question about the call being made, in a row far from the node's own numbering."""
        index = 1_000_000 + self._index
        known = self._ledger.get(index)
        if known is None:
            self._put_question(question, index)
        if known is None or known.result is None:
            raise Waiting
        return str(_outcome(known.result))

    def _put_question(self, question: Question, index: int) -> None:
        plain = asdict(question)
        self._session.write(
            Intend(self._position, index, "question", "none", _hash(dump(plain))),
            Append("question.asked", plain, self._position, index),
        )

    def inbox(self) -> list[Directive]:
        known = self._known("inbox", "")
        if known is None or known.result is None:
            self._session.check()
            self._session.write(
                Intend(self._position, self._index, "inbox", "none", _hash("")),
                TakeInbox(self._position, self._index),
            )
            known = self._session.store.calls(self.run, self._position)[self._index]
        self._index += 1
        assert known.result is not None
        return [Directive(**one) for one in known.result["ok"]]

    # -- the log ----------------------------------------------------------------------------------

    def emit(self, kind: str, data: Mapping[str, Any]) -> None:
        args = dump({"kind": kind, "data": data})
        if self._known("emit", args) is None:
            self._session.write(
                Intend(self._position, self._index, "emit", "none", _hash(args)),
                Finish(self._position, self._index, {"ok": None}),
                Append(kind, data, self._position, self._index),
            )
        self._index += 1

    def progress(self, text: str, done: float | None = None) -> None:
        event = Event(
            self.run, 0, time.time(), "progress", self._position, {"text": text, "done": done}
        )
        self._session.publish(event)

    def view(self, fold: Callable[[S, Event], S], start: S, kinds: Sequence[str] = ()) -> S:
        store, entry = self._session.store, self._ledger[ENTRY].seq
        own = store.own(self.run, self._position, entry, self._index)
        state = start
        for event in [*store.tail(self.run, upto=entry), *own]:
            if not kinds or event.kind in kinds:
                state = fold(state, event)
        return state

    def now(self) -> float:
        return float(self.record("clock", {}, time.time))

    def artifact(self, name: str, content: bytes | str, media_type: str = "text/plain") -> str:
        data = content.encode() if isinstance(content, str) else content
        sha = hashlib.sha256(data).hexdigest()
        args = dump({"name": name, "sha256": sha})
        if self._known("artifact", args) is None:
            self._session.store.put_blob(data)
            shown = {"name": name, "sha256": sha, "media_type": media_type, "size": len(data)}
            self._session.write(
                Intend(self._position, self._index, "artifact", "none", _hash(args)),
                Finish(self._position, self._index, {"ok": sha}),
                Attach(name, sha, media_type, len(data)),
                Append("artifact", shown, self._position, self._index),
            )
        self._index += 1
        return sha


class RoleModel:
    """A model in a role; see `agentkit.capabilities.RoleModel`."""

    def __init__(self, rt: Rt, role: str) -> None:
        self._rt, self._role = rt, role

    def generate(self, requests: Sequence[Request]) -> list[Completion]:
        return self._rt._generate(self._role, requests)

    def complete(self, request: Request) -> Completion:
        return self.generate([request])[0]

    def ask(self, prompt: str, **settings: Any) -> str:
        return self.complete(Request.of(prompt, **settings)).text


def _outcome(result: Mapping[str, Any]) -> Any:
    """A recorded result given again; recorded errors are raised again."""
    if "denied" in result:
        raise ToolDenied(result["denied"]["message"], result["denied"].get("hint", ""))
    if "error" in result:
        raise AgentkitError(result["error"]["message"], result["error"].get("hint", ""))
    return result["ok"]


def _plain(error: Exception) -> dict[str, Any]:
    if isinstance(error, AgentkitError):
        return error.to_json()
    return {"code": "error", "message": f"{type(error).__name__}: {error}", "hint": ""}


def _usage_of(made: Any) -> Mapping[str, Any]:
    return {
        "texts": [one["text"] for one in made],
        "finish": [one["finish"] for one in made],
        "usage": [one["usage"] for one in made],
        "path": [one["path"] for one in made],
    }


def _search_summary(found: Any) -> Mapping[str, Any]:
    return {
        "status": found["status"],
        "reason": found["reason"],
        "documents": [hit["document"] for hit in found["hits"]],
    }


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
