"""Rt: what a node works through. Every call has a row in the ledger, made before the call is."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TypeVar

from agentkit.capabilities.abilities import Draw, Tokens
from agentkit.capabilities.agent import Directive, Question
from agentkit.capabilities.guard import Proposal
from agentkit.capabilities.language_model import Completion, Delta, LanguageModel, Request
from agentkit.capabilities.tool import Effect, Findable
from agentkit.errors import AgentkitError, ConfigError, ToolDenied, UsageError
from agentkit.runs.codec import completion_from, completion_to, request_to
from agentkit.runs.events import Event
from agentkit.runs.guards import judge
from agentkit.runs.rows import dump
from agentkit.runs.store import (
    Append,
    Attach,
    Change,
    TakeInbox,
)
from agentkit.runs.visit import Visit
from agentkit.seeds import derive

if TYPE_CHECKING:
    from pydantic import BaseModel

    from agentkit.capabilities.environment import Environment, Step
    from agentkit.capabilities.source import Document, SearchResult

S = TypeVar("S")
ARTIFACT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Rt(Visit):
    """The runtime of one visit of a node. See `agentkit.capabilities.Runtime`."""

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
        session, name, cancel = self._session, self._model_of(role), self.cancel
        filled = [self._fill(request, n) for n, request in enumerate(requests)]

        def do() -> Any:
            session.check_models()
            model = session.kit.model(name)
            made = model.generate(filled, on_delta=on_delta, cancel=cancel)
            session.meter.tokens += sum(c.usage.prompt + c.usage.spent for c in made)
            if any(c.finish == "cancelled" for c in made):
                session.check()
            return [completion_to(c) for c in made]

        def on_delta(delta: Delta) -> None:
            if cancel:
                return  # nobody waits for it any more
            shown = {"role": role, "index": delta.index, "text": delta.text}
            if delta.reasoning:
                shown["reasoning"] = True
            session.show("model.delta", shown, self._position)

        args = {"role": role, "model": name, "requests": [request_to(r) for r in filled]}
        return [completion_from(one) for one in self.record("model", args, do, summary=_usage_of)]

    def score(self, role: str, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, int]]:
        session, name = self._session, self._model_of(role)

        def do() -> Any:
            session.check_models()
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
        own, inside = self._own_key, f"{self._position}/{self._index}:{tool}"
        return self.record(
            "tool",
            {"tool": tool, "args": dict(args)},
            lambda: part.call(checked, Rt(self._session, inside, own)),
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
                self._intend("guard", dump(described), {"ok": verdict}),
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

    # -- people and the log -----------------------------------------------------------------------

    def inbox(self) -> list[Directive]:
        known = self._known("inbox", "")
        if known is None or known.result is None:
            self._session.check()
            self._session.write(
                self._intend("inbox", ""),
                TakeInbox(self._position, self._index),
            )
            known = self._session.store.calls(self.run, self._position)[self._index]
        self._index += 1
        assert known.result is not None
        return [Directive(**one) for one in known.result["ok"]]

    def emit(self, kind: str, data: Mapping[str, Any]) -> None:
        args = dump({"kind": kind, "data": data})
        if self._known("emit", args) is None:
            self._session.write(
                self._intend("emit", args, {"ok": None}),
                Append(kind, data, self._position, self._index),
            )
        self._index += 1

    def progress(self, text: str, done: float | None = None) -> None:
        self._session.show("progress", {"text": text, "done": done}, self._position)

    def view(self, fold: Callable[[S, Event], S], start: S, kinds: Sequence[str] = ()) -> S:
        session, bound = self._session, self._ledger[self._bound].seq
        own = session.store.own(self.run, self._position, bound, self._index)
        state = start
        for event in [*session.past(kinds, bound), *own]:
            if not kinds or event.kind in kinds:
                state = fold(state, event)
        return state

    def refresh(self) -> None:
        if self._known("refresh", "") is None:
            self._session.check()
            self._session.write(
                self._intend("refresh", "", {"ok": None}),
            )
            row = self._session.store.calls(self.run, self._position)[self._index]
            self._ledger[self._index] = row
        self._bound = self._index
        self._index += 1

    def limits(self) -> Mapping[str, tuple[float, float]]:
        known = self._known("limits", "")
        if known is None or known.result is None:
            session = self._session
            session.check()
            made: Mapping[str, Any] = session.meter.used(session.budget)
            session.write(self._intend("limits", "", {"ok": made}))
        else:
            made = known.result["ok"]
        self._index += 1
        return {name: (float(used), float(limit)) for name, (used, limit) in made.items()}

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
                self._intend("artifact", args, {"ok": sha}),
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
