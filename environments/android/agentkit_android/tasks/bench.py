"""`agentkit bench phone-templates`: is every template sound, whatever its parameters?

For each seed: what the expert does counts as done, in seven tenths of the steps that are allowed;
doing nothing does not, nor does something nearly right; and the phone is put back as it was.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from random import Random

from agentkit.bench import Bench, Experiment, Metric, Needs, Result, proportion
from agentkit.capabilities import Task
from agentkit.capabilities.analyzer import Table
from agentkit.seeds import derive
from agentkit_android.client.transport import must
from agentkit_android.env.environment import AndroidEnvironment
from agentkit_android.env.settings import AndroidSettings
from agentkit_android.people import personal
from agentkit_android.tasks import catalogue
from agentkit_android.tasks.expert import Expert
from agentkit_android.tasks.state import PhoneState

WHAT = ("expert", "in time", "nothing", "nearly", "put back")
MOST = 60
"""Actions of an expert that was given something that is not there."""
Outcome = dict[str, bool]


def templates(bench: Bench) -> Result:
    every = sorted([*catalogue.templates(), *(one.name for one in personal.TEMPLATES)])
    names = every[:: 20 if bench.scale == "quick" else 1]
    phone = AndroidEnvironment(AndroidSettings(where="inside", picture=False))
    met = {what: 0 for what in WHAT}
    wrong: list[tuple[str, str, str]] = []
    for number, name in enumerate(names):
        bench.progress.update(number, len(names))
        outcomes = bench.once(name, partial(_all_seeds, phone, name, bench.seeds))
        for seed, outcome in zip(bench.seeds, outcomes):
            for what in WHAT:
                met[what] += outcome[what]
                if not outcome[what]:
                    wrong.append((name, str(seed), what))
    phone.close()
    tried = len(names) * len(bench.seeds)
    metrics: dict[str, Metric] = {what: proportion(met[what], tried) for what in WHAT}
    told = f"{len(names)} templates, {len(bench.seeds)} seeds each. " + (
        "All are sound."
        if not wrong
        else f"{len(wrong)} of {len(WHAT) * tried} checks are not met."
    )
    table = Table("What was not as it should be", ("template", "seed", "what"), tuple(wrong))
    return Result(metrics, told, tables=[table] if wrong else [])


def _all_seeds(phone: AndroidEnvironment, name: str, seeds: tuple[int, ...]) -> list[Outcome]:
    return [sound(phone, name, derive(seed, name) % 10_000) for seed in seeds]


def sound(phone: AndroidEnvironment, name: str, number: int) -> Outcome:
    """Whether the instance of a template with that number is as it should be, by WHAT."""
    template = catalogue.template(name)
    task = catalogue.task(template, number)
    transport = phone.driver.transport
    phone.reset(task, number)
    begun, start = must(transport, "simulator", "hash"), phone.snapshot()
    found = {"nothing": phone.check(task).success is template.verifies}
    steps = play(phone, task)
    found["expert"] = phone.check(task).success
    found["in time"] = steps <= 0.7 * template.budget + 1  # and one to say that it is done
    p = template.params.model_validate(task.data["params"])
    spoilt = template.spoil(PhoneState(transport), p)
    found["nearly"] = spoilt and not phone.check(task).success
    phone.restore(start)
    found["put back"] = must(transport, "simulator", "hash") == begun
    if not spoilt:
        other = template.nearly(p, Random(number)).model_dump(mode="json")
        if template.kind == "question":  # this phone's screen would tell the right answer
            phone.reset(replace(task, data={**task.data, "params": other}), number)
        play(phone, task, other)
        found["nearly"] = not phone.check(task).success
    return found


def play(phone: AndroidEnvironment, task: Task, params: dict[str, object] | None = None) -> int:
    """The expert's steps, until it ends or the phone says that it is over."""
    expert = Expert(phone.driver, task, params)
    for number in range(1, MOST + 1):
        step = phone.step(expert.next())
        if step.terminated or step.truncated:
            return number
    return MOST


TEMPLATES = Experiment(
    "phone-templates",
    "Is every task template sound, whatever its parameters?",
    templates,
    seeds=tuple(range(20)),
    needs={"quick": Needs(hours=0.02), "normal": Needs(hours=0.5)},
)
