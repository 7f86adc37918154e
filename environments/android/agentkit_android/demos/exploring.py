"""Episodes of exploring: a walk by chance, the goal that it fulfils, and its steps as examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

from agentkit.agents.acting import Reading, Screen, StepPrompt, history_line, reply
from agentkit.capabilities import Task
from agentkit.seeds import derive
from agentkit_android.client import actions as act
from agentkit_android.demos.recording import some_apps
from agentkit_android.demos.rewording import reworded
from agentkit_android.demos.telling import Teller, Untold, facts
from agentkit_android.demos.walking import Walk, walk
from agentkit_android.env.environment import AndroidEnvironment
from agentkit_android.env.observation import observation
from agentkit_android.tasks import catalogue

FIXED = ("com.android.settings",)
"""Apps whose rows are pages, the same on every phone."""
WALKS = 6  # on one phone, before it is another


def open_apps() -> tuple[str, ...]:
    """Apps that tasks of the train split happen in; those of unseen-apps are never entered."""
    held = {a for t in catalogue.templates().values() if t.held == "app" for a in t.apps}
    known = {a for t in catalogue.templates().values() if not t.held for a in t.apps}
    return tuple(sorted(known - held))


def explored(
    phone: AndroidEnvironment, number: int, seed: int, tasks: Sequence[Task]
) -> list[dict[str, Any]]:
    """The examples of the walks on one phone, the `number`th. It is prepared as for one of the
    tasks, so that there is something on it; what the task asks for does not matter."""
    random = Random(derive(seed, f"exploring {number}"))
    task = random.choice(tasks)
    phone.reset(task, random.randrange(1000))
    made = []
    names = dict(phone.apps)
    for turn in range(WALKS):
        app = random.choice(open_apps())
        walked = walk(phone.driver, app, random)
        if walked is not None:
            source = f"explored/{seed}.{number}.{turn}"
            made += list(_lines(walked, names, source, random))
    return made


def _lines(
    walked: Walk, names: dict[str, str], source: str, random: Random
) -> Iterator[dict[str, Any]]:
    try:
        found = facts(walked, walked.app in FIXED)
        goal = Teller(random, names[walked.app]).goal(walked, found)
    except Untold:
        return
    if random.random() < 0.4:
        goal = reworded(goal, "train", random)
    apps = some_apps(names, (walked.app,), random)
    history: list[str] = []
    reading = Reading()
    steps = [(m.look, m.action) for m in walked.moves]
    steps.append((walked.last, act.Finish()))
    for step, (look, action) in enumerate(steps):
        seen = observation(look, apps)
        screen = Screen.of(seen)
        prompt = StepPrompt(goal, screen, reading.see(screen), tuple(history))
        elements = seen.data["elements"]
        yield {
            "id": f"{source}.{step}",
            "prompt": prompt.write(),
            "answer": reply(action, elements),
            "source": source,
            "template": "explored",
            "step": step,
            "off": False,
        }
        history.append(history_line(action, elements))
