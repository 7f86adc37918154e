"""`agentkit bench android-cost`: what a step and a look cost, and what a phone takes.

Apart from `android`, which takes long: times are best taken while the machine does nothing else.
Clients are timed by turns on one phone in one run, so that their ratios hold on a busy one too;
steps are counted by seconds of the processor, which others' work does not lengthen.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import count

import adbutils
import psutil

from agentkit.bench import Bench, Experiment, Metric, Needs, Result, interval
from agentkit.errors import ConfigError, UsageError
from agentkit_android.client import appium_server
from agentkit_android.client.actions import Press
from agentkit_android.client.appium import AppiumDriver
from agentkit_android.client.transport import AdbTransport
from agentkit_android.env import phones
from agentkit_android.env.environment import AndroidEnvironment
from agentkit_android.env.settings import AndroidSettings
from agentkit_android.tasks import catalogue

PHONES = (1, 4, 16)
ROUNDS = {"quick": 2, "normal": 7}
STEPS = {"quick": 5, "normal": 40}
"""Of each phone in a round."""
TURNS = {"quick": 6, "normal": 120}
"""In which each client looks, or each way of a step is gone, once."""
WARM = 3
"""Turns that are not counted."""
Times = dict[str, list[float]]
"""Milliseconds by who took them."""


def cost(bench: Bench) -> Result:
    steps: dict[int, list[float]] = {n: [] for n in PHONES}
    for number in range(ROUNDS[bench.scale]):  # by turns, so that a busy minute hits all alike
        for n in PHONES:
            key = f"steps, {n}, {number}"
            steps[n].append(bench.once(key, partial(_steps, n, STEPS[bench.scale])))
    metrics = {
        f"steps a second of one core, {n} phones": interval(rounds, "1/s")
        for n, rounds in steps.items()
    }
    turns = TURNS[bench.scale]
    for where, settings in (
        ("inside this process", AndroidSettings(where="inside", picture=False)),
        ("behind adb", AndroidSettings(name="bench", picture=False)),
    ):
        times = bench.once(f"overhead, {where}", partial(_overhead, settings, turns))
        added = [a - b for a, b in zip(times["step"], times["bare"])]
        metrics[f"processor's time of a step, {where}"] = interval(times["step"], "ms")
        metrics[f"of it for the environment, {where}"] = interval(added, "ms")
    looks = bench.once("looks", partial(_looks, turns))
    metrics["a look"] = interval(looks["ours"], "ms")
    memory = bench.once("memory", _memory)
    metrics["memory of one more phone in a process"] = Metric(memory[0], unit="MB")
    metrics["memory of a phone's own process"] = Metric(memory[1], unit="MB")
    baselines = {}
    for name in sorted(looks.keys() - {"ours"}):
        ratios = [ours / theirs for ours, theirs in zip(looks["ours"], looks[name])]
        metrics[f"our look, in looks of {name}"] = interval(ratios)
        baselines[name] = {"a look": interval(looks[name], "ms")}
    return Result(metrics, _verdict(looks), baselines=baselines)


def _verdict(looks: Times) -> str:
    middle = {name: statistics.median(times) for name, times in looks.items()}
    others = ", ".join(f"{ms:.0f} ms by {name}" for name, ms in middle.items() if name != "ours")
    slower = [name for name, ms in middle.items() if ms < middle["ours"]]
    absent = "" if "Appium" in looks else " Appium is not installed here: `make appium`."
    return (
        f"A look, screenshot and tree, takes {middle['ours']:.0f} ms (median) and tells what is in "
        f"front and the phone's time besides; screenshot and tree alone take {others}, each by its "
        "own calls on the same phone behind adb, by turns. "
        + (f"It is slower than {' and '.join(slower)}." if slower else "None of them is faster.")
        + absent
        + " Steps press a button and look at the tree, phones in threads of one process. A step "
        "behind adb leaves most of the work to the phone's process and to adb."
    )


# Steps.


def _steps(n: int, many: int) -> float:
    """Steps in a second of the processor, of so many phones in threads of one process."""
    made = [AndroidEnvironment(AndroidSettings(where="inside", picture=False)) for _ in range(n)]
    task = catalogue.tasks("train")[0]
    for phone in made:
        phone.reset(task, 0)

    def play(phone: AndroidEnvironment) -> int:
        for number in range(many):
            step = phone.step(_press(number))
            if step.terminated or step.truncated:
                phone.begin(task)
        return many

    begun = time.process_time()
    with ThreadPoolExecutor(n) as pool:
        total = sum(pool.map(play, made))
    spent = time.process_time() - begun
    for phone in made:
        phone.close()
    return total / spent


def _press(number: int) -> Press:
    return Press(button=("home", "recents")[number % 2])


def _by_turns(
    turns: int,
    ways: dict[str, Callable[[], object]],
    before: Callable[[int], object],
    clock: Callable[[], float] = time.perf_counter,
) -> Times:
    """Times each way once in a turn, each one first as often as any other. before: what is done in
    between, with a number that counts on."""
    times: Times = {name: [] for name in ways}
    names, numbers = list(ways), count()
    for turn in range(turns + WARM):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            before(next(numbers))
            begun = clock()
            ways[name]()
            if turn >= WARM:
                times[name].append(1000 * (clock() - begun))
    return times


@contextmanager
def _phone(settings: AndroidSettings) -> Iterator[AndroidEnvironment]:
    """A phone that is off again afterwards."""
    phone = AndroidEnvironment(settings)
    try:
        yield phone
    finally:
        name = phone.phone if settings.where == "process" else ""
        phone.close()
        if name:
            try:
                phones.stop(name)
            except UsageError:
                pass  # it went off by itself


def _overhead(settings: AndroidSettings, turns: int) -> Times:
    """What this process works at a step of the environment, and at the same without it: acting and
    looking by its driver."""
    with _phone(settings) as phone:
        task, driver, numbers = catalogue.tasks("train")[0], phone.driver, count()
        phone.reset(task, 0)

        def bare() -> None:
            driver.perform(_press(next(numbers)))
            driver.look(picture=False)

        def again(_: int) -> None:
            if phone.steps >= phone.limit - 1:
                phone.begin(task)

        ways: dict[str, Callable[[], object]] = {
            "step": lambda: phone.step(_press(next(numbers))),
            "bare": bare,
        }
        return _by_turns(turns, ways, again, time.process_time)


# Looks.


def _looks(turns: int) -> Times:
    """Screenshot and tree of one phone behind adb: ours, uiautomator2's, and Appium's where it is
    installed. Before each look the phone shows another screen, which had been drawn before."""
    with _phone(AndroidSettings(name="bench")) as phone:
        driver, transport = phone.driver, phone.driver.transport
        assert isinstance(transport, AdbTransport)
        ways: dict[str, Callable[[], object]] = {
            "ours": driver.look,
            "uiautomator2": _uiautomator2(transport),
        }

        def press(number: int) -> None:
            driver.perform(_press(number))

        if not appium_server.installed():
            return _by_turns(turns, ways, press)
        with appium_server.serving() as url:
            session = AppiumDriver(transport, url)
            try:
                ways["Appium"] = session.shown
                return _by_turns(turns, ways, press)
            finally:
                session.close()


def _uiautomator2(transport: AdbTransport) -> Callable[[], object]:
    try:
        import uiautomator2
    except ImportError as error:
        raise ConfigError(
            "the experiment compares with uiautomator2, which is missing",
            "python -m pip install uiautomator2",
        ) from error
    client = adbutils.AdbClient(port=transport.port)
    device = uiautomator2.connect(client.device(transport.serial))
    return lambda: (device.screenshot(), device.dump_hierarchy())


# Memory.

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


def _memory() -> list[float]:
    """Megabytes that one more phone takes in a process that has one, and those of a process that
    is a phone."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=300
    )
    with _phone(AndroidSettings(name="bench")) as phone:
        phone.driver.look()
        known = phones.find(phone.phone)
        own = psutil.Process(known.pid).memory_info().rss / 1e6 if known else 0.0
    return [max(0.0, float(done.stdout)), own]


COST = Experiment(
    "android-cost",
    "What do a step and a look at a phone cost, beside other clients, and what does a phone take?",
    cost,
    needs={"quick": Needs(hours=0.02), "normal": Needs(hours=0.1)},
)
