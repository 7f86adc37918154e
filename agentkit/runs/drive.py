"""The drive loop: takes a run's lease, runs its graph to the next stop, and says why it stopped.

LangGraph's checkpoint only remembers where the program was. Where it is missing, damaged, ahead of
the log or of another graph, it is dropped, and the ledger replays the run.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentkit.errors import AgentkitError, LeaseLost, RunInterrupted, StoreError
from agentkit.runs import graph as graphs
from agentkit.runs import interrupts
from agentkit.runs.breaking import look_all
from agentkit.runs.events import Event
from agentkit.runs.session import Meter, Session, current
from agentkit.runs.store import Append, RunRow, SetBudget, SetGraph, SetStatus, Status, Wait

if TYPE_CHECKING:
    from agentkit.capabilities.agent import Agent
    from agentkit.kit import Kit
    from agentkit.runs.store import Budget, RunStore

TTL = 30.0  # seconds; loading weights may hold up the heartbeat for a while
POLL = 0.05  # seconds between looks at what others ask of the run
STEPS = 1_000_000_000  # LangGraph's own limit; a run's budget is the host's


class Driver:
    """Drives one run. Takes the lease when made; `drive()` then works until the run stops."""

    def __init__(
        self,
        kit: Kit,
        store: RunStore,
        run: RunRow,
        publish: Callable[[Event], None],
        budget: Budget | None = None,
    ) -> None:
        self.run, self._kit, self._store = run.id, kit, store
        self._row = run
        lease = store.take(run.id, TTL)
        self.session = Session(
            kit,
            store,
            lease,
            run.agent,
            run.seed,
            budget or run.budget,
            publish,
            told=store.last(run.id),
            meter=spent(store, run.id),
        )
        self._control: Any = None

    def stop(self, control: str) -> None:
        """From any thread: "pause" or "cancel" at the next call, token or node border."""
        self.session.stop(control)
        if self._control is not None:
            self._control.request_drain()

    def drive(self) -> Exception | None:
        """Works until the run stops; returns the fault that stopped it, None for every other end.

        Its status and events are in the store afterwards, except where the store itself failed.
        """
        done = threading.Event()
        pulse = threading.Thread(target=self._pulse, args=(done,), daemon=True, name="lease")
        token = current.set(self.session)
        pulse.start()
        fault: Exception | None = None
        try:
            self._work()
        except LeaseLost as lost:
            fault = StoreError(str(lost) or f"another process took over run {self.run}")
        except RunInterrupted as stop:
            try:
                self._stopped(stop)
            except StoreError as error:
                fault = error
        except Exception as error:
            fault = error
            with suppress(AgentkitError, LeaseLost):
                self._failed(error)
        finally:
            done.set()
            pulse.join()
            current.reset(token)
            with suppress(AgentkitError):
                self._store.release(self.session.lease)
        return fault

    # -- working ----------------------------------------------------------------------------------

    def _work(self) -> None:
        session, store = self.session, self._store
        session.write(SetBudget(session.budget), SetStatus("running"))
        agent: Agent = self._kit.part("agent", self._row.agent)
        from agentkit.kit import Parts

        session.ends = agent.info.ends
        built = agent.build(Parts(self._kit, ("agent", self._row.agent)))
        now, keep = graphs.describe(built), session.lease.clean
        began = self._row.graph.get("began", now)
        if began != now:
            session.renamed = graphs.renames(began, now)
        session.write(SetGraph({"began": began, "last": now}))
        self._notices(built)
        if not keep or self._row.graph.get("last", now) != now:
            store.drop_checkpoint(self.run)
        from agentkit.runs.checkpoint import CheckpointDamaged

        for attempt in (1, 2):
            try:
                self._go(agent, built)
                return
            except CheckpointDamaged:
                if attempt == 2:
                    raise
                store.drop_checkpoint(self.run)

    def _go(self, agent: Agent, built: Any) -> None:
        from langgraph.errors import GraphDrained
        from langgraph.runtime import RunControl

        from agentkit.runs.checkpoint import Checkpoints

        saver = Checkpoints(self._store.checkpoint(self.run), built, lambda: self.session.told)
        try:
            graph = built.compile(checkpointer=saver)
            config = {"configurable": {"thread_id": self.run}, "recursion_limit": STEPS}
            start = self._start(agent, graph, config, saver)
            while True:
                self._control, began = RunControl(), self._store.last(self.run)
                self.session.check()
                try:
                    graph.invoke(start, config, durability="sync", control=self._control)
                except GraphDrained:
                    self.session.check()
                    raise
                if self.session.fault is not None:
                    raise self.session.fault
                snapshot = graph.get_state(config)
                if not snapshot.tasks:
                    self._done(agent, snapshot.values)
                    break
                start = interrupts.ask(self.session, snapshot, saver)
                if self._waits(began):
                    return
        finally:
            saver.close()
        self._store.drop_checkpoint(self.run)

    def _start(self, agent: Agent, graph: Any, config: Any, saver: Any) -> Any:
        """The graph's first input; where a checkpoint says how far it is, None, or the answers to
        interrupts of its own."""
        from agentkit.runs.checkpoint import CheckpointDamaged

        try:
            snapshot = graph.get_state(config)
        except Exception as error:
            raise CheckpointDamaged(str(error)) from error
        if snapshot.created_at is None:
            return agent.input.model_validate(dict(self._row.input)).model_dump()
        if (snapshot.metadata or {}).get("log", 0) > self.session.told:
            raise CheckpointDamaged("it is ahead of the event log")
        return interrupts.ask(self.session, snapshot, saver)

    def _waits(self, began: int) -> bool:
        """Stops for open questions, unless one was answered since the nodes were last run."""
        count = len(self._store.questions(self.run))
        if count:
            self.session.write(Wait(f"{count} question{'s' * (count > 1)} open", began))
        return self._store.get(self.run).status == "waiting"

    # -- ends -------------------------------------------------------------------------------------

    def _done(self, agent: Agent, values: Mapping[str, Any]) -> None:
        fields = agent.output.model_fields
        output = agent.output.model_validate({k: v for k, v in values.items() if k in fields})
        self.session.write(SetStatus("done", result=output.model_dump(mode="json")))

    def _stopped(self, stop: RunInterrupted) -> None:
        # Long work that was stopped by the flag alone does not know what was asked for.
        ended = stop.reason == "cancelled" or self.session.control == "cancel"
        status: Status = "cancelled" if ended else "paused"
        note = str(stop) or "by request"
        with suppress(LeaseLost):
            self.session.write(SetStatus(status, note))
        if status == "cancelled":
            self._store.drop_checkpoint(self.run)

    def _failed(self, error: Exception) -> None:
        plain = describe(error)
        self.session.write(
            Append("error", {**plain, "trace": traceback.format_exception(error)[-12:]}),
            SetStatus("failed", plain["message"]),
        )

    # -- beside the work --------------------------------------------------------------------------

    def _pulse(self, done: threading.Event) -> None:
        """Keeps the lease, and carries what others ask for into the session."""
        beats = 0
        while not done.wait(POLL):
            beats += 1
            try:
                wanted = self._store.wanted(self.session.lease)
                if wanted == "limits":
                    self.session.budget, wanted = self._store.limits(self.session.lease), ""
                if beats % round(TTL / 3 / POLL) == 0:
                    self._store.renew(self.session.lease, TTL)
            except LeaseLost:
                wanted = "lost"
            except StoreError:
                continue  # busy or full; the next write says so, this may pass
            breakers = tuple(self.session.breakers)
            look_all(breakers)
            for one in breakers if self.session.late else ():
                one.break_off()
            if not wanted and self.session.spent:
                wanted = "budget"
            if wanted:
                self.stop(wanted)

    def _notices(self, built: Any) -> None:
        first = self._row.status == "created"
        foreign = graphs.unrecorded(built)
        if foreign and first:
            text = f"calls of {', '.join(foreign)} do not go through the runtime: not recorded"
            self.session.write(Append("run.notice", {"text": text}))
        renamed = self.session.renamed
        if renamed:
            names = (f"{old} is now {new.split('/')[-1]}" for new, old in renamed.items())
            text = f"nodes were renamed, their calls stand: {', '.join(names)}"
            self.session.write(Append("run.notice", {"text": text}))


def spent(store: RunStore, run: str) -> Meter:
    """What the run has spent in all sessions before, from its events. A session that was killed
    counts up to its last node or model call; a clock that was put back has stood still."""
    meter, until = Meter(), 0.0
    began: float | None = None
    for event in store.tail(run, kinds=("run.status", "node.entered", "model.done", "score.done")):
        now = max(until, event.time)
        if event.kind == "node.entered":
            meter.steps += 1
        elif event.kind == "model.done":
            meter.tokens += sum(u["prompt"] + u["spent"] for u in event.data.get("usage", ()))
        elif event.kind == "score.done":
            meter.tokens += event.data.get("tokens", 0)
        elif event.data["status"] != "running":
            meter.seconds += 0.0 if began is None else now - began
            began = None
        else:
            meter.seconds += 0.0 if began is None else until - began  # it was killed
            began = now
        until = now
    meter.seconds += 0.0 if began is None else until - began
    return meter


@dataclass(slots=True)
class Answered:
    """What one model, under all the parts that its answers went through, did in one node."""

    node: str
    path: tuple[str, ...]
    answers: int = 0
    tokens: int = 0


def answered(store: RunStore, run: str) -> list[Answered]:
    """Which model did what, in the order in which they were first asked: of a routed model, the
    candidate that was chosen stands in the path."""
    found: dict[tuple[str, tuple[str, ...]], Answered] = {}
    for event in store.tail(run, kinds=("model.done",)):
        node = event.position.rpartition(":")[2].partition("#")[0]
        for path, usage in zip(event.data.get("path", ()), event.data.get("usage", ())):
            one = found.setdefault((node, tuple(path)), Answered(node, tuple(path)))
            one.answers += 1
            one.tokens += usage["prompt"] + usage["spent"]
    return list(found.values())


def describe(error: Exception) -> dict[str, Any]:
    """An error as JSON, also where it is none of ours."""
    if isinstance(error, AgentkitError):
        return error.to_json()
    text = f"{type(error).__name__}: {error}"
    return {"code": "error", "message": text, "hint": "a fault in the agent or a part of it"}
