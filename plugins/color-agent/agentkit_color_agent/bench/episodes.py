"""Runs of the agent for experiments: a phone of their own in this process, an owner who answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentkit.bench import Bench
from agentkit.capabilities import Question, Task
from agentkit.kit import Kit
from agentkit_color_agent.bench.noisy import NoisyExpert, Slip
from agentkit_color_agent.teaching import Teaching, teaching

if TYPE_CHECKING:
    from agentkit.runs import Run

PHONE, OPERATOR = "bench-phone", "bench-operator"
LIMIT = 300.0
"""Seconds of one episode, after which something is wrong."""


@dataclass(frozen=True, slots=True)
class Played:
    """One episode. slips: the errors that were made, with whether each was mended."""

    success: bool
    claim: str
    steps: int
    calls: int
    asked: int
    slips: tuple[Slip, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "success": self.success,
            "claim": self.claim,
            "steps": self.steps,
            "calls": self.calls,
            "asked": self.asked,
            "slips": [[s.kind, s.mended, s.by_itself] for s in self.slips],
        }


def phone_of(kit: Kit) -> Teaching:
    """The bench's own phone, in this process."""
    if PHONE not in kit.names("environment"):
        kit.define("environment", PHONE, use="android", where="inside", picture=False)
    return teaching(kit.environment(PHONE))


def operator_of(kit: Kit) -> NoisyExpert:
    if OPERATOR not in kit.names("model"):
        kit.add("model", OPERATOR, NoisyExpert(phone_of(kit)))
    made: NoisyExpert = kit.part("model", OPERATOR)
    return made


def agent_of(kit: Kit, name: str, settings: Mapping[str, Any]) -> str:
    """Declares an agent with these settings, once."""
    if name not in kit.names("agent"):
        kit.define(
            "agent", name, **{"use": "color-agent", "environment": PHONE, "model": OPERATOR,
                              "person": "", **settings},
        )  # fmt: skip
    return name


def yes(question: Question) -> str:
    """An owner who allows what the goal asked for, and knows nothing else to say."""
    return "yes" if "yes" in question.options else "Just go on."


def finished(
    bench: Bench, agent: str, task: Task, seed: int, owner: Callable[[Question], str] = yes
) -> Run:
    """A run of a task to its end, whatever it asks."""
    run = bench.kit.agent(agent).run(task.goal, seed=seed, task_id=task.id)
    run.wait(LIMIT)
    while run.status == "waiting":
        asked = run.questions[0]
        run.answer(owner(asked.question), asked.number)
        run.wait(LIMIT)
    return run


def play(
    bench: Bench,
    agent: str,
    task: Task,
    seed: int,
    rates: Mapping[str, float],
    owner: Callable[[Question], str] = yes,
) -> Played:
    """One episode of an agent whose operator errs at these rates."""
    operator = operator_of(bench.kit)
    operator.begin(task, seed, rates)
    run = finished(bench, agent, task, seed, owner)
    result = run.result
    assert operator.episode is not None
    made = Played(
        bool(result.success),
        result.claim,
        result.steps,
        sum(result.calls.values()),
        result.questions,
        tuple(operator.episode.slips),
    )
    bench.kit.runs.delete(run.id)
    return made
