"""Episodes of exploring: walks by chance, the goals that they fulfil, and their steps as examples.

No app that the train split does without is entered, those of unseen-apps least of all. No goal is
known before the walk, nor taken from a task: what is asked for comes from the screens
(`telling.py`, `asking.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from agentkit.agents.acting import Reading, Screen, StepPrompt, history_line, reply
from agentkit.capabilities import Action, Task
from agentkit.seeds import derive
from agentkit_android.client import actions as act
from agentkit_android.client.driver import Look
from agentkit_android.demos.asking import question
from agentkit_android.demos.recording import example, some_apps
from agentkit_android.demos.renaming import other_names, otherwise, renamed
from agentkit_android.demos.rewording import reworded
from agentkit_android.demos.telling import NO_VERBS, Facts, Teller, Untold, facts
from agentkit_android.demos.walking import Walk, again, walk
from agentkit_android.env.environment import AndroidEnvironment
from agentkit_android.env.observation import observation
from agentkit_android.tasks import catalogue

FIXED = ("com.android.settings",)
"""Apps whose rows are pages, the same on every phone."""
WALKS = 8  # on one phone, before it is another
RENAMED = 0.45  # share of the walks whose labels and apps are called otherwise
SHORT = 0.5  # share of the walks of one touch that are left out: there are too many
TWO = 0.12  # share of the goals that are two


@dataclass(frozen=True, slots=True)
class Told:
    """A walk with its goal, and the answer where that is a question. apps: package and name."""

    walked: Walk
    goal: str
    answer: str
    apps: dict[str, str]


def open_apps() -> tuple[str, ...]:
    """Apps that tasks of the train split happen in."""
    return tuple(sorted({a for t in catalogue.templates().values() if not t.held for a in t.apps}))


def explored(
    phone: AndroidEnvironment, number: int, seed: int, tasks: Sequence[Task], walks: int = WALKS
) -> list[dict[str, Any]]:
    """The examples of the walks on one phone, the `number`th. It is prepared as for one of the
    tasks, so that there is something on it; what the task asks for does not matter."""
    random = Random(derive(seed, f"exploring {number}"))
    phone.reset(random.choice(tasks), random.randrange(1000))
    made: list[dict[str, Any]] = []
    for turn in range(walks):
        app = random.choice(open_apps())
        others = [a for a in open_apps() if a != app]
        source = f"explored/{seed}.{number}.{turn}"
        one = _told(walk(phone.driver, app, random, others), phone.apps, random)
        if one is None:
            continue
        some = [one]
        if one.walked.moves[-1].kind == "turn" and random.random() < 0.25:
            done = again(phone.driver, one.walked)  # with nothing left to do
            some = (
                [one]
                if done is None or one.apps != dict(phone.apps)
                else [replace(one, walked=done)]
            )
        elif not one.answer and random.random() < TWO and one.apps == dict(phone.apps):
            app = random.choice(others)
            other = _told(
                walk(phone.driver, app, random, home=False), phone.apps, random, plain=True
            )
            some += [other] if other is not None else []
        made += _lines(some, source, random)
    return made


def _told(
    walked: Walk | None, apps: dict[str, str], random: Random, *, plain: bool = False
) -> Told | None:
    """The walk with a goal; None where there is none for it.

    Args:
        plain: whether everything keeps its name.
    """
    if walked is None or (len(walked.moves) == 2 and random.random() < SHORT):
        return None
    apps = dict(apps)
    fixed = walked.app in FIXED
    changed: dict[str, str] = {}
    if not plain and random.random() < RENAMED:
        changed = other_names(walked, apps[walked.app], random)
        walked = renamed(walked, changed)
        apps[walked.app] = changed.get(apps[walked.app], apps[walked.app])
    teller = Teller(random, apps[walked.app])
    try:
        found = facts(walked, fixed)
        goal, answer = _goal(walked, found, teller, random)
    except Untold:
        return None
    goal = teller.placed(goal, found, always=apps[walked.app] in changed.values())
    goal = otherwise(goal, random) if changed else goal
    if not answer and goal.partition(" ")[0] not in NO_VERBS and random.random() < 0.35:
        goal = reworded(goal, "train", random)
    return Told(walked, goal, answer, apps)


def _goal(walked: Walk, found: Facts, teller: Teller, random: Random) -> tuple[str, str]:
    """(goal, answer). Raises Untold."""
    teller.about(found)
    if walked.end == "there" and random.random() < 0.9:
        thing = found.things[-1] if found.things else ""
        asked = question(walked.last, thing, teller, random)
        if asked is not None:
            goal, answer, about = asked
            if about and thing not in goal and about not in goal:
                raise Untold(about)
            return goal, answer
    return teller.goal(walked, found), ""


def _lines(some: Sequence[Told], source: str, random: Random) -> Iterator[dict[str, Any]]:
    goal = some[0].goal
    if len(some) > 1:
        goal = Teller(random, "").both(some[0].goal.removesuffix("."), some[1].goal)
    apps = some_apps(some[0].apps, [one.walked.app for one in some], random)
    steps: list[tuple[Look, Action, bool]] = []
    for one in some:
        steps += [(m.look, m.action, m.kind == "stray") for m in one.walked.moves]
    end: Action = act.Answer(text=some[-1].answer) if some[-1].answer else act.Finish()
    steps.append((some[-1].walked.last, end, False))
    history: list[str] = []
    reading = Reading()
    for step, (look, action, stray) in enumerate(steps):
        seen = observation(look, apps)
        screen = Screen.of(seen)
        prompt = StepPrompt(goal, screen, reading.see(screen), tuple(history))
        elements = seen.data["elements"]
        if not stray:
            answer, off = reply(action, elements), any(s for _, _, s in steps[:step])
            yield example(f"{source}.{step}", prompt, answer, source, "explored", step, off)
        history.append(history_line(action, elements))
