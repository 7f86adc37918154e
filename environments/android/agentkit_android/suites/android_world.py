"""AndroidWorld's own tasks (Rawles et al., arXiv 2405.14573) on an emulator that runs them.

Their package prepares the emulator and judges its state; looking and acting stay ours, so that an
agent is the same on their tasks and on these. Needs `android_world` beside agentkit, an emulator
of theirs (Pixel 6, API 33, started with -grpc), and their set-up of apps done once.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from agentkit.capabilities import Action, Check, Task
from agentkit.errors import ConfigError, UsageError
from agentkit_android.client.driver import Driver

FAMILY = "android_world"


class AndroidWorldSuite:
    """Args:
    serial: of the emulator: emulator-PORT. grpc_port: that it was started with.
    instances: of each task, with parameters by `seed`.
    """

    def __init__(
        self, serial: str, *, grpc_port: int = 8554, instances: int = 1, seed: int = 30
    ) -> None:
        self.serial, self.grpc_port = serial, grpc_port
        self.instances, self.seed = instances, seed
        self._known: dict[str, Any] = {}
        self._begun: Any = None
        self._env: Any = None

    def tasks(self, split: str) -> Sequence[Task]:
        """All of them are a test: there is nothing to train on."""
        return tuple(self._task(id, made) for id, made in self._all().items()) * (split == "test")

    def matching(self, goal: str) -> Task | None:
        return next((t for t in self.tasks("test") if t.goal == goal), None)

    def limit(self, task: Task) -> int:
        return int(10 * self._all()[task.id].complexity)

    def prepare(self, driver: Driver, task: Task, seed: int, *, simulated: bool) -> None:
        """Their set-up of one task, after what the last one left was put away. Its parameters are
        fixed by the suite's seed, as theirs are; `seed` changes nothing."""
        env = self._connected()
        if self._begun is not None:
            self._begun.tear_down(env)
        env.reset(go_home=True)
        self._begun = self._all()[task.id]
        self._begun.initialize_task(env)

    def saw(self, driver: Driver, task: Task, action: Action) -> None:
        """The state tells it all at the end."""

    def check(self, driver: Driver, task: Task, answer: str) -> Check:
        known = self._all().get(task.id)
        if known is None or known is not self._begun:
            raise UsageError(
                f"{task.id} was not begun by this process", "reset(task, seed) prepares it"
            )
        env = self._connected()
        env.interaction_cache = answer
        score = float(known.is_successful(env))
        return Check(score, (f"AndroidWorld's own check gives {score:g}",))

    def _all(self) -> dict[str, Any]:
        if not self._known:
            registry = _theirs("android_world.registry").TaskRegistry().get_registry(FAMILY)
            made = _theirs("android_world.suite_utils").create_suite(
                registry, n_task_combinations=self.instances, seed=self.seed
            )
            self._known = {
                f"{name}/{number}": one
                for name, some in made.items()
                for number, one in enumerate(some)
            }
        return self._known

    def _task(self, id: str, made: Any) -> Task:
        data = {"params": {k: str(v) for k, v in made.params.items()}, "part": "android-world"}
        return Task(id, made.goal, "test", made.name, data)

    def _connected(self) -> Any:
        if self._env is None:
            port = self.serial.removeprefix("emulator-")
            if not port.isdecimal():
                raise ConfigError(
                    f"{self.serial} is no emulator's serial",
                    'AndroidWorld needs one: serial = "emulator-5554"',
                )
            self._env = _theirs("android_world.env.env_launcher").load_and_setup_env(
                console_port=int(port), grpc_port=self.grpc_port
            )
        return self._env


def _theirs(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(
            f'suite = "android-world" needs their package: {error}',
            "install it from github.com/google-research/android_world",
        ) from error
