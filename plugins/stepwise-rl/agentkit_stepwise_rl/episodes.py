"""One episode: a screen, a prompt, a reply, an action, until it is over. Who is asked and who acts
is the caller's, so that a stored run and a quick measurement play by the same rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agentkit.agents.acting import BadReply, Reading, StepPrompt, history_line, kind_of, read_reply
from agentkit.capabilities import (
    Action,
    CallContext,
    Environment,
    LanguageModel,
    Observation,
    Request,
    Step,
    Task,
)
from agentkit.errors import AgentkitError
from agentkit.seeds import derive
from agentkit_stepwise_rl.trajectories import Did, Seen, Trajectory, listed

MOST = 60  # steps, where an environment sets no limit
STUCK = 3  # times the same on the same screen, and it gives up
Plain = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ended:
    """How an episode went. claim: as in `Trajectory`."""

    steps: tuple[Did, ...]
    last: Seen
    claim: str
    answer: str = ""


def seen_of(one: Observation) -> Seen:
    """What of an observation is kept."""
    data = one.data
    size = (int(data["width"]), int(data["height"])) if data.get("width") else None
    place = str(data.get("package", data.get("url", ""))) + str(data.get("activity", ""))
    elements = tuple(data.get("elements", ()))
    return Seen(place, str(data.get("time", "")), elements, size, listed(data))


def episode(
    goal: str,
    first: Observation,
    *,
    ask: Callable[[StepPrompt, int], str],
    act: Callable[[Action], Step],
    actions: Sequence[type[Action]],
    expert: Callable[[int], Plain | None] | None = None,
    most: int = MOST,
) -> Ended:
    """Plays on from a screen. A reply that is no action, or the same on the same screen three
    times, ends it: nobody helps here.

    Args:
        ask: gives the reply to a prompt at a step. act: takes an action.
        expert: what an expert would do now, for who learns from it.
    """
    steps: list[Did] = []
    seen, history, before = seen_of(first), list[str](), list[str]()
    reading = Reading()
    for number in range(most):
        screen = seen.screen()
        prompt = StepPrompt(goal, screen, reading.see(screen), tuple(history))
        best = expert(number) if expert else None
        said = ask(prompt, number)
        try:
            action = read_reply(said, actions, seen.elements)
        except BadReply:
            return Ended(tuple(steps), seen, "gave up")
        shown = f"{prompt.screen}\n{said}"
        before.append(shown)
        if before[-STUCK:].count(shown) == STUCK:
            return Ended(tuple(steps), seen, "gave up")
        line = history_line(action, seen.elements)
        step = act(action)
        plain = action.model_dump(mode="json")
        refused = str(step.info.get("refused", step.info.get("in_doubt", "")))
        steps.append(Did(seen, plain, line, best, refused))
        history.append(line)
        seen = seen_of(step.observation)
        if step.terminated:
            claim = str(plain.get("status", "answered"))
            return Ended(tuple(steps), seen, claim, str(plain.get("text", "")))
        if step.truncated:
            break
    return Ended(tuple(steps), seen, "out of steps")


class Teaches(Protocol):
    """An environment that knows what an expert would do, from any state."""

    def expert(self, task: Task, memory: Mapping[str, Any]) -> tuple[Action, dict[str, Any]]: ...


class Adviser:
    """Asks the environment's expert at each step; says nothing where there is none."""

    def __init__(self, environment: Environment, task: Task) -> None:
        self._of: Any = environment if hasattr(environment, "expert") and task.template else None
        self._task, self._memory = task, dict[str, Any]()

    def __call__(self, step: int) -> Plain | None:
        if self._of is None:
            return None
        try:
            action, self._memory = self._of.expert(self._task, self._memory)
        except AgentkitError:
            return None
        plain: Plain = action.model_dump(mode="json")
        return plain


def started(environment: Environment, task: Task, seed: int, start: str = "") -> Observation:
    """The first screen: of the task's own start, or of an app that is in front then.

    Args:
        start: an app to begin in, by its name or package; "" begins where the task does.
    """
    seen = environment.reset(task, seed)
    if not start:
        return seen
    opener = next((a for a in environment.info.actions if kind_of(a) == "open"), None)
    if opener is None:
        return seen
    seen = environment.step(opener.model_validate({"kind": "open", "app": start})).observation
    begin = getattr(environment, "begin", None)  # the way there is none of the episode's steps
    return begin(task) if begin else seen


def play(
    model: LanguageModel,
    environment: Environment,
    task: Task,
    seed: int,
    *,
    temperature: float = 0.0,
    judged: bool = False,
    start: str = "",
    id: str = "",
) -> Trajectory:
    """An episode that nobody stores: for measuring.

    Args:
        judged: asks the expert at each step too.

    Raises:
        AgentkitError: the model or the environment cannot go on.
    """
    actions = environment.info.actions
    first = started(environment, task, seed, start)

    def ask(prompt: StepPrompt, number: int) -> str:
        request = Request(
            prompt.messages(actions),
            max_tokens=200,
            temperature=temperature,
            context=CallContext(seed=derive(seed, f"step of {task.id}", number)),
        )
        (made,) = model.generate([request])
        if made.finish == "error":
            raise AgentkitError(f"{model.info.name}: {made.error}")
        return made.text

    expert = Adviser(environment, task) if judged else None
    ended = episode(task.goal, first, ask=ask, act=environment.step, actions=actions, expert=expert)
    found = environment.check(task)
    return Trajectory(
        id=id or f"{task.id}@{seed}",
        goal=task.goal,
        task=task.id,
        template=task.template,
        split=str(task.data.get("part", task.split)),
        seed=seed,
        steps=ended.steps,
        last=ended.last,
        start=start,
        claim=ended.claim,
        answer=ended.answer,
        success=found.success,
        reasons=found.reasons,
    )
