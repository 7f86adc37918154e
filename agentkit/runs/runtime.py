"""Rt: what a node works through. Every call has a row in the ledger, made before the call is.

A node that runs again (after a kill, a pause, a question) gets the recorded results, in order. A
call that differs from the one recorded at its place is `Diverged`, never executed.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TypeVar

from agentkit.capabilities.agent import Directive, Question
from agentkit.capabilities.guard import Proposal
from agentkit.capabilities.language_model import (
    Cancel,
    Completion,
    Delta,
    Draw,
    LanguageModel,
    Request,
    Tokens,
)
from agentkit.capabilities.tool import Effect, Findable
from agentkit.errors import AgentkitError, ConfigError, Diverged, ToolDenied, UsageError, error_from
from agentkit.runs.codec import completion_from, completion_to, request_to
from agentkit.runs.events import Event
from agentkit.runs.guards import judge
from agentkit.runs.rows import dump
from agentkit.runs.session import Session, Waiting
from agentkit.runs.store import (
    Append,
    Attach,
    Call,
    Change,
    Finish,
    Intend,
    Reopen,
    TakeInbox,
)
from agentkit.seeds import derive

if TYPE_CHECKING:
    from pydantic import BaseModel

    from agentkit.capabilities.environment import Environment, Step
    from agentkit.capabilities.source import Document, SearchResult

S = TypeVar("S")
ARTIFACT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
ENTRY = -1  # the ledger row of the visit itself


class Rt:
    """The runtime of one visit of a node. See `agentkit.capabilities.Runtime`."""

    def __init__(self, session: Session, position: str, key: str = "") -> None:
        """key: of the call that this visit is the inside of, for a tool's own calls."""
        self._session, self._position, self._key = session, position, key
        self._index = 0
        self._bound = ENTRY  # the row up to which a view sees what others did
        self._ledger: dict[int, Call] = session.store.calls(session.run, position)
        if ENTRY not in self._ledger:
            changes: list[Change] = [
                Intend(position, ENTRY, "enter", "none", ""),
                Finish(position, ENTRY, {"ok": None}),
            ]
            if not key:
                session.meter.steps += 1
                changes.append(Append("node.entered", {}, position, ENTRY))
            session.write(*changes)
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
        return self._key or f"{self.run}/{self._position}/{self._index}"

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
        index = self._index
        if known is not None and known.result is not None:
            self._index += 1
            return self._outcome(known.result, index)
        self._session.check()
        durable = effect in (Effect.OUTSIDE, Effect.IRREVERSIBLE)
        doubt = known is not None and (durable or find is not None)
        result = self._look_for(find) if doubt else None
        if result is None:
            self._session.write(
                Intend(self._position, index, kind, effect.value, _hash(dump(args))),
                Append(f"{kind}.asked", args, self._position, index),
                durable=durable,
            )
            result = self._attempt(kind, do)
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
        return self._outcome(result, index)

    def _attempt(self, kind: str, do: Callable[[], Any]) -> dict[str, Any]:
        """The result to record. It is brought to JSON now, so that a node which runs again sees
        the very same value."""
        try:
            value = do()
        except ToolDenied as error:
            return {"denied": error.to_json()}
        except (AgentkitError, ValueError) as error:
            if self._session.fault is not None:
                raise
            return {"error": _plain(error)}
        try:
            made: dict[str, Any] = json.loads(dump({"ok": value}))
        except (TypeError, ValueError) as error:
            reason = f"a {kind} call gave something that JSON cannot hold: {error}"
            return {"error": {"code": "error", "message": reason, "hint": ""}}
        return made

    def _outcome(self, result: Mapping[str, Any], index: int) -> Any:
        """A recorded result given again; recorded errors are raised again."""
        if "ok" in result:
            return result["ok"]
        if "denied" in result:
            raise ToolDenied(result["denied"]["message"], result["denied"].get("hint", ""))
        error = error_from(result["error"])
        error.call = (self._position, index)
        raise error

    def reopen(self, error: BaseException | None) -> None:
        """Forgets the recorded error that made this visit fail, so that a resumed run tries that
        call again; errors that the node dealt with stay as they are."""
        while error is not None:
            call = getattr(error, "call", None)
            if call is not None and f"{call[0]}/".startswith(f"{self._position}/"):
                self._session.write(Reopen(*call))
                return
            error = error.__cause__ or error.__context__

    def _known(self, kind: str, args: str) -> Call | None:
        known = self._ledger.get(self._index)
        if known is not None and (known.kind, known.args) != (kind, _hash(args)):
            raise self._diverged(
                f"run {self.run} at {self._position}, call {self._index}: a {known.kind!r} call "
                f"stands recorded there, the node now makes a different {kind!r} call",
                "the agent's code or parts changed: fork from an earlier step, or start a new run",
            )
        return known

    def _diverged(self, message: str, hint: str) -> Diverged:
        """Stands even where the node's own code swallows it."""
        error = Diverged(message, hint)
        self._session.fault = self._session.fault or error
        return error

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

    def _model_of(self, role: str) -> str:
        """The model that stands behind a role; for an agent that a program added, which has no
        settings, the role is the model's own name."""
        kit, agent = self._session.kit, self._session.agent
        if kit.is_added("agent", agent):
            return role
        roles = kit.references(("agent", agent))
        _, names, _ = roles.get(role, ("", [], False))
        if not names:
            known = ", ".join(f for f, (noun, _, _) in roles.items() if noun == "model") or "none"
            raise ConfigError(
                f"the agent {agent!r} has no model in the role {role!r}", f"its roles: {known}"
            )
        return names[0]

    def _generate(self, role: str, requests: Sequence[Request]) -> list[Completion]:
        session, name = self._session, self._model_of(role)
        filled = [self._fill(request, n) for n, request in enumerate(requests)]

        def do() -> Any:
            model = session.kit.model(name)
            made = model.generate(filled, on_delta=on_delta, cancel=session.cancel)
            session.meter.tokens += sum(c.usage.prompt + c.usage.spent for c in made)
            if any(c.finish == "cancelled" for c in made):
                session.check()
            return [completion_to(c) for c in made]

        def on_delta(delta: Delta) -> None:
            shown = {"role": role, "index": delta.index, "text": delta.text}
            session.show("model.delta", shown, self._position)

        args = {"role": role, "model": name, "requests": [request_to(r) for r in filled]}
        return [completion_from(one) for one in self.record("model", args, do, summary=_usage_of)]

    def score(self, role: str, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, int]]:
        session, name = self._session, self._model_of(role)

        def do() -> Any:
            scores, read = log_probabilities(session.kit.model(name), pairs)
            session.meter.tokens += read
            return {"scores": scores, "tokens": read}

        args = {"role": role, "model": name, "pairs": [list(pair) for pair in pairs]}
        made = self.record("score", args, do)
        return [(float(logp), int(length)) for logp, length in made["scores"]]

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
        opened: list[Document] = []

        def do() -> str:
            opened.append(self._session.kit.source(source).open(document))
            return opened[0].sha256

        sha = self.record("open", {"source": source, "document": document}, do)
        found = opened[0] if opened else self._session.kit.source(source).open(document)
        if sha != found.sha256:
            raise self._diverged(
                f"{document} of source {source!r} has changed since this run read it",
                "start a new run, so that all of it reads the same text",
            )
        return found

    def call(self, tool: str, args: Mapping[str, Any]) -> Any:
        from pydantic import ValidationError

        part = self._session.kit.tool(tool)
        try:
            checked = part.info.arguments.model_validate(dict(args))
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in error.errors()
            )
            raise UsageError(f"tool {tool!r} cannot be called so: {faults}") from error
        self._permit(tool, part.info.name, args, part.info.effect)
        key, inside = self.key, f"{self._position}/{self._index}:{tool}"
        return self.record(
            "tool",
            {"tool": tool, "args": dict(args)},
            lambda: part.call(checked, Rt(self._session, inside, key)),
            effect=part.info.effect,
            find=part.find if isinstance(part, Findable) else None,
        )

    def act(self, environment: str, action: BaseModel) -> Step:
        from agentkit.capabilities.environment import Step as Taken
        from agentkit.runs.codec import step_from, step_to

        part, plain = self._session.kit.environment(environment), action.model_dump(mode="json")
        effect: Effect = getattr(type(action), "effect", Effect.INSIDE)
        name = str(plain.get("kind", type(action).__name__))

        def look(_key: str) -> Any:
            """Where it is not known whether the action happened, the agent sees what is there."""
            return step_to(Taken(part.observe(), info={"in_doubt": True}))

        self._permit(environment, name, plain, effect)
        return step_from(
            self.record(
                "action",
                {"environment": environment, "action": plain},
                lambda: step_to(part.step(action)),  # type: ignore[arg-type]
                effect=effect,
                find=look if effect is Effect.INSIDE else None,
            )
        )

    def environment(self, name: str) -> Environment:
        return self._session.kit.environment(name)

    # -- guards -----------------------------------------------------------------------------------

    def _permit(self, target: str, name: str, args: Mapping[str, Any], effect: Effect) -> None:
        """Asks the guards, and a person where they want that. The verdict is recorded, so a node
        that runs again does not judge anew."""
        described = {"target": target, "name": name, "effect": effect.value}
        known = self._known("guard", dump(described))
        if known is None or known.result is None:
            self._session.check()
            proposal = Proposal(self.run, self._session.agent, target, name, args, effect)
            verdict = asdict(judge(self._session, proposal))
            changes: list[Change] = [
                Intend(self._position, self._index, "guard", "none", _hash(dump(described))),
                Finish(self._position, self._index, {"ok": verdict}),
            ]
            if verdict["kind"] != "allow":
                data = {**described, "verdict": verdict["kind"], "reason": verdict["reason"]}
                changes.append(Append("guard.judged", data, self._position, self._index))
            self._session.write(*changes)
        else:
            verdict = known.result["ok"]
        self._index += 1
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
        return str(known.result["ok"])

    def _ask_aside(self, question: Question) -> str:
        """A question about the call being made, in a row far from the node's own numbering."""
        index = 1_000_000 + self._index
        known = self._ledger.get(index)
        if known is None:
            self._put_question(question, index)
        if known is None or known.result is None:
            raise Waiting
        return str(known.result["ok"])

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
        self._session.show("progress", {"text": text, "done": done}, self._position)

    def view(self, fold: Callable[[S, Event], S], start: S, kinds: Sequence[str] = ()) -> S:
        store, bound = self._session.store, self._ledger[self._bound].seq
        own = store.own(self.run, self._position, bound, self._index)
        state = start
        for event in [*store.tail(self.run, upto=bound), *own]:
            if not kinds or event.kind in kinds:
                state = fold(state, event)
        return state

    def refresh(self) -> None:
        if self._known("refresh", "") is None:
            self._session.check()
            self._session.write(
                Intend(self._position, self._index, "refresh", "none", _hash("")),
                Finish(self._position, self._index, {"ok": None}),
            )
            row = self._session.store.calls(self.run, self._position)[self._index]
            self._ledger[self._index] = row
        self._bound = self._index
        self._index += 1

    def now(self) -> float:
        return float(self.record("clock", {}, time.time))

    def artifact(self, name: str, content: bytes | str, media_type: str = "text/plain") -> str:
        if not ARTIFACT.fullmatch(name):
            raise UsageError(f"{name!r} is no name for a file", "letters, digits, and ._- within")
        data = content.encode() if isinstance(content, str) else content
        sha = hashlib.sha256(data).hexdigest()
        args = dump({"name": name, "sha256": sha})
        if self._known("artifact", args) is None:
            self._session.store.put_blob(self.run, data)
            shown = {"name": name, "sha256": sha, "media_type": media_type, "size": len(data)}
            self._session.write(
                Intend(self._position, self._index, "artifact", "none", _hash(args)),
                Finish(self._position, self._index, {"ok": sha}),
                Append("artifact", shown, self._position, self._index),
                Attach(name, sha, media_type, len(data)),
            )
        self._index += 1
        return str(self._session.store.artifact(self.run, name))


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


def log_probabilities(
    model: LanguageModel, pairs: Sequence[tuple[str, str]]
) -> tuple[list[tuple[float, int]], int]:
    """See `Runtime.score`; the second value is how many tokens the model read.

    Raises:
        AgentkitError: whatever the model raised.
    """
    try:
        tokens = model.ability(Tokens)
        prompts = [tokens.encode(prompt) for prompt, _ in pairs]
        targets = [tokens.encode(text) for _, text in pairs]
        spans = tokens.score(prompts, targets, [Draw()] * len(pairs)) if pairs else []
    except AgentkitError:
        raise
    except Exception as error:
        raise AgentkitError(f"scoring failed: {type(error).__name__}: {error}") from error
    scores = [(float(span.logp.sum()), len(span.ids)) for span in spans]
    return scores, sum(map(len, [*prompts, *targets]))


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
