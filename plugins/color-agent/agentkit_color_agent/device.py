"""The environment as the agent works on it: begun, looked at, acted on once, found again when lost.

A run that goes on after a kill puts a restorable phone back to where the step began, and does there
what was not finished; on a phone that cannot be put back, what is in doubt is looked at, not
repeated.
"""

from __future__ import annotations

import time
from typing import Any, Protocol, cast

from agentkit.capabilities import Action, Environment, Image, Observation, Question, Runtime, Step
from agentkit.errors import AgentkitError, BackendUnavailable, ConfigError
from agentkit_color_agent.screens import kept
from agentkit_color_agent.settings import ColorSettings
from agentkit_color_agent.state import State

GO_ON, GIVE_UP = "go on", "give up"


class Phone(Environment, Protocol):
    """What an environment offers beyond the protocol so that this agent can work on it."""

    @property
    def phone(self) -> str: ...
    @property
    def steps(self) -> int: ...
    @property
    def limit(self) -> int: ...
    @property
    def is_simulated(self) -> bool: ...
    def attach(self, phone: str) -> None: ...
    def find_task(self, goal: str) -> Any: ...
    def begin(self, task: Any) -> Observation: ...


NEEDED = ("phone", "steps", "limit", "is_simulated", "attach", "find_task", "begin")


def as_phone(environment: Environment, name: str) -> Phone:
    """Raises:
    ConfigError: it is none.
    """
    missing = [n for n in NEEDED if not hasattr(type(environment), n)]
    if missing:
        raise ConfigError(
            f"environment {name!r} is no phone: it has no {', '.join(missing)}", 'use = "android"'
        )
    return cast(Phone, environment)


class Device:
    """One visit's hold on the phone."""

    def __init__(self, rt: Runtime, settings: ColorSettings) -> None:
        self._rt, self._settings = rt, settings
        self.name = settings.environment
        self.phone = as_phone(rt.environment(self.name), self.name)

    def task(self, task_id: str) -> Any:
        """A known task by its id."""
        splits = ("train", "validation", "test", "personal")
        for split in splits:
            for task in self.phone.tasks(split):
                if task.id == task_id:
                    return task
        raise ConfigError(f"there is no task {task_id!r}", f"see tasks() of {self.name!r}")

    def begin(self, state: State) -> dict[str, Any]:
        """Prepares the phone for a known task, or takes it as it is."""

        def begin() -> dict[str, Any]:
            if state["task_id"]:
                task = self.task(state["task_id"])
                seen = self.phone.reset(task, state["seed"])
            else:
                task = self.phone.find_task(state["goal"])
                seen = self.phone.begin(task)
            return {
                "task_id": task.id,
                "goal": task.goal if state["task_id"] else state["goal"],
                "phone": self.phone.phone,
                "limit": self.phone.limit,
                "snapshot": self._keep(),
                "screen": kept(seen),
            }

        made = self._rt.record("begin", {"task": state["task_id"], "goal": state["goal"]}, begin)
        return dict(made)

    def put_back(self, state: State) -> None:
        """Once in each visit: finds this run's phone, and brings it to where the step begins, if
        it went on since."""

        def put_back() -> bool:
            self.phone.attach(state["phone"])
            if state["snapshot"] and self.phone.steps != state["taken"]:
                self.phone.restore(state["snapshot"])
                return True
            return False

        self.phone.attach(state["phone"])
        self._rt.record("put back", {"step": state["taken"]}, put_back)

    def act(self, state: State, action: Action) -> tuple[Step | None, str]:
        """Does it once. The step, and a snapshot after it; None where the phone is lost and the
        owner has given up."""
        self.put_back(state)
        try:
            step = self._rt.act(self.name, action)
        except BackendUnavailable as error:
            seen = self.find_again(error)
            if seen is None:
                return None, state["snapshot"]
            step = Step(seen, info={"in_doubt": error.message})
        while step.info.get("in_doubt") and state["snapshot"] and self._restorable(state):
            step = self._rt.act(self.name, action)
        snapshot = self._rt.record("keep", {"step": state["taken"] + 1}, self._keep)
        return step, str(snapshot)

    def _restorable(self, state: State) -> bool:
        """Puts the phone back to before an action in doubt, where it still can be."""

        def restore() -> bool:
            try:
                self.phone.restore(state["snapshot"])
            except AgentkitError:
                return False  # it was switched off since: its snapshots are gone
            return True

        return bool(self._rt.record("undo", {"step": state["taken"]}, restore))

    def look(self, state: State) -> Observation | None:
        """Looks again, after `put_back`; None where it is lost and the owner has given up."""

        def look() -> Any:
            return kept(self.phone.observe())

        try:
            return Observation((), self._rt.record("look", {"step": state["taken"]}, look))
        except BackendUnavailable as error:
            return self.find_again(error)

    def find_again(self, error: AgentkitError) -> Observation | None:
        """Waits for a lost phone, then asks the owner, again and again: the run stands still until
        the phone is back, and nothing is done twice."""
        settings = self._settings
        while True:
            self._rt.emit("phone.lost", {"reason": error.message})
            for attempt in range(settings.lost_tries):
                found = self._rt.record("find", {"attempt": attempt}, self._try_to_look)
                if found["seen"] is not None:
                    self._rt.emit("phone.back", {"attempt": attempt})
                    return Observation((), found["seen"])
                self._rt.progress(f"the phone does not answer ({attempt + 1})")
            question = Question(
                f"The phone is lost: {error.message}. Connect it again, then say so.",
                (GO_ON, GIVE_UP),
                kind="device",
                default=GO_ON,
            )
            if self._rt.ask(question) == GIVE_UP:
                return None

    def _try_to_look(self) -> dict[str, Any]:
        time.sleep(self._settings.lost_wait)
        try:
            return {"seen": kept(self.phone.observe())}
        except AgentkitError as error:
            return {"seen": None, "reason": error.message}

    def _keep(self) -> str:
        return self.phone.snapshot() if self.phone.is_simulated else ""

    def judge(self, state: State) -> dict[str, Any]:
        """What the state of the phone says, whatever the agent believes."""

        def check() -> dict[str, Any]:
            if not state["task_id"]:
                return {"success": None, "reasons": ["nobody has written a check for this goal"]}
            found = self.phone.check(self._known(state))
            return {"success": found.success, "reasons": list(found.reasons)}

        try:
            return dict(self._rt.record("check", {"task": state["task_id"]}, check))
        except BackendUnavailable as error:
            return {"success": None, "reasons": [f"the phone is lost: {error.message}"]}

    def _known(self, state: State) -> Any:
        found = self.phone.find_task(state["goal"])
        return found if found.id == state["task_id"] else self.task(state["task_id"])


def picture(seen: Observation) -> bytes | None:
    """The screenshot in an observation."""
    return next((p.data for p in seen.parts if isinstance(p, Image)), None)
