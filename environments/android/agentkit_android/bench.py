"""`agentkit bench android`: who does how much of the tasks, and what a step costs.

Success is judged by the phone's state. Times are of one run on one machine, ours and the other
clients' in turns on the same simulated phone.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random

from agentkit.bench import Bench, Experiment, Metric, Needs, Result, interval, proportion
from agentkit.capabilities import Action, Task
from agentkit.capabilities.analyzer import Table
from agentkit.seeds import derive
from agentkit_android.agents.baselines import anything_on
from agentkit_android.agents.loop import shown
from agentkit_android.client.actions import Finish, Press
from agentkit_android.env.environment import AndroidEnvironment
from agentkit_android.env.settings import AndroidSettings
from agentkit_android.tasks import catalogue
from agentkit_android.tasks.expert import Expert

PARTS = ("train", "validation", "unseen-params", "unseen-templates", "unseen-apps")
SHARE = {"quick": 3, "normal": 60}
"""Tasks of a part that the cheap agents do."""
ASKED = {"quick": 1, "normal": 8}
"""Tasks of a part that the baseline does, whose model takes seconds a step."""
PHONES = (1, 4, 16)
Won = tuple[int, int]
"""Tasks done, of so many."""
Player = Callable[[AndroidEnvironment, Task, int], bool]
LOOKS = {"quick": 5, "normal": 60}


def android(bench: Bench) -> Result:
    """Success by agent and part, then what a step costs."""
    done: dict[str, dict[str, Won]] = {}
    for name, play in PLAYERS.items():
        done[name] = {}
        for part in PARTS:
            key = f"{name}, {part}, {bench.scale}"
            done[name][part] = bench.once(key, partial(_played, bench, part, play))
    done["baseline"] = {
        part: bench.once(f"baseline, {part}, {bench.scale}", partial(_asked, bench, part))
        for part in PARTS
    }
    steps = {n: bench.once(f"steps, {n}", partial(_steps, bench, n)) for n in PHONES}
    looks = bench.once(f"looks, {bench.scale}", partial(_looks, bench))
    memory = bench.once("memory", _memory)
    metrics = {f"success, {part}": proportion(*done["baseline"][part]) for part in PARTS}
    metrics |= {f"steps a second, {n} phones": Metric(v, unit="1/s") for n, v in steps.items()}
    metrics["memory of a phone"] = Metric(memory, unit="MB")
    metrics["a look, ours"] = interval(looks["ours"], "ms")
    others = {
        name: {f"success, {part}": proportion(*of[part]) for part in PARTS}
        for name, of in done.items()
        if name != "baseline"
    }
    others["uiautomator2"] = {"a look, ours": interval(looks["uiautomator2"], "ms")}
    rows = tuple((name, *(f"{of[p][0]} of {of[p][1]}" for p in PARTS)) for name, of in done.items())
    return Result(
        metrics,
        _verdict(done, looks),
        baselines=others,
        tables=[Table("Tasks done, by the phone's state", ("agent", *PARTS), rows)],
    )


# Success.


def _tasks(bench: Bench, part: str, most: int) -> Sequence[Task]:
    all_ = list(catalogue.tasks(part))
    Random(derive(0, part)).shuffle(all_)
    return all_[:most]


def _inside() -> AndroidEnvironment:
    return AndroidEnvironment(AndroidSettings(where="inside", picture=False))


def _played(bench: Bench, part: str, play: Player) -> Won:
    phone, won = _inside(), 0
    tasks = _tasks(bench, part, SHARE[bench.scale])
    for number, task in enumerate(tasks):
        phone.reset(task, bench.seeds[number % len(bench.seeds)])
        won += play(phone, task, number)
    phone.close()
    return won, len(tasks)


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


def _asked(bench: Bench, part: str) -> Won:
    """The baseline, as people run it, with the model of --set model=…"""
    kit, won = bench.kit, 0
    if "bench-phone" not in kit.names("environment"):
        kit.define("environment", "bench-phone", use="android", where="inside", picture=False)
        model = bench.options.get("model", "small")
        kit.define("agent", "bench", use="phone-baseline", model=model, environment="bench-phone")
    tasks = _tasks(bench, part, ASKED[bench.scale])
    for number, task in enumerate(tasks):
        seed = bench.seeds[number % len(bench.seeds)]
        made = kit.agent("bench").run(task.goal, seed=seed, task_id=task.id).result
        won += bool(made.success)
        bench.progress.update(number + 1, len(tasks))
    return won, len(tasks)


PLAYERS: dict[str, Player] = {"expert": _expert, "nothing": _nothing, "random": _random}


# Cost.


def _steps(bench: Bench, phones: int) -> float:
    """Steps a second of so many phones in threads of one process, all together."""
    count = 5 if bench.scale == "quick" else 40
    made = [_inside() for _ in range(phones)]
    task = catalogue.tasks("train")[0]

    def play(phone: AndroidEnvironment) -> int:
        phone.reset(task, 0)
        for number in range(count):
            if _ended(phone, Press(button=("home", "recents")[number % 2])):
                phone.reset(task, 0)
        return count

    begun = time.perf_counter()
    with ThreadPoolExecutor(phones) as pool:
        total = sum(pool.map(play, made))
    spent = time.perf_counter() - begun
    for phone in made:
        phone.close()
    return total / spent


def _looks(bench: Bench) -> dict[str, list[float]]:
    """Milliseconds for screenshot and tree of one phone behind adb, by turns."""
    phone = AndroidEnvironment(AndroidSettings(name="bench"))
    driver, theirs = phone.driver, _uiautomator2(phone.serial)
    times: dict[str, list[float]] = {"ours": [], "uiautomator2": []}
    for number in range(LOOKS[bench.scale] + 2):
        driver.perform(Press(button=("home", "recents")[number % 2]))
        turns: list[tuple[str, Callable[[], object]]] = [
            ("ours", driver.look), ("uiautomator2", theirs),
        ]  # fmt: skip
        for name, look in turns if number % 2 else reversed(turns):
            begun = time.perf_counter()
            look()
            if number >= 2:  # the first ones draw what later ones find drawn
                times[name].append(1000 * (time.perf_counter() - begun))
    phone.close()
    return times


def _uiautomator2(serial: str) -> Callable[[], object]:
    try:
        import uiautomator2
    except ImportError as error:
        from agentkit.errors import ConfigError

        raise ConfigError(
            "the experiment compares with uiautomator2, which is missing",
            "python -m pip install uiautomator2",
        ) from error
    device = uiautomator2.connect(serial)

    def look() -> object:
        return device.screenshot(), device.dump_hierarchy()

    return look


SCRIPT = """
import psutil
from agentkit_android.phone.phone import Phone
from agentkit_android.screen import draw, tree
def used(): return psutil.Process().memory_info().rss / 1e6
def shown(phone): draw.png(phone.scene()); tree.xml(phone.scene())
kept = [Phone()]
shown(kept[0])
begun = used()
for seed in range(16):
    kept.append(kept[0].fork())
    shown(kept[-1])
print((used() - begun) / 16)
"""


def _memory() -> float:
    """Megabytes that one more phone takes in a process that has one."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=300
    )
    return max(0.0, float(done.stdout))


def _verdict(done: dict[str, dict[str, Won]], looks: dict[str, list[float]]) -> str:
    def total(name: str) -> str:
        won = sum(w for w, _ in done[name].values())
        of = sum(n for _, n in done[name].values())
        return f"{won} of {of}"

    ours, theirs = (statistics.median(looks[n]) for n in ("ours", "uiautomator2"))
    return (
        f"The expert does {total('expert')} tasks, doing nothing {total('nothing')}, random play "
        f"{total('random')}, and the plain agent {total('baseline')}: its model has 135 million "
        "parameters unless --set model=… names another, and reads the screen as text. AndroidWorld "
        "(arXiv 2405.14573), after whose manner the tasks are made, has other tasks and apps on an "
        "emulator, so that its numbers cannot be compared. A look, screenshot and tree, takes "
        f"{ours:.0f} ms (median), and {theirs:.0f} ms by uiautomator2 on the same phone."
    )


ANDROID = Experiment(
    "android",
    "How many of the phone's tasks does each agent do, and what does a step cost?",
    android,
    seeds=(0, 1, 2),
    needs={"quick": Needs(hours=0.05), "normal": Needs(hours=0.7)},
)
