"""AndroidLab's tasks (Xu et al., arXiv 2410.24024) on an emulator with their image.

Their code judges each screen by its tree: it is taken from a clone of their repository. Questions
are judged there by a paid model; here by whether the answer holds theirs, which is stricter on
wording and the same for everybody. They start each task from a snapshot of the emulator: load it
before a run (`adb emu avd snapshot load NAME`).
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from agentkit.capabilities import Action, Check, Task
from agentkit.errors import ConfigError, UsageError
from agentkit_android.client import actions as act
from agentkit_android.client.driver import Driver
from agentkit_android.client.transport import run
from agentkit_android.tasks.template import said

STEPS = 25
"""Rounds of a task in their configurations."""


class AndroidLabSuite:
    """Args:
    folder: a clone of their repository, whose requirements are installed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, tuple[Task, str]] = {}
        self._judge: Any = None
        self._result: dict[str, Any] = {}

    def tasks(self, split: str) -> Sequence[Task]:
        """All of them are a test: there is nothing to train on."""
        return tuple(task for task, _ in self._all().values()) * (split == "test")

    def matching(self, goal: str) -> Task | None:
        return next((t for t in self.tasks("test") if t.goal == goal), None)

    def limit(self, task: Task) -> int:
        return STEPS

    def prepare(self, driver: Driver, task: Task, seed: int, *, simulated: bool) -> None:
        package, module = str(task.data["package"]), self._all()[task.id][1]
        run(driver.transport, "am", "force-stop", package)
        if str(self.folder) not in sys.path:
            sys.path.insert(0, str(self.folder))
        self._theirs("evaluation.task").detect_answer = _holds
        self._judge = self._theirs(module).function_map[task.id](None)
        self._result = {"complete": False}

    def saw(self, driver: Driver, task: Task, action: Action) -> None:
        """Lets their check see the screen. One that is about another page says so, and leaves the
        last result as it was; so does one that fails on it, as theirs does."""
        if self._judge is None:
            return
        tree = self._tree(driver.transport.raw("uiautomator dump /dev/tty"))
        line = {"parsed_action": _parsed(action), "target": task.goal}
        try:
            result = self._judge.judge(tree, line) if tree is not None else {"judge_page": False}
        except Exception:
            return
        if result.get("judge_page", True):
            self._result = result

    def check(self, driver: Driver, task: Task, answer: str) -> Check:
        if self._judge is None:
            raise UsageError(
                f"{task.id} was not begun by this process", "reset(task, seed) prepares it"
            )
        parts = {k: bool(v) for k, v in self._result.items() if k not in ("complete", "judge_page")}
        told = tuple(
            f"{'' if met else 'not met: '}{name} of {task.id}" for name, met in parts.items()
        )
        if self._result.get("complete"):
            return Check(1.0, told)
        return Check(0.99 * sum(parts.values()) / max(1, len(parts)), told)

    def _all(self) -> dict[str, tuple[Task, str]]:
        if not self._known:
            files = sorted((self.folder / "evaluation" / "config").glob("*.yaml"))
            if not files:
                raise ConfigError(
                    f"{self.folder} holds no evaluation/config/*.yaml of AndroidLab",
                    "suite_folder is a clone of github.com/THUDM/Android-Lab",
                )
            for file in files:
                self._known |= dict(_of_app(yaml.safe_load(file.read_text())))
        return self._known

    def _tree(self, dump: bytes) -> Any:
        """A screen as their checks read it; None where there is none."""
        start, end = dump.find(b"<?xml"), dump.rfind(b"</hierarchy>")
        if start < 0 or end < start:
            return None
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "screen.xml")
            path.write_bytes(dump[start : end + len(b"</hierarchy>")])
            text = self._theirs("utils_mobile.utils").get_compressed_xml(str(path))
        return None if text is None else json.loads(text)

    def _theirs(self, module: str) -> Any:
        try:
            return importlib.import_module(module)
        except ImportError as error:
            raise ConfigError(
                f'suite = "android-lab" cannot load {module}: {error}',
                f"python -m pip install -r {self.folder}/requirements.txt",
            ) from error


def _of_app(config: dict[str, Any]) -> list[tuple[str, tuple[Task, str]]]:
    found = []
    for one in config.get("tasks") or []:
        id, module = str(one["task_id"]), str(one["metric_func"])
        goal = f"You should use {config['APP']} to complete the following task: {one['task']}"
        kind = "question" if one.get("metric_type") == "query_detect" else "action"
        data = {"package": config["package"], "kind": kind, "part": "android-lab"}
        found.append((id, (Task(id, goal, "test", id, data), module)))
    return found


def _parsed(action: Action) -> dict[str, Any]:
    """An action in their words, as far as their checks read it."""
    if isinstance(action, act.Answer):
        return {"action": "finish", "kwargs": {"message": action.text}}
    if isinstance(action, act.Finish):
        return {"action": "finish", "kwargs": {"message": ""}}
    made = action.model_dump()
    return {"action": made.pop("kind"), "kwargs": made}


def _holds(question: str, model_answer: str, standard_answer: str, args: object) -> bool:
    """Stands where their judging model is asked."""
    return said(str(model_answer), str(standard_answer))
