"""An agent bound to its kit, and the handle of a run.

run = kit.agent("research").run("What does SQLITE_BUSY mean?")
for event in run:
    print(event.kind, event.data)
print(run.result.report)
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentkit.errors import AgentkitError, BudgetExceeded, UsageError, error_from
from agentkit.runs.events import Event
from agentkit.runs.observe import Observers, telemetry
from agentkit.runs.store import NewRun, RunRow, Status
from agentkit.settings import explain_validation

if TYPE_CHECKING:
    from pydantic import BaseModel

    from agentkit.capabilities.agent import Agent, Directive
    from agentkit.kit import Kit
    from agentkit.runs.drive import Driver
    from agentkit.runs.store import Budget, OpenQuestion, RunStore

STOPPED = ("done", "failed", "cancelled", "paused", "waiting")


class BoundAgent:
    """`kit.agent(name)`: an agent part that can be run."""

    def __init__(self, kit: Kit, name: str) -> None:
        kit.check("agent", name)
        self.kit, self.name = kit, name

    @property
    def part(self) -> Agent:
        made: Agent = self.kit.part("agent", self.name)
        return made

    def run(
        self,
        task: str | None = None,
        *,
        seed: int | None = None,
        budget: Budget | None = None,
        **input: Any,
    ) -> Run:
        """Starts a run in a thread of its own; see `create`."""
        made = self.create(task, seed=seed, budget=budget, **input)
        return Run(self.kit, self.kit.runs, made)

    def create(
        self,
        task: str | None = None,
        *,
        seed: int | None = None,
        budget: Budget | None = None,
        **input: Any,
    ) -> RunRow:
        """A run that nobody drives yet; `kit.resume` begins it, in any process.

        Args:
            task: the agent's input in words; goes to the first field of its input model.
            seed: every random number of the run comes from it; the setting host.seed by default.
            budget: limits; the setting host.budget by default.
            input: further fields of the input model.

        Raises:
            UsageError: the input does not fit the agent.
            ConfigError: the agent or a part that it needs cannot be built.
        """
        from agentkit.runs.store import Budget as Limits

        settings = self.kit.settings.host
        telemetry(self.kit)  # a wrong setting shall not leave a run behind that cannot start
        checked = self._input(task, input)
        limits = budget or Limits(**settings.budget.model_dump())
        plain = checked.model_dump(mode="json")
        shown = task if task is not None else str(next(iter(plain.values()), ""))
        recipe = self.kit.recipe("agent", self.name)
        recipe["guards"] = [self.kit.recipe("guard", name) for name in self.kit.names("guard")]
        chosen = settings.seed if seed is None else seed
        new = NewRun(self.name, shown, plain, chosen, recipe, limits)
        return self.kit.runs.create(new)

    def _input(self, task: str | None, given: dict[str, Any]) -> BaseModel:
        from pydantic import ValidationError

        model = self.part.input
        first = next(iter(model.model_fields), None)
        values = dict(given)
        if task is not None:
            if first is None:
                raise UsageError(f"the agent {self.name!r} takes no input")
            values[first] = task
        try:
            return model.model_validate(values)
        except ValidationError as error:
            lines = explain_validation(error, f"agents.{self.name} input", {}, model)
            raise UsageError(
                "\n".join(lines), f"its input: {', '.join(model.model_fields)}"
            ) from None


class Run:
    """A run that this process drives. Iterate over it to see its events as they happen.

    The iteration ends when the run stops: done, failed, cancelled, paused, or waiting for an
    answer. After `answer` or `resume` a new iteration goes on where the last one ended.
    """

    def __init__(
        self, kit: Kit, store: RunStore, row: RunRow, budget: Budget | None = None
    ) -> None:
        """budget: other limits from now on."""
        self.id = row.id
        self._kit, self._store, self._budget = kit, store, budget
        new = row.status == "created" and row.parent is None
        self._seen = 0 if new else store.last(row.id)
        self._passing: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._held: list[Event] = []
        self._news = threading.Condition()
        self._lock = threading.Lock()
        self._driver: Driver | None = None
        # Not the thread's own join: a Ctrl-C in that makes CPython before 3.13 think that it ended.
        self._over = threading.Event()
        self._fault: Exception | None = None
        self._start()
        kit.adopt(self)

    # -- what it is -------------------------------------------------------------------------------

    @property
    def row(self) -> RunRow:
        """The run as it stands in the store."""
        return self._store.get(self.id)

    @property
    def status(self) -> Status:
        return self.row.status

    def past(self, *kinds: str) -> list[Event]:
        """Its stored events of these kinds that no iteration will give: those from before now."""
        return self._store.tail(self.id, kinds=kinds, upto=self._seen)

    @property
    def notices(self) -> list[str]:
        """What people should know about the store, e.g. that a damaged one was put aside."""
        return self._store.notices

    @property
    def questions(self) -> list[OpenQuestion]:
        """What it asks and nobody has answered."""
        return self._store.questions(self.id)

    @property
    def artifacts(self) -> list[Mapping[str, Any]]:
        """Its files: name, sha256, media_type, size; later versions of a name last."""
        return self._store.artifacts(self.id)

    def path(self, artifact: str) -> Path:
        """Where the latest version of one of its files lies on disk."""
        return self._store.artifact(self.id, artifact)

    @property
    def driving(self) -> bool:
        """Whether this process is working on it."""
        return self._driver is not None and not self._over.is_set()

    @property
    def result(self) -> Any:
        """The agent's output, once done; waits for it.

        Raises:
            BudgetExceeded: a limit stopped it.
            AgentkitError: it failed, or stopped for another reason.
        """
        status = self.wait()
        row = self.row
        if status == "done":
            agent: Agent = self._kit.part("agent", row.agent)
            return agent.output.model_validate(row.result)
        if self._fault is not None:
            raise self._fault
        raise self._reason(row)

    def _reason(self, row: RunRow) -> AgentkitError:
        again = f"`agentkit runs resume {self.id}`"
        if row.status == "failed":
            errors = self._store.tail(self.id, kinds=("error",))
            return error_from(errors[-1].data) if errors else AgentkitError(row.note, again)
        if row.status == "waiting":
            asked = self._store.questions(self.id)
            text = asked[0].question.text if asked else row.note
            return UsageError(
                f"run {self.id} waits for an answer: {text}", f"`agentkit runs answer {self.id} …`"
            )
        if row.note.startswith("the run reached its limit"):
            return BudgetExceeded(row.note, f"{again} with a higher one (--tokens, --seconds)")
        return AgentkitError(f"run {self.id} is {row.status}: {row.note}", again)

    # -- following it -----------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Event]:
        try:
            while True:
                stopped = not self.driving
                yield from self._fresh()
                if stopped and not self.driving:
                    break
                with self._news:
                    self._news.wait(0.05)
        except KeyboardInterrupt:
            self.pause()
            raise
        if self._fault is not None and self.status == "running":
            raise self._fault

    def _fresh(self) -> Iterator[Event]:
        """What happened since the last look: stored events in order, passing ones in between."""
        stored = self._store.tail(self.id, self._seen)
        # Read after the log: what a call showed before its result was stored is there by now.
        self._held += [self._passing.get() for _ in range(self._passing.qsize())]
        upto = stored[-1].seq if stored else self._seen
        ready = [replace(e, seq=max(e.seq, self._seen)) for e in self._held if e.seq <= upto]
        self._held = [e for e in self._held if e.seq > upto]
        for event in sorted([*stored, *ready], key=lambda e: (e.seq, not e.stored)):
            self._seen = event.seq
            yield event

    def wait(self, timeout: float | None = None) -> Status:
        """Until it stops, or the time is over; returns its status."""
        try:
            self._over.wait(timeout)
        except KeyboardInterrupt:
            self.pause()
            raise
        return self.status

    # -- steering it ------------------------------------------------------------------------------

    def send(self, text: str, **data: Any) -> Directive:
        """Puts a message into its inbox. Raises UsageError once it has ended."""
        return self._store.send(self.id, text, **data)

    def answer(self, text: str, number: int | None = None) -> None:
        """Answers an open question, and goes on. number: of the question's event, where several
        are open. Raises UsageError where there is no such question."""
        self._store.answer(self.id, text, number)
        with self._lock:
            # A driver that is about to stop may have looked before the answer came.
            while self.driving and self.status == "waiting":
                self._over.wait(0.01)
            if not self.driving and self.status == "waiting":
                self._start()

    def pause(self) -> Status:
        """Stops it between two calls; `resume` goes on from there."""
        return self._stop("pause")

    def cancel(self) -> Status:
        """Stops it for good."""
        return self._stop("cancel")

    def resume(self) -> None:
        """Goes on with a run that stopped. Raises UsageError where it has ended."""
        with self._lock:
            if not self.driving:
                self._start()

    def close(self) -> None:
        """Pauses it where it still runs; a kit does so when it is closed."""
        if self.driving:
            self.pause()

    def _stop(self, control: str) -> Status:
        if self._driver is not None and self.driving:
            self._driver.stop(control)
            return self.wait()
        if control == "cancel":
            self._store.request(self.id, "cancel")
        return self.status

    # -- driving ----------------------------------------------------------------------------------

    def _start(self) -> None:
        from agentkit.runs.drive import Driver

        row = self.row
        if row.status in ("done", "cancelled"):
            raise UsageError(f"run {self.id} is {row.status}", "start another, or fork it")
        self._fault = None
        self._observers = Observers(self._kit, self.id, row.agent)
        self._driver = driver = Driver(self._kit, self._store, row, self._publish, self._budget)
        self._over.clear()
        name = f"run {self.id}"
        threading.Thread(target=self._drive, args=(driver,), daemon=True, name=name).start()

    def _drive(self, driver: Driver) -> None:
        try:
            self._observers.started()
            self._fault = driver.drive()
            with suppress(AgentkitError):
                self._observers.finished(self.status)
        finally:
            self._over.set()
        with self._news:
            self._news.notify_all()

    def _publish(self, event: Event) -> None:
        if event.stored:
            self._observers.event(event)
        else:
            self._passing.put(event)
        with self._news:
            self._news.notify_all()
