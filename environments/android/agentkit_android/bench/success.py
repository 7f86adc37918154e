"""`agentkit bench android`: who does how many of the tasks, judged by the phone's state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from agentkit.bench import Bench, Experiment, Metric, Needs, Result, proportion
from agentkit.capabilities import Action, Task
from agentkit.capabilities.analyzer import Table
from agentkit.seeds import derive
from agentkit_android.agents.baselines import anything_on
from agentkit_android.agents.loop import shown
from agentkit_android.client.actions import Finish
from agentkit_android.env.environment import AndroidEnvironment
from agentkit_android.env.settings import AndroidSettings
from agentkit_android.tasks import catalogue
from agentkit_android.tasks.expert import Expert

PARTS = ("train", "validation", "unseen-params", "unseen-templates", "unseen-apps")
SHARE = {"quick": 3, "normal": 60}
"""Tasks of a part that the cheap agents do."""
ASKED = {"quick": 1, "normal": 8}
"""Tasks of a part that the baseline does, whose model takes seconds a step."""
Player = Callable[[AndroidEnvironment, Task, int], bool]
Won = list[bool]


def android(bench: Bench) -> Result:
    """Success by agent and part, with 95 % intervals."""
    done: dict[str, dict[str, Won]] = {}
    phone = AndroidEnvironment(AndroidSettings(where="inside", picture=False))
    try:
        for name, play in PLAYERS.items():
            done[name] = {part: _played(bench, phone, name, part, play) for part in PARTS}
    finally:
        phone.close()
    done["baseline"] = {part: _asked(bench, part) for part in PARTS}
    found = {
        name: {part: proportion(sum(won), len(won)) for part, won in parts.items()}
        for name, parts in done.items()
    }
    rows = tuple(
        (name, *(_told(done[name][part], found[name][part]) for part in PARTS)) for name in done
    )
    return Result(
        _named(found.pop("baseline")),
        _verdict(done),
        baselines={name: _named(parts) for name, parts in found.items()},
        tables=[Table("Tasks done, by the phone's state", ("agent", *PARTS), rows)],
    )


def _named(parts: dict[str, Metric]) -> dict[str, Metric]:
    return {f"success, {part}": metric for part, metric in parts.items()}


def _told(won: Won, share: Metric) -> str:
    return f"{sum(won)} of {len(won)} ({share.low:.0%} to {share.high:.0%})"


def _tasks(part: str, most: int) -> Sequence[Task]:
    all_ = list(catalogue.tasks(part))
    Random(derive(0, part)).shuffle(all_)
    return all_[:most]


def _played(bench: Bench, phone: AndroidEnvironment, name: str, part: str, play: Player) -> Won:
    def one(task: Task, number: int, seed: int) -> bool:
        phone.reset(task, seed)
        return play(phone, task, number)

    won = []
    for number, task in enumerate(_tasks(part, SHARE[bench.scale])):
        seed = bench.seeds[number % len(bench.seeds)]
        won.append(bench.once(f"{name}, {task.id}, {seed}", partial(one, task, number, seed)))
    return won


def _asked(bench: Bench, part: str) -> Won:
    """The baseline, as people run it, with the model of --set model=…"""
    kit, model = bench.kit, bench.options.get("model", "small")
    if "bench-phone" not in kit.names("environment"):
        kit.define("environment", "bench-phone", use="android", where="inside", picture=False)
        kit.define("agent", "bench", use="phone-baseline", model=model, environment="bench-phone")

    def one(task: Task, seed: int) -> bool:
        return bool(kit.agent("bench").run(task.goal, seed=seed, task_id=task.id).result.success)

    tasks, won = _tasks(part, ASKED[bench.scale]), []
    for number, task in enumerate(tasks):
        seed = bench.seeds[number % len(bench.seeds)]
        won.append(bench.once(f"{model}, {task.id}, {seed}", partial(one, task, seed)))
        bench.progress.update(number + 1, len(tasks))
    return won


# Who plays.


def _ended(phone: AndroidEnvironment, action: Action) -> bool:
    step = phone.step(action)
    return step.terminated or step.truncated


def _expert(phone: AndroidEnvironment, task: Task, number: int) -> bool:
    expert = Expert(phone.driver, task)
    while not _ended(phone, expert.next()):
        pass
    return phone.check(task).success


def _nothing(phone: AndroidEnvironment, task: Task, number: int) -> bool:
    phone.step(Finish())
    return phone.check(task).success


def _random(phone: AndroidEnvironment, task: Task, number: int) -> bool:
    random = Random(derive(number, task.id))
    while not _ended(phone, anything_on(random, shown(phone.observe())["elements"])):
        pass
    return phone.check(task).success


PLAYERS: dict[str, Player] = {"expert": _expert, "nothing": _nothing, "random": _random}


def _verdict(done: dict[str, dict[str, Won]]) -> str:
    def total(name: str) -> str:
        every = [won for part in done[name].values() for won in part]
        return f"{sum(every)} of {len(every)}"

    return (
        f"The expert does {total('expert')} tasks, doing nothing {total('nothing')}, random play "
        f"{total('random')}, and the plain agent {total('baseline')}: its model has 135 million "
        "parameters unless --set model=… names another, and reads the screen as text. AndroidWorld "
        "(arXiv 2405.14573), after whose manner the tasks are made, has other tasks and apps on an "
        "emulator, so that its numbers cannot be compared."
    )


ANDROID = Experiment(
    "android",
    "How many of the phone's tasks does each agent do?",
    android,
    seeds=(0, 1, 2),
    needs={"quick": Needs(hours=0.05), "normal": Needs(hours=0.7)},
    options={"model": "a model of the kit that the plain agent asks; small by default"},
)
