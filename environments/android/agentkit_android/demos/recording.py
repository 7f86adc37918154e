"""What an expert would do on each screen of an episode, as lines for a trainer.

An expert is a function of the state, so that every state has a right action, also one that somebody
else led to. Half of what is learned from are such states: bursts of random actions, or the steps of
the policy that is being taught (DAgger; Ross et al., arXiv 1011.0686), with the expert's answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from agentkit.agents.acting import Reading, Screen, StepPrompt, history_line, reply
from agentkit.capabilities import Action, Task
from agentkit.errors import AgentkitError
from agentkit.seeds import derive
from agentkit_android.agents.baselines import anything_on
from agentkit_android.client import actions as act
from agentkit_android.client.driver import look_again
from agentkit_android.env.environment import AndroidEnvironment
from agentkit_android.env.observation import observation
from agentkit_android.tasks import catalogue
from agentkit_android.tasks.expert import Expert
from agentkit_android.tasks.template import Template

Mover = Callable[[StepPrompt, Sequence[dict[str, Any]], Random], Action | None]
"""A policy that takes some of the steps; None where it says no action."""
FIRST_FREE = 1000  # numbers of tasks that no split uses
KEPT = 0.8  # share of the apps that an episode does not need and lists all the same


@dataclass(frozen=True, slots=True)
class Noise:
    """start: chance that a burst of random actions starts at a step. longest: of one. mover: takes
    each step that is not random with the chance `mix`."""

    start: float = 0.08
    longest: int = 4
    mover: Mover | None = None
    mix: float = 0.5


def example(
    name: str,
    prompt: StepPrompt,
    answer: str,
    source: str,
    template: str,
    step: int,
    off: bool,
) -> dict[str, Any]:
    """A line for a trainer. off: whether a wrong step led there."""
    return {
        "id": name,
        "prompt": prompt.write(),
        "answer": answer,
        "source": source,
        "template": template,
        "step": step,
        "off": off,
    }


def train_tasks(each: int) -> Iterator[Task]:
    """`each` tasks of every template of the train split: those of the split, then others whose
    parameters are in no other split. Fewer where there are no more."""
    for template in catalogue.templates().values():
        if not template.held:
            yield from _of(template, each)


def _of(template: Template[Any], each: int) -> Iterator[Task]:
    own = [t for t in catalogue.tasks("train") if t.template == template.name]
    elsewhere = {
        str(t.data["params"])
        for split in ("validation", *catalogue.TEST)
        for t in catalogue.tasks(split)
        if t.template == template.name
    }
    yield from own[:each]
    left = each - len(own)
    for number in range(FIRST_FREE, FIRST_FREE + 20 * max(0, left)):
        if left <= 0:
            return
        made = catalogue.task(template, number)
        if str(made.data["params"]) not in elsewhere:
            left -= 1
            yield made


def some_apps(apps: Mapping[str, str], needed: Sequence[str], random: Random) -> dict[str, str]:
    """Those that are needed, and some of the others, in any order: no two phones have the same."""
    found = [p for p in apps if p in needed or random.random() < KEPT]
    random.shuffle(found)
    return {package: apps[package] for package in found}


def episode(
    phone: AndroidEnvironment, task: Task, seed: int, noise: Noise, goal: str = ""
) -> list[dict[str, Any]]:
    """The examples of one episode; none where the expert could not mend what the noise did.

    Each has `id`, `prompt` (a step prompt), `answer` (the expert's action in JSON), `source` (the
    task), `template`, `step`, and `off` (whether noise led there). The ids of what a policy took
    part in have a plus, so that they can be learned from together with the other.

    Args:
        goal: other words for the task's.
    """
    random = Random(derive(seed, f"noise of {task.id}"))
    phone.reset(task, seed)
    driver = phone.driver
    expert = Expert(driver, task)
    apps = some_apps(phone.apps, catalogue.template(task.template).apps, random)
    history: list[str] = []
    reading = Reading()
    examples: list[dict[str, Any]] = []
    burst, off = 0, False
    for step in range(2 * catalogue.template(task.template).budget + 10):
        look = look_again(driver, picture=False)
        seen = observation(look, apps)
        elements = seen.data["elements"]
        best = expert.next(look)
        screen = Screen.of(seen)
        prompt = StepPrompt(goal or task.goal, screen, reading.see(screen), tuple(history))
        name = f"{task.id}@{seed}{'+' if noise.mover else ''}.{step}"
        answer = reply(best, elements)
        examples.append(example(name, prompt, answer, task.id, task.template, step, off))
        if isinstance(best, act.Finish | act.Answer):
            phone.begin(task)
            phone.step(best)
            return examples if phone.check(task).success else []
        taken: Action | None = best
        if burst or random.random() < noise.start:
            burst = burst - 1 if burst else random.randint(0, noise.longest - 1)
            taken = anything_on(random, elements)
        elif noise.mover is not None and random.random() < noise.mix:
            taken = noise.mover(prompt, elements, random)
        if taken is None or isinstance(taken, act.Finish | act.Answer):
            taken = best  # a wrong end would be the end
        off |= taken != best
        try:
            driver.perform(taken)
        except AgentkitError:
            pass  # as when an app is opened that is not there: the phone shows what came of it
        history.append(history_line(taken, elements))
    return []
