"""One visit of a node: its calls, numbered in order, each with a row in the ledger.

A node that runs again (after a kill, a pause, a question) gets the recorded results, in order. A
call that differs from the one recorded at its place is `Diverged`, never executed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from agentkit.capabilities.agent import Question
from agentkit.capabilities.language_model import Cancel
from agentkit.capabilities.tool import Effect
from agentkit.errors import AgentkitError, BrokenOff, Diverged, ToolDenied, UsageError, error_from
from agentkit.runs.breaking import Breaker, leave
from agentkit.runs.events import Event
from agentkit.runs.rows import dump
from agentkit.runs.session import Session, Waiting
from agentkit.runs.store import Append, Call, Change, Finish, Intend, Reopen
from agentkit.seeds import derive

ENTRY = -1  # the ledger row of the visit itself
DONE = {"ok": None}


class Visit:
    """What `Rt` stands on: where we are, the primitive under all calls, questions to people."""

    def __init__(self, session: Session, position: str, key: str = "") -> None:
        """key: of the call that this visit is the inside of, for a tool's own calls."""
        self._session, self._position, self._key = session, position, key
        self._index = 0
        self._making = False  # a call is being made: another one now would take its row
        self._breaker: Breaker | None = None
        self._bound = ENTRY  # the row up to which a view sees what others did
        self._ledger: dict[int, Call] = session.store.calls(session.run, position)
        if ENTRY not in self._ledger:
            changes: list[Change] = [Intend(position, ENTRY, "enter", "none", "", DONE)]
            if not key:
                session.meter.steps += 1
                changes.append(Append("node.entered", {}, position, ENTRY))
            made = session.write(*changes)
            if made:  # the row as it stands now, without reading it
                before = made[0].seq - 1
                self._ledger[ENTRY] = Call(position, ENTRY, "enter", "none", "", 1, before, DONE)
            else:
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
        return self._own_key if self._making or not self._key else self._key

    @property
    def _own_key(self) -> str:
        """Of the call that this very visit makes; a tool that calls others is none of them."""
        return f"{self.run}/{self._position}/{self._index}"

    @property
    def cancel(self) -> Cancel:
        return self._session.cancel if self._breaker is None else self._breaker.cancel

    @contextmanager
    def breakable(self, kinds: Sequence[str], when: Callable[[Event], bool]) -> Iterator[None]:
        before, bound = self._breaker, self._ledger[self._bound].seq
        made = self._breaker = Breaker(self._session, bound, kinds, when)
        self._session.breakers.append(made)
        try:
            yield
        finally:
            self._session.breakers.remove(made)
            self._breaker = before

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
        text, index = dump(args), self._index
        known = self._known(kind, text)
        if known is not None and known.result is not None:
            self._index += 1
            return self._outcome(known.result, index)
        self._session.check()
        durable = effect in (Effect.OUTSIDE, Effect.IRREVERSIBLE)
        doubt = known is not None and (durable or find is not None)
        result = self._look_for(find) if doubt else None
        if result is None:
            self._session.write(
                self._intend(kind, text, effect=effect),
                Append(f"{kind}.asked", args, self._position, index),
                durable=durable,
            )
            result = self._attempt(kind, do, effect)
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

    def _intend(
        self,
        kind: str,
        args: str,
        result: Mapping[str, Any] | None = None,
        effect: Effect = Effect.NONE,
    ) -> Intend:
        """The row of the call that is to be made now; args: as JSON."""
        return Intend(self._position, self._index, kind, effect.value, hashed(args), result)

    def _attempt(self, kind: str, do: Callable[[], Any], effect: Effect) -> dict[str, Any]:
        """The result to record. It is brought to JSON now, so that a node which runs again sees
        the very same value."""
        self._making = True
        try:
            value = self._left(kind, do) if effect is Effect.NONE else do()
        except BrokenOff:
            return {"broken": True}
        except ToolDenied as error:
            return {"denied": error.to_json()}
        except (AgentkitError, ValueError) as error:
            if self._session.fault is not None:
                raise
            return {"error": _plain(error), "cause": getattr(error, "call", None)}
        finally:
            self._making = False
        try:
            made: dict[str, Any] = json.loads(dump({"ok": value}))
        except (TypeError, ValueError) as error:
            reason = f"a {kind} call gave something that JSON cannot hold: {error}"
            return {"error": {"code": "error", "message": reason, "hint": ""}}
        return made

    def _left(self, kind: str, do: Callable[[], Any]) -> Any:
        """What a call without effect gives, where it need not be waited for: any one within a
        breakable block, and what is asked of a source, which knows no flag."""
        if self._breaker is not None:
            return self._breaker.attempt(do)
        if kind in ("search", "open"):
            return leave(self._session, do, self._session.cancel)
        return do()

    def _outcome(self, result: Mapping[str, Any], index: int) -> Any:
        """A recorded result given again; recorded errors are raised again."""
        if "ok" in result:
            return result["ok"]
        if "broken" in result:
            raise BrokenOff
        if "denied" in result:
            raise ToolDenied(result["denied"]["message"], result["denied"].get("hint", ""))
        error = error_from(result["error"])
        error.call = (self._position, index)
        raise error

    def reopen(self, error: BaseException | None) -> None:
        """Forgets the recorded error that made this visit fail, and what caused it inside a tool,
        so that a resumed run tries those calls again; errors that were dealt with stay."""
        while error is not None:
            call = getattr(error, "call", None)
            if call is not None and f"{call[0]}/".startswith(f"{self._position}/"):
                self._session.write(*self._failed(call))
                return
            error = error.__cause__ or error.__context__

    def _failed(self, call: Sequence[Any] | None) -> Iterator[Reopen]:
        """A failed call, the call of its tool that made it fail, and so on."""
        while call is not None:
            position, index = call
            yield Reopen(position, index)
            made = self._session.store.calls(self.run, position)[index].result or {}
            call = made.get("cause")

    def _known(self, kind: str, args: str) -> Call | None:
        if self._making:
            raise UsageError(
                f"{self._position} makes a {kind!r} call within its call {self._index}",
                "calls come one after another; a tool uses the rt that its own `call` was given",
            )
        known = self._ledger.get(self._index)
        if known is not None and (known.kind, known.args) != (kind, hashed(args)):
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
            found = find(self._own_key)
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
            Intend(self._position, index, "question", "none", hashed(dump(plain))),
            Append("question.asked", plain, self._position, index),
        )


def _plain(error: Exception) -> dict[str, Any]:
    if isinstance(error, AgentkitError):
        return error.to_json()
    return {"code": "error", "message": f"{type(error).__name__}: {error}", "hint": ""}


def hashed(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
