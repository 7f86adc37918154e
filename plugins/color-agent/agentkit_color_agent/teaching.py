"""What the environment's own experts and people show, as this plugin learns from it.

Nothing here runs while the agent works. The environment part offers `expert`, `demonstrations` and
`situations`; one that does not is told so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

from agentkit.agents.acting import history_line, kind_of
from agentkit.capabilities import Action, Environment, Observation, Task
from agentkit.errors import Unsupported

MOST = 60
"""Steps of a demonstration."""


class Teaching(Environment, Protocol):
    """An environment that knows its tasks."""

    def expert(self, task: Task, memory: dict[str, Any]) -> tuple[Action, dict[str, Any]]: ...
    def demonstrations(self, user: str) -> Iterator[dict[str, Any]]: ...
    def somebody_elses(self, task: Task, user: str) -> Task: ...
    def situations(self) -> list[Task]: ...
    def judge_situation(self, name: str, decide: Any) -> dict[str, Any]: ...


def teaching(environment: Environment) -> Teaching:
    """Raises:
    Unsupported: it knows nothing of its tasks.
    """
    if not hasattr(environment, "expert"):
        raise Unsupported(
            f"environment {environment.info.name!r} has no experts", 'use = "android"'
        )
    return cast(Teaching, environment)


def demonstrate(phone: Teaching, task: Task, seed: int = 0) -> Iterator[tuple[Observation, Action]]:
    """An expert does a task: what it saw, and what it did then; the last action ends it."""
    seen, memory = phone.reset(task, seed), dict[str, Any]()
    for _ in range(MOST):
        action, memory = phone.expert(task, memory)
        yield seen, action
        step = phone.step(action)
        seen = step.observation
        if step.terminated or step.truncated:
            return


def watch(
    environment: Environment, most: int, tell: Callable[[int, int], None] | None = None
) -> Iterator[tuple[str, str, list[str], list[str]]]:
    """App, goal, what was filled in, and lines of history of tasks of the train split that an
    expert did. The app is the one that was worked in most."""
    phone = teaching(environment)
    chosen: dict[str, list[Task]] = {}
    for task in phone.tasks("train"):
        if len(chosen.setdefault(task.template, [])) < most:
            chosen[task.template].append(task)
    tasks = [t for some in chosen.values() for t in some]
    for number, task in enumerate(tasks):
        done, apps = [], dict[str, int]()
        for seen, action in demonstrate(phone, task):
            if kind_of(type(action)) not in ("finish", "answer"):
                done.append(history_line(action, seen.data["elements"]))
            app = str(seen.data.get("package", "")).rpartition(".")[2]
            apps[app] = apps.get(app, 0) + 1
        if phone.check(task).success:
            yield max(apps, key=lambda a: apps[a]), task.goal, _given(task), done
        if tell is not None and number % 20 == 19:
            tell(number + 1, len(tasks))


def _given(task: Task) -> list[str]:
    """The texts among a task's parameters."""
    return [str(v) for v in dict(task.data.get("params", {})).values() if isinstance(v, str | int)]


def flows(environment: Environment, user: str) -> Iterator[tuple[str, list[str]]]:
    """What somebody did before: goals, and lines of history."""
    phone = teaching(environment)
    for one in phone.demonstrations(user):
        steps = [({"elements": s["elements"]}, s["action"]) for s in one["steps"]]
        yield one["goal"], lines(phone.info.actions, steps)


def lines(
    actions: Sequence[type[Action]],
    steps: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]],
) -> list[str]:
    """Lines of history for (screen before, action as JSON); what is not known is left out."""
    by_kind, found = {kind_of(a): a for a in actions}, []
    for screen, plain in steps:
        kind = by_kind.get(str(plain.get("kind")))
        if kind is not None and plain["kind"] not in ("finish", "answer"):
            known = {k: v for k, v in plain.items() if k in kind.model_fields}
            found.append(history_line(kind.model_validate(known), screen.get("elements", ())))
    return found
