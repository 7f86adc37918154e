"""All personal tasks, and what people have done before: that is all one can learn habits from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from random import Random
from typing import Any

from agentkit.capabilities import Task
from agentkit.seeds import derive
from agentkit_android.client.driver import look_again
from agentkit_android.env.environment import AndroidEnvironment
from agentkit_android.env.observation import described, observation
from agentkit_android.people import errands, manners, speaking
from agentkit_android.people.habit import Habit
from agentkit_android.people.users import users
from agentkit_android.tasks.expert import Expert

TEMPLATES: tuple[Habit[Any], ...] = (
    *speaking.TEMPLATES, *errands.TEMPLATES, *manners.TEMPLATES,
)  # fmt: skip
MOST = 40
"""Steps of a demonstration."""


def task(template: Habit[Any], user: str, number: int = 0) -> Task:
    """An instance for somebody; the number decides all parameters but the user, and the words."""
    random = Random(derive(number, template.name))
    p = template.drawn(user, random)
    data = {"params": p.model_dump(mode="json"), "user": user, "kind": "personal"}
    goal = template.wording(p, number)
    return Task(f"{template.name}/{user}/{number}", goal, "personal", template.name, data)


@cache
def tasks() -> Sequence[Task]:
    """One of each template for each user, the same words for all of them."""
    return tuple(task(template, user) for template in TEMPLATES for user in users())


@dataclass(frozen=True, slots=True)
class Done:
    """One step of a demonstration: the screen in words, its elements, what was done on it."""

    screen: str
    action: dict[str, Any]
    elements: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Demonstration:
    """Something that somebody did: the goal in words, and the steps, each as it was seen."""

    user: str
    goal: str
    steps: tuple[Done, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def demonstration(phone: AndroidEnvironment, task: Task) -> Demonstration:
    """Somebody does a task on a phone, in their way.

    Raises:
        RuntimeError: it did not succeed, which is a fault of the task.
    """
    phone.reset(task, 0)
    expert, steps = Expert(phone.driver, task), []
    for _ in range(MOST):
        look = look_again(phone.driver, picture=False)
        action = expert.next(look)
        seen = observation(look)
        shown = tuple(seen.data["elements"])
        steps.append(Done(described(look), action.model_dump(mode="json"), shown))
        step = phone.step(action)
        if step.terminated or step.truncated:
            break
    if not phone.check(task).success:
        raise RuntimeError(f"{task.id} was not done: {phone.check(task).reasons}")
    return Demonstration(str(task.data["user"]), task.goal, tuple(steps))


def history(phone: AndroidEnvironment, user: str, *, each: int = 1) -> Iterator[Demonstration]:
    """What somebody has done before: one way to do each kind of thing, `each` times. Where a goal
    has parameters they are others than those of `tasks()`."""
    asked = {t.goal for t in tasks()}
    for template in TEMPLATES:
        numbers = range(1, 60)
        others = [n for n in numbers if task(template, user, n).goal not in asked]
        for number in (others or list(numbers))[:each]:
            one = task(template, user, number)
            yield demonstration(phone, replace(one, id=f"history/{one.id}"))
