"""`use = "android"`: a phone with tasks, the same for a real phone, an emulator and a simulated
one."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from agentkit.capabilities import (
    Action,
    Check,
    EnvironmentInfo,
    Observation,
    Perception,
    Step,
    Task,
)
from agentkit.errors import ConfigError, UsageError
from agentkit_android.client import actions as act
from agentkit_android.client.driver import AdbDriver, Driver, look_again
from agentkit_android.client.errors import CommandFailed, DeviceError
from agentkit_android.client.transport import AdbTransport, Transport, must, run
from agentkit_android.env import phones
from agentkit_android.env.episode import Episode, EpisodeFile
from agentkit_android.env.observation import observation
from agentkit_android.env.reading import read
from agentkit_android.env.settings import AndroidSettings
from agentkit_android.env.teaching import Teaching
from agentkit_android.suites import Suite
from agentkit_android.suites.own import OwnSuite

if TYPE_CHECKING:
    from agentkit.kit import Parts

FREE_STEPS = 30
"""Steps for a goal that no template is known for."""


class AndroidEnvironment(Teaching):
    """A phone.

    The phone is looked for when it is first needed. Where it was lost in the midst of an episode
    it is found again; an action of which it is not known whether it happened is not repeated, and
    its step says `in_doubt`.
    """

    def __init__(self, settings: AndroidSettings, parts: Parts | None = None) -> None:
        self.settings = settings
        self._name = settings.name or (parts.name if parts else "phone")
        self.info = EnvironmentInfo(
            parts.name if parts else "android",
            "an Android phone: its screen, its elements, and what a hand does",
            act.ACTIONS,
            act.VERSION,
        )
        self._perception: Perception | None = (
            parts["perception"] if parts and settings.perception else None
        )
        self._lock = threading.RLock()
        self._driver: Driver | None = None
        self._simulated: bool | None = None
        self._lease: phones.Lease | None = None
        self._file = EpisodeFile(None)
        self._episode: Episode | None = None
        self._apps: dict[str, str] | None = None

    # Tasks.

    @cached_property
    def suite(self) -> Suite:
        settings = self.settings
        if settings.suite == "android-world":
            from agentkit_android.suites.android_world import AndroidWorldSuite

            return AndroidWorldSuite(settings.serial, grpc_port=settings.grpc_port)
        if settings.suite == "android-lab":
            from agentkit_android.suites.android_lab import AndroidLabSuite

            return AndroidLabSuite(settings.suite_folder)
        return OwnSuite(settings.harder, clear=settings.clear)

    def tasks(self, split: str) -> Sequence[Task]:
        """Of train, validation or test; or of a part of test: unseen-params, unseen-templates,
        unseen-apps."""
        return self.suite.tasks(split)

    def find_task(self, goal: str) -> Task:
        """The known task with that goal, or one that nobody can check."""
        return self.suite.matching(goal) or Task("", goal)

    def reset(self, task: Task, seed: int) -> Observation:
        """Prepares the phone for a task as its suite does, and goes home."""
        with self._lock:
            if not task.template:
                raise UsageError(
                    f"no task template is known for {task.goal[:80]!r}",
                    "begin(task) works on the phone as it is; tasks(split) lists the known ones",
                )
            self.suite.prepare(self.driver, task, seed, simulated=self.is_simulated)
            self.driver.perform(act.Press(button="home"))
            return self.begin(task)

    def begin(self, task: Task) -> Observation:
        """Begins an episode on the phone as it is."""
        with self._lock:
            limit = self.suite.limit(task) if task.template else FREE_STEPS
            self._driver = self.driver
            self._keep(Episode.of(task, limit))
            self._apps = None
            return self.observe()

    # Acting.

    def observe(self) -> Observation:
        with self._lock:
            reads = self._perception is not None
            look = look_again(self.driver, picture=self.settings.picture or reads)
            if self._perception is not None:
                look = read(look, self._perception)
            look = look if self.settings.picture else replace(look, png=b"")
            return observation(look, self.apps)

    def step(self, action: Action) -> Step:
        with self._lock:
            episode = self._going().copy()
            episode.go_on()
            info: dict[str, object] = {"steps": episode.steps}
            try:
                self.driver.perform(action)
            except (UsageError, CommandFailed) as error:
                info["refused"] = error.message
            except DeviceError as error:
                self.driver.transport.reconnect()
                info["in_doubt"] = error.message
            if isinstance(action, act.Answer | act.Finish):
                episode.over = True
                episode.answer = action.text if isinstance(action, act.Answer) else ""
                episode.claim = action.status if isinstance(action, act.Finish) else "answered"
            truncated = bool(not episode.over and episode.limit and episode.steps >= episode.limit)
            terminated = episode.over
            episode.over |= truncated
            self._keep(episode)
            seen = self.observe()
            reward = 0.0
            if episode.template:
                self.suite.saw(self.driver, episode.task, action)
                reward = self.check(episode.task).score if terminated else 0.0
            return Step(seen, reward, terminated, truncated, info)

    def check(self, task: Task) -> Check:
        """Raises:
        UsageError: no template is known for the task, so that nothing can be said.
        """
        with self._lock:
            answer = self._episode.answer if self._episode is not None else self._load().answer
            return self.suite.check(self.driver, task, answer)

    # State.

    def snapshot(self) -> str:
        """Kept in the phone, so that another process can put it back."""
        with self._lock:
            self._need_simulator("kept")
            note = self._going().to_json()
            return must(self.driver.transport, "simulator", "snapshot", note).strip()

    def restore(self, snapshot: str) -> None:
        with self._lock:
            self._need_simulator("put back")
            done = run(self.driver.transport, "simulator", "restore", snapshot)
            if done.status:
                raise UsageError(
                    f"there is no snapshot {snapshot[:80]!r}", "take one with snapshot()"
                )
            self._keep(Episode.from_json(done.out))

    def pool(self, n: int) -> Sequence[AndroidEnvironment]:
        if self.settings.serial:
            raise UsageError(
                f"{self.settings.serial} is one phone", "declare an environment for each of yours"
            )
        settings = self.settings.model_copy(update={"name": self._name})
        made = [type(self)(settings) for _ in range(n)]
        for one in made:
            one._perception = self._perception
        return made

    def close(self) -> None:
        """Lets go of the phone; one in a process of its own stays on."""
        with self._lock:
            if self._driver is not None:
                self._driver.close()
            if self._lease is not None:
                self._lease.close()
            self._driver = self._lease = self._episode = self._simulated = self._apps = None
            self._file = EpisodeFile(None)

    # The phone.

    @property
    def phone(self) -> str:
        """By which `attach` finds this phone again: the name of its process, or its serial."""
        self._driver = self.driver
        return self._lease.name if self._lease is not None else self.serial

    def attach(self, phone: str) -> None:
        """Works on that phone from now on, in the episode that it is in. A run that goes on in
        another process finds its own phone so, whoever works on others meanwhile."""
        with self._lock:
            if self._driver is not None and self.phone == phone:
                return
            if self.settings.serial or self.settings.where == "inside":
                return  # there is no other
            self.close()
            self._lease = phones.Lease(phone, shared=True)

    @property
    def steps(self) -> int:
        """Taken in this episode."""
        with self._lock:
            return self._going().steps

    @property
    def limit(self) -> int:
        """Steps of this episode, 0 for any number."""
        with self._lock:
            return self._going().limit

    @property
    def driver(self) -> Driver:
        """The phone, looked for when it is first needed.

        Raises:
            DeviceError: there is none.
        """
        with self._lock:
            if self._driver is None:
                self._driver = self._connected()
            return self._driver

    @property
    def apps(self) -> dict[str, str]:
        """Packages that can be opened, with their names, as they were when the episode began."""
        with self._lock:
            if self._apps is None:
                self._apps = self.driver.apps()
            return self._apps

    @property
    def serial(self) -> str:
        return self.driver.transport.serial

    @property
    def is_simulated(self) -> bool:
        if self._simulated is None:
            said = run(self.driver.transport, "simulator", "version").out
            self._simulated = said.startswith("agentkit")
        return self._simulated

    def _connected(self) -> Driver:
        settings = self.settings
        settle = settings.settle if settings.settle is not None else float(bool(settings.serial))
        transport = self._transport()
        if settings.driver == "appium":
            from agentkit_android.client.appium import AppiumDriver

            if not isinstance(transport, AdbTransport):
                raise ConfigError(
                    f"environments.{self.info.name}: Appium cannot reach a phone inside a process",
                    'leave `where` out, or driver = "appium"',
                )
            return AppiumDriver(transport, settings.appium_url, settle)
        return AdbDriver(transport, settle)

    def _transport(self) -> Transport:
        settings = self.settings
        if settings.serial:
            path = phones.folder() / f"{_file_name(settings.serial)}.episode"
            self._file = EpisodeFile(path)
            return AdbTransport(settings.serial, settings.adb_port, settings.timeout)
        if settings.where == "inside":
            from agentkit_android.client.inside import InsideTransport
            from agentkit_android.phone.phone import Phone

            return InsideTransport(Phone(), settings.timeout)
        self._lease = self._lease or phones.Lease(self._name)
        self._file = EpisodeFile(phones.folder() / f"{self._lease.name}.episode")
        return AdbTransport(
            phones.started(self._lease.name).serial, settings.adb_port, settings.timeout
        )

    def _need_simulator(self, what: str) -> None:
        if not self.is_simulated:
            raise UsageError(
                f"the state of {self.serial} cannot be {what}: it is no simulated phone",
                "leave `serial` out to work on one",
            )

    # The episode.

    def _going(self) -> Episode:
        if self._episode is None:
            self._episode = self._load()
        return self._episode

    def _load(self) -> Episode:
        self._driver = self.driver  # which says where the episode's file is
        return self._file.load()

    def _keep(self, episode: Episode) -> None:
        self._episode = episode
        self._file.save(episode)


def _file_name(serial: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in serial)
