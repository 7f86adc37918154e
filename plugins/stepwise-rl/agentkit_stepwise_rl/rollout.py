"""`use = "rollout"`: an agent that plays an episode as it is learned from: one look, one reply, one
action a step, with a temperature, from a start page of choice. Its stored run is the trajectory.

A rollout whose process ended is not gone on with: what its screen was is not known any more. Who
collects rollouts starts another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict, cast

from pydantic import BaseModel, Field

from agentkit.agents.acting import StepPrompt
from agentkit.capabilities import AgentInfo, Environment, Request, Runtime, Task
from agentkit.errors import AgentkitError, UsageError
from agentkit.runs import node
from agentkit.settings import PartSettings
from agentkit_stepwise_rl.episodes import MOST, Adviser, episode, started

if TYPE_CHECKING:
    from langgraph.graph import StateGraph

    from agentkit.kit import Parts


class RolloutSettings(PartSettings):
    """model: says each action. environment: with tasks. temperature: of what it says. steps: at
    most so many. expert: whether the environment's expert is asked too, for who learns."""

    model: str = "phone-policy"
    environment: str = "phone"
    temperature: float = Field(0.0, ge=0)
    steps: int = Field(MOST, ge=1)
    expert: bool = False


class Query(BaseModel):
    """goal: in the words that the agent is told; the task's own by default. task_id, split: of a
    known task. state: seed of the phone's
    state. start: an app to begin in."""

    goal: str = ""
    task_id: str
    split: str = "train"
    state: int = 0
    start: str = ""


class Outcome(BaseModel):
    """As other agents on phones say it."""

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
    split: str
    state: int
    start: str
    report: str
    claim: str
    answer: str
    success: bool | None
    reasons: list[str]
    steps: int


class Rollout:
    """A graph of one node: nothing in an episode is worth going back to."""

    input, output = Query, Outcome

    def __init__(self, settings: RolloutSettings, parts: Parts) -> None:
        self._settings = settings
        self.info = AgentInfo(
            parts.name, "plays an episode that is learned from", {"model": "says each action"}
        )

    def build(self, parts: Parts) -> StateGraph[Any, Any, Any, Any]:
        from langgraph.graph import END, START, StateGraph

        graph: StateGraph[Any, Any, Any, Any] = StateGraph(State)
        graph.add_node("play", node(self.play))
        graph.add_edge(START, "play")
        graph.add_edge("play", END)
        return graph

    def play(self, state: State, rt: Runtime) -> State:
        environment = rt.environment(self._settings.environment)
        actions = environment.info.actions
        task = task_of(environment, state["task_id"], state["split"])
        goal = state["goal"] or task.goal
        begun: list[Any] = []

        def begin() -> dict[str, Any]:
            begun.append(started(environment, task, state["state"], state["start"]))
            return {"task_id": task.id, "goal": goal, "screen": dict(begun[0].data)}

        rt.record("begin", {"task_id": task.id, "seed": state["state"]}, begin)
        if not begun:
            raise AgentkitError(
                "this rollout was cut short, and its screen is not known any more",
                "start another one: `agentkit runs delete` forgets it",
            )

        def ask(prompt: StepPrompt, number: int) -> str:
            request = Request(
                prompt.messages(actions), max_tokens=200, temperature=self._settings.temperature
            )
            made = rt.model("model").complete(request)
            if made.finish == "error":
                raise AgentkitError(f"the model could not answer: {made.error}")
            return made.text

        adviser = Adviser(environment, task)

        def expert(number: int) -> Mapping[str, Any] | None:
            found = rt.record("expert", {"step": number}, lambda: {"action": adviser(number)})
            return cast("Mapping[str, Any] | None", found["action"])

        ended = episode(
            goal,
            begun[0],
            ask=ask,
            act=lambda action: rt.act(self._settings.environment, action),
            actions=actions,
            expert=expert if self._settings.expert else None,
            most=self._settings.steps,
        )

        def check() -> dict[str, Any]:
            found = environment.check(task)
            return {"success": found.success, "reasons": list(found.reasons)}

        judged = rt.record("check", {"task_id": task.id}, check)
        done = "done" if judged["success"] else "not done"
        report = f"{done}: {'; '.join(judged['reasons'])}; it says {ended.claim!r}"
        made = {
            "goal": goal, "claim": ended.claim, "answer": ended.answer, "steps": len(ended.steps),
            "report": report, **judged,
        }  # fmt: skip
        return cast("State", made)


def task_of(environment: Environment, id: str, split: str) -> Task:
    """A task by its id, looked for in its split first.

    Raises:
        UsageError: there is none.
    """
    for name in dict.fromkeys((split, "train", "validation", "test")):
        for task in environment.tasks(name) if name else ():
            if task.id == id:
                return task
    raise UsageError(f"there is no task {id!r} in split {split!r}", "see the environment's tasks")
