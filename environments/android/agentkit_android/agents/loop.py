"""What all agents on a phone share: look, decide, act, until it is over; then say what came of it.

The graph's state holds the screen as text, and the phone's own snapshot after each step: a run that
is forked at a step, or goes on after a kill, puts the phone back to where that step was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, cast

from pydantic import BaseModel, Field

from agentkit.capabilities import Action, AgentInfo, Observation, Runtime, Task
from agentkit.capabilities.language_model import Text
from agentkit.errors import ConfigError, UsageError
from agentkit.runs import node
from agentkit.settings import PartSettings
from agentkit_android.client.actions import PHONE_ACTION

if TYPE_CHECKING:
    from langgraph.graph import StateGraph

    from agentkit.kit import Parts
    from agentkit_android.env.environment import AndroidEnvironment


class PhoneSettings(PartSettings):
    """environment: the phone. steps: at most so many; 0 leaves it to the task."""

    environment: str = "phone"
    steps: int = Field(0, ge=0)


class Goal(BaseModel):
    """goal: in words. task_id: of a known task, which the phone is prepared for; without one the
    agent works on the phone as it is. seed: of that preparation."""

    goal: str
    task_id: str = ""
    seed: int = 0


class Outcome(BaseModel):
    """report: what came of it, for people. claim: what the agent says: success, infeasible,
    answered, gave up, or out of steps. success: what the phone's state says; None where nobody
    wrote a check for that goal."""

    report: str
    goal: str
    claim: str
    answer: str = ""
    success: bool | None = None
    reasons: list[str] = Field(default_factory=list)
    steps: int = 0


class State(TypedDict, total=False):
    goal: str
    task_id: str
    seed: int
    phone: str
    snapshot: str
    screen: str
    elements: list[dict[str, Any]]
    apps: dict[str, str]
    taken: int
    limit: int
    memory: dict[str, Any]
    over: bool
    report: str
    claim: str
    answer: str
    success: bool | None
    reasons: list[str]
    steps: int


class Decision(TypedDict):
    """actions: to take, one after the other; none gives up. memory: kept until the next one. words:
    what was done, for the history."""

    actions: list[Action]
    memory: dict[str, Any]
    words: str


class Policy(Protocol):
    """Decides what to do next."""

    def decide(self, state: State, rt: Runtime, phone: AndroidEnvironment) -> Decision: ...


class PhoneAgent:
    """Runs a policy on a phone."""

    input, output = Goal, Outcome

    def __init__(
        self,
        settings: PhoneSettings,
        parts: Parts,
        policy: Policy,
        description: str,
        roles: Mapping[str, str],
    ) -> None:
        self.info = AgentInfo(parts.name, description, roles)
        self._settings, self._policy = settings, policy
        self._environment = settings.environment

    def build(self, parts: Parts) -> StateGraph[Any, Any, Any, Any]:
        from langgraph.graph import END, START, StateGraph

        graph = StateGraph(State)
        graph.add_node("begin", node(self._begin))
        graph.add_node("act", node(self._act))
        graph.add_node("judge", node(self._judge))
        graph.add_edge(START, "begin")
        graph.add_edge("begin", "act")
        graph.add_conditional_edges("act", lambda s: "judge" if s["over"] else "act")
        graph.add_edge("judge", END)
        return graph

    def _phone(self, rt: Runtime) -> AndroidEnvironment:
        from agentkit_android.env.environment import AndroidEnvironment

        phone = rt.environment(self._environment)
        if not isinstance(phone, AndroidEnvironment):
            raise ConfigError(f"environment {self._environment!r} is no phone", 'use = "android"')
        return phone

    def _begin(self, state: State, rt: Runtime) -> State:
        phone = self._phone(rt)

        def begin() -> dict[str, Any]:
            if state["task_id"]:
                task = find(state["task_id"])
                seen = phone.reset(task, state["seed"])
            else:
                task = phone.find_task(state["goal"])
                seen = phone.begin(task)
            return {
                "task_id": task.id,
                "goal": task.goal,
                "phone": phone.phone,
                "limit": phone.limit,
                "snapshot": keep(phone),
                **shown(seen),
            }

        begun = rt.record("begin", {"task_id": state["task_id"], "goal": state["goal"]}, begin)
        if self._settings.steps:
            begun["limit"] = min(self._settings.steps, begun["limit"] or self._settings.steps)
        goal = begun["goal"] if state["task_id"] else state["goal"]
        return cast(State, {**begun, "goal": goal, "taken": 0, "memory": {}, "over": False})

    def _act(self, state: State, rt: Runtime) -> State:
        phone = self._phone(rt)
        put_back(phone, state)
        decision = self._policy.decide(state, rt, phone)
        words, taken, ended = decision["words"], state["taken"], not decision["actions"]
        claim, answer = ("gave up", "") if ended else ("", "")
        seen: dict[str, Any] = {}
        for one in decision["actions"]:
            step = rt.act(self._environment, one)
            taken += 1
            seen = shown(step.observation)
            rt.progress(f"step {taken}: {words}")
            if refused := step.info.get("refused"):
                words += f" (refused: {refused})"
            if step.terminated:
                ended, claim = True, str(getattr(one, "status", "answered"))
                answer = str(getattr(one, "text", ""))
            elif step.truncated or (state["limit"] and taken >= state["limit"]):
                ended, claim = True, "out of steps"
            if ended:
                break
        rt.emit("phone.step", {"step": taken, "did": words})
        kept = rt.record("keep", {"step": taken}, lambda: keep(phone))
        made = {"taken": taken, "memory": decision["memory"], "snapshot": kept, "over": ended}
        return cast(State, {**made, **seen, "claim": claim, "answer": answer})

    def _judge(self, state: State, rt: Runtime) -> State:
        """What the state of the phone says, whatever the agent believes."""
        phone = self._phone(rt)
        put_back(phone, state)

        def check() -> dict[str, Any]:
            if not state["task_id"]:
                nobody = "nobody has written a check for this goal"
                return {"success": None, "reasons": [nobody]}
            found = phone.check(find(state["task_id"]))
            return {"success": found.success, "reasons": list(found.reasons)}

        judged = rt.record("check", {"task_id": state["task_id"]}, check)
        made = cast(State, {**judged, "steps": state["taken"]})
        return {**made, "report": report(cast(State, {**state, **made}))}


def report(state: State) -> str:
    """What came of it, in a line or two."""
    said = f"the agent says {state['claim']!r} after {state['steps']} steps"
    reasons = "; ".join(state["reasons"])
    if state["success"] is None:
        text = f"Whether it is done is not known ({reasons}); {said}."
    elif state["success"]:
        text = f"Done: the phone's state says so ({reasons}); {said}."
    else:
        text = f"Not done: the phone's state says so ({reasons}); {said}."
    return f"{text}\nIts answer: {state['answer']}" if state["answer"] else text


def find(task: str) -> Task:
    """A task by its id.

    Raises:
        UsageError: there is none.
    """
    from agentkit_android.tasks import catalogue

    name, _, number = task.partition("/")
    if not number.isdecimal():
        raise UsageError(f"{task!r} is no id of a task", "as wifi/3: a template and a number")
    return catalogue.task(catalogue.template(name), int(number))


def keep(phone: AndroidEnvironment) -> str:
    """A snapshot where the phone can take one, else ""."""
    return phone.snapshot() if phone.is_simulated else ""


def put_back(phone: AndroidEnvironment, state: State) -> None:
    """Finds this run's phone, and brings it to where this step begins, if it went on since."""
    phone.attach(state["phone"])
    if state["snapshot"] and phone.steps != state["taken"]:
        phone.restore(state["snapshot"])


def shown(seen: Observation) -> dict[str, Any]:
    """The screen as text, and of each element what a decision needs."""
    text = next((p.text for p in seen.parts if isinstance(p, Text)), "")
    elements: Sequence[Mapping[str, Any]] = seen.data["elements"]
    kept = (
        "role", "label", "bounds", "editable", "focused", "text", "clickable", "scrollable",
        "checked", "enabled", "selected",
    )  # fmt: skip
    plain = [{k: e[k] for k in kept if k in e} for e in elements]
    return {"screen": text, "elements": plain, "apps": seen.data.get("apps", {})}


def action(plain: Mapping[str, Any]) -> Action:
    """An action from JSON."""
    return PHONE_ACTION.validate_python(dict(plain))
