"""The same runs for clients of the AG-UI protocol, version 1.

The protocol's events are plain JSON (camelCase), written here by hand so that the host needs no
package for it; the tests read them with the protocol's own models. An approval ends an AG-UI run
with an interrupt, and the next one carries the answer: all of these are one run of ours, whose id
is the thread.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from agentkit.console import commands
from agentkit.console.desk import Desk
from agentkit.console.entry import Person
from agentkit.console.faults import Refusal, missing
from agentkit.console.fold import status_of
from agentkit.console.requests import json_of, person_of
from agentkit.console.stream import EventStream
from agentkit.console.work import node_of
from agentkit.errors import UsageError
from agentkit.runs.events import Event
from agentkit.runs.export import result_text

if TYPE_CHECKING:
    from agentkit.console.acting import Actor

VERSION = "1.0"
POLL = 0.1  # seconds between looks
STARTING = 60.0  # seconds that a run may take until its process begins
SHOWN = (
    "run.notice",
    "inbox.received",
    "inbox.read",
    "inbox.late",
    "message.ended",
    "guard.judged",
    "question.answered",
    "directive.added",
    "metric",
)


class Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")


class Answered(Camel):
    interrupt_id: str
    status: str = "resolved"
    payload: Any = None


class RunInput(Camel):
    """What of a RunAgentInput is used; the rest may be there."""

    thread_id: str = Field(max_length=200)
    run_id: str = Field(max_length=200)
    messages: list[dict[str, Any]] = []
    resume: list[Answered] | None = None
    protocol_version: str | None = None


class Agui:
    """The two routes."""

    def __init__(self, desk: Desk, actor: Actor) -> None:
        self.desk, self.actor = desk, actor

    async def run(self, request: Request) -> Response:
        """Starts a run, or answers the questions of the one whose id is the thread, and follows."""
        person = person_of(request)
        person.must("operator")
        asked = RunInput.model_validate(await json_of(request))
        agent = request.path_params["agent"]
        run, after = await in_thread(self._begin, agent, asked, person)
        return EventStream(self._events(run, asked.thread_id, asked.run_id, after))

    async def follow(self, request: Request) -> Response:
        """A whole run."""
        run = request.path_params["run"]
        try:
            row = await in_thread(self.desk.store.get, run)
        except UsageError as error:
            raise missing("there is no such run") from error
        return EventStream(self._events(row.id, row.id, row.id, 0))

    def _begin(self, agent: str, asked: RunInput, person: Person) -> tuple[str, int]:
        known = self._known(asked.thread_id)
        if known is not None:
            last = self.desk.store.last(known)
            for one in asked.resume or ():
                if one.status == "resolved" and one.interrupt_id.isdecimal():
                    args = {"question": int(one.interrupt_id), "answer": _words(one.payload)}
                    self._act(known, "answer", args, person)
                elif one.status == "cancelled":
                    self._act(known, "stop", {}, person)
            if not asked.resume:
                self._act(known, "steer", {"text": _task(asked)}, person)
            return known, last
        client = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{asked.thread_id} {asked.run_id}"))
        start = commands.Start(client_id=client, agent=agent, task=_task(asked))
        _, made = self.actor.start(start, person)
        self.desk.threads[asked.thread_id] = made["run"]["id"]
        return str(made["run"]["id"]), 0

    def _known(self, thread: str) -> str | None:
        """The run behind a thread: its own id, or the one that was started for it."""
        if thread in self.desk.threads:
            return self.desk.threads[thread]
        try:
            row = self.desk.store.get(thread)
        except UsageError:
            return None
        return row.id if row.id == thread else None

    def _act(self, run: str, kind: str, args: dict[str, Any], person: Person) -> None:
        command = commands.Command.model_validate(
            {"client_id": str(uuid.uuid4()), "kind": kind, "args": args}
        )
        self.actor.act(run, command, person)

    # -- events -----------------------------------------------------------------------------------

    async def _events(self, run: str, thread: str, id: str, after: int) -> AsyncIterator[str]:
        """From the event `after` to where the run stops."""
        told = _Told(thread, id)
        yield _sent("RUN_STARTED", threadId=thread, runId=id, protocolVersion=VERSION)
        if after:
            snapshot = await in_thread(self.desk.snapshot, run)
            yield _sent("STATE_SNAPSHOT", snapshot=snapshot["state"])
            told.has(snapshot["state"])
            state_at = snapshot["seq"]
        else:
            yield _sent("STATE_SNAPSHOT", snapshot={})
            state_at = 0
        idle = 0.0
        while True:
            row = await in_thread(self.desk.store.get, run)
            events = await in_thread(self.desk.store.tail, run, after)
            for event in events:
                after = event.seq
                for message in told.events(event):
                    yield message
            fold = await in_thread(self.desk.folds.get, run)
            changes, _ = await in_thread(fold.changes, state_at, fold.seq)
            if changes:
                yield _sent("STATE_DELTA", delta=list(told.patch(changes)))
            state_at = fold.seq
            status = status_of(row)
            questions = await in_thread(self.desk.store.questions, run)
            stopped = status in ("done", "failed", "cancelled", "paused", "interrupted") or (
                status == "waiting" and questions
            )
            # The status was read before the events: what ended the run is among them.
            if stopped and not (events and status != "done"):
                break
            idle = 0.0 if events else idle + POLL
            if status == "created" and idle > STARTING:
                break
            if idle and idle % 15 < POLL:
                yield ": still here\n\n"
            await asyncio.sleep(POLL)
        for message in told.rest():
            yield message
        yield self._end(run, thread, id)

    def _end(self, run: str, thread: str, id: str) -> str:
        row = self.desk.store.get(run)
        status = status_of(row)
        if status == "failed":
            return _sent("RUN_ERROR", message=row.note or "the run failed", code="failed")
        outcome: dict[str, Any] = {"type": "success"}
        if status == "waiting":
            asked = [
                {
                    "id": str(q.number),
                    "reason": q.question.kind,
                    "message": q.question.text,
                    "responseSchema": _schema(q.question.options),
                    "metadata": {"kind": q.question.kind, "data": dict(q.question.data)},
                }
                for q in self.desk.store.questions(run)
            ]
            outcome = {"type": "interrupt", "interrupts": asked}
        elif status != "done":
            outcome = {"type": "cancelled"}
        result = None if row.result is None else result_text(row.result)
        return _sent("RUN_FINISHED", threadId=thread, runId=id, result=result, outcome=outcome)


class _Told:
    """Turns events of ours into those of the protocol, and closes what it opened."""

    def __init__(self, thread: str, run: str) -> None:
        self.thread, self.run = thread, run
        self._step = ""
        self._objects: set[tuple[str, ...]] = set()

    def events(self, event: Event) -> Iterator[str]:
        data, seq = event.data, event.seq
        at = {"timestamp": int(event.time * 1000)}
        match event.kind:
            case "node.entered":
                yield from self.rest()
                self._step = f"{event.position}"
                yield _sent("STEP_STARTED", stepName=self._step, **at)
            case "model.done":
                text = "\n".join(map(str, data.get("texts", ())))
                id = f"m-{seq}"
                yield _sent("TEXT_MESSAGE_START", messageId=id, role="assistant", **at)
                if text:
                    yield _sent("TEXT_MESSAGE_CONTENT", messageId=id, delta=text, **at)
                yield _sent("TEXT_MESSAGE_END", messageId=id, **at)
            case "tool.asked" | "action.asked" | "search.asked" | "open.asked":
                yield from self._call(event, at)
            case "run.status" if data.get("status") == "done":
                text = result_text(data.get("result"))
                id = f"m-{seq}"
                yield _sent("TEXT_MESSAGE_START", messageId=id, role="assistant", **at)
                if text:
                    yield _sent("TEXT_MESSAGE_CONTENT", messageId=id, delta=text, **at)
                yield _sent("TEXT_MESSAGE_END", messageId=id, **at)
            case kind if kind in SHOWN:
                yield _sent("CUSTOM", name=kind, value={"seq": seq, **data}, **at)

    @staticmethod
    def _call(event: Event, at: Mapping[str, Any]) -> Iterator[str]:
        kind, id = event.kind.split(".")[0], f"c-{event.seq}"
        name = str(event.data.get("tool") or f"{kind}:{node_of(event.position)}")
        yield _sent("TOOL_CALL_START", toolCallId=id, toolCallName=name, **at)
        args = json.dumps(dict(event.data), ensure_ascii=False)
        yield _sent("TOOL_CALL_ARGS", toolCallId=id, delta=args, **at)
        yield _sent("TOOL_CALL_END", toolCallId=id, **at)

    def has(self, state: Mapping[str, Any], at: tuple[str, ...] = ()) -> None:
        """The client knows these objects."""
        for key, value in state.items():
            self._objects.add((*at, key))
            if isinstance(value, Mapping) and len(at) < 1:
                self.has(value, (*at, key))

    def patch(self, changes: Any) -> Iterator[dict[str, Any]]:
        """Assignments as JSON Patch (RFC 6902): objects on the way are made before."""
        for path, value in changes:
            for depth in range(1, len(path)):
                place = tuple(path[:depth])
                if place not in self._objects:
                    self._objects.add(place)
                    yield {"op": "add", "path": _pointer(place), "value": {}}
            if value is not None:
                self._objects.add(tuple(path))
                yield {"op": "add", "path": _pointer(path), "value": value}
            elif tuple(path) in self._objects:
                self._objects.discard(tuple(path))
                yield {"op": "remove", "path": _pointer(path)}

    def rest(self) -> Iterator[str]:
        if self._step:
            yield _sent("STEP_FINISHED", stepName=self._step)
            self._step = ""


def _pointer(path: Any) -> str:
    return "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in path)


def _sent(type: str, **fields: Any) -> str:
    plain = {"type": type, **{k: v for k, v in fields.items() if v is not None}}
    return f"data: {json.dumps(plain)}\n\n"  # ASCII: many clients end a line at U+2028


def _schema(options: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "string", **({"enum": list(options)} if options else {})}


def _words(payload: Any) -> str:
    if isinstance(payload, dict) and isinstance(payload.get("answer"), str):
        return str(payload["answer"])
    return payload if isinstance(payload, str) else json.dumps(payload)


def _task(asked: RunInput) -> str:
    """The words of the last message of the user's."""
    for message in reversed(asked.messages):
        if message.get("role") != "user":
            continue
        content = message.get("content")
        if isinstance(content, str):
            return content
        if isinstance(content, list):
            texts = [str(p.get("text", "")) for p in content if isinstance(p, dict)]
            return "\n".join(filter(None, texts))
    raise Refusal(422, "invalid", "no message of the user's says what to do")
