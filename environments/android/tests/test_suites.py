"""Other people's tasks behind the same interface.

No emulator runs here, so that their packages stand here as small ones with the same calls, written
after android_world (February 2026) and Android-Lab (May 2025). The phone is the simulated one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentkit.errors import ConfigError, UsageError
from agentkit_android.client.actions import Answer, Finish, Open
from agentkit_android.client.driver import look_again
from agentkit_android.client.transport import must
from agentkit_android.env.environment import AndroidEnvironment
from agentkit_android.env.settings import AndroidSettings
from agentkit_android.suites import Suite
from agentkit_android.suites.android_lab import AndroidLabSuite
from agentkit_android.suites.android_world import AndroidWorldSuite
from agentkit_android.tasks.sight import Sight
from agentkit_android.tasks.state import PhoneState

pytestmark = pytest.mark.slow

WORLD = {
    "android_world/__init__.py": "",
    "android_world/registry.py": """
class Wifi:
    template, complexity = "Turn wifi {state}", 1.2
    name = "SystemWifi"
    def __init__(self, params):
        self.params, self.initialized = params, False
    @property
    def goal(self):
        return self.template.format(**self.params)
    def initialize_task(self, env):
        assert not self.initialized
        self.initialized = True
        env.log.append("begin")
    def is_successful(self, env):
        assert self.initialized
        return float(env.wifi() == (self.params["state"] == "on"))
    def tear_down(self, env):
        self.initialized = False
        env.log.append("end")

class Question(Wifi):
    template, complexity, name = "What is this phone called?", 1, "PhoneName"
    def is_successful(self, env):
        return 1.0 if env.interaction_cache == "Blue Heron" else 0.0

class TaskRegistry:
    def get_registry(self, family):
        assert family == "android_world"
        return {"SystemWifi": Wifi, "PhoneName": Question}
""",
    "android_world/suite_utils.py": """
def create_suite(task_registry, n_task_combinations=1, seed=None):
    return {
        name: [kind({"state": ("on", "off")[n % 2]}) for n in range(n_task_combinations)]
        for name, kind in sorted(task_registry.items())
    }
""",
    "android_world/env/__init__.py": "",
    "android_world/env/env_launcher.py": """
class Env:
    interaction_cache = ""
    phone = None
    def __init__(self, port):
        self.log = [port]
    def reset(self, go_home=False):
        self.interaction_cache = ""
    def wifi(self):
        return Env.phone.is_on("global", "wifi_on")
made = []
def load_and_setup_env(console_port=5554, grpc_port=8554):
    made.append(Env(console_port))
    return made[-1]
""",
}
LAB = {
    "evaluation/__init__.py": "",
    "evaluation/config/clock.yaml": """
APP: clock
package: com.android.deskclock
tasks:
  - task_id: clock_1
    task: Show the alarms
    metric_type: operation
    metric_func: evaluation.tasks.clock
  - task_id: clock_2
    task: When is the first alarm?
    metric_type: query_detect
    metric_func: evaluation.tasks.clock
""",
    "evaluation/task.py": """
def detect_answer(question, model_answer, standard_answer, args):
    raise AssertionError("asks a model that costs money")

class SingleTask:
    def __init__(self, args):
        self.final_ground_truth = None
    def check_answer(self, line):
        if line["parsed_action"].get("action") != "finish":
            return False
        message = line["parsed_action"]["kwargs"]["message"]
        return detect_answer(line["target"], message, self.final_ground_truth, None)
""",
    "evaluation/tasks/__init__.py": "",
    "evaluation/tasks/clock/__init__.py": """
from evaluation.task import SingleTask

class Shown(SingleTask):
    def judge(self, tree, line):
        if not any("Alarm" in text for text in tree.values()):
            return {"judge_page": False}
        return {"judge_page": True, "1": True, "complete": True}

class First(SingleTask):
    def judge(self, tree, line):
        self.final_ground_truth = "07:00"
        return {"judge_page": True, "1": False, "complete": self.check_answer(line)}

function_map = {"clock_1": Shown, "clock_2": First}
""",
    "utils_mobile/__init__.py": "",
    "utils_mobile/utils.py": """
import json, re
def get_compressed_xml(path, type="json"):
    text = open(path, encoding="utf-8").read()
    return json.dumps(dict(enumerate(re.findall('text="([^"]+)"', text))))
""",
}


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def clean() -> Iterator[None]:
    known, paths = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = paths
    for name in set(sys.modules) - known:
        if name.partition(".")[0] in ("android_world", "evaluation", "utils_mobile"):
            del sys.modules[name]


def with_suite(suite: Suite) -> AndroidEnvironment:
    phone = AndroidEnvironment(AndroidSettings(where="inside", picture=False))
    phone.__dict__["suite"] = suite
    return phone


def test_android_world_prepares_and_judges(
    tmp_path: Path, clean: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(written(tmp_path, WORLD)))
    suite = AndroidWorldSuite("emulator-5556", instances=2)
    phone = with_suite(suite)
    from android_world.env import env_launcher  # type: ignore[import-not-found]

    env_launcher.Env.phone = PhoneState(phone.driver.transport)
    tasks = {t.id: t for t in phone.tasks("test")}
    assert sorted(tasks) == ["PhoneName/0", "PhoneName/1", "SystemWifi/0", "SystemWifi/1"]
    assert not phone.tasks("train") and phone.find_task("Turn wifi off").id == "SystemWifi/1"
    with pytest.raises(UsageError, match="has begun"):
        phone.check(tasks["SystemWifi/1"])
    phone.reset(tasks["SystemWifi/1"], 0)
    assert phone.limit == 12 and not phone.check(tasks["SystemWifi/1"]).success
    must(phone.driver.transport, "settings", "put", "global", "wifi_on", "0")
    step = phone.step(Finish())
    assert step.terminated and step.reward == 1.0
    phone.reset(tasks["PhoneName/0"], 0)
    assert phone.step(Answer(text="Blue Heron")).reward == 1.0
    phone.reset(tasks["PhoneName/0"], 0)
    assert phone.step(Answer(text="Red Heron")).reward == 0.0
    assert env_launcher.made[0].log == [5556, "begin", "end", "begin", "end", "begin"]


def test_android_lab_judges_every_screen(tmp_path: Path, clean: None) -> None:
    phone = with_suite(AndroidLabSuite(written(tmp_path, LAB)))
    shown, first = phone.tasks("test")
    assert shown.goal.endswith("Show the alarms") and first.data["kind"] == "question"
    phone.reset(shown, 0)
    phone.step(Open(app="com.android.contacts"))
    assert not phone.check(shown).success
    phone.step(Open(app="com.android.deskclock"))
    look = look_again(phone.driver, picture=False)
    phone.step(
        Sight(look, PhoneState(phone.driver.transport)).reach("com.android.deskclock", "Alarm")
    )
    phone.step(Open(app="com.android.contacts"))
    assert phone.check(shown).success, "as it was on the page that it is about"
    for text, right in (("It rings at 07:00", True), ("at eight", False)):
        phone.reset(first, 0)
        assert (phone.step(Answer(text=text)).reward == 1.0) is right


def test_what_they_need_is_told(tmp_path: Path, clean: None) -> None:
    with pytest.raises(ConfigError, match="android_world"):
        AndroidWorldSuite("emulator-5554").tasks("test")
    with pytest.raises(ConfigError, match="config"):
        AndroidLabSuite(tmp_path).tasks("test")
    settings = AndroidSettings(suite="android-lab", suite_folder=tmp_path)
    with pytest.raises(ConfigError, match=r"yaml"):
        AndroidEnvironment(settings).tasks("test")
