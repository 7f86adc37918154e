"""The agents: their suites, and that each says truthfully what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from agentkit.kit import Kit, load
from agentkit.testing.conformance import AgentConformance
from agentkit_android.agents.baseline import Baseline, BaselineSettings, meant
from agentkit_android.client.actions import PHONE_ACTION, ClearText, Tap, Type

pytestmark = pytest.mark.slow
PARTS = """
[environments.phone]
use = "android"
adb_port = {port}
picture = false

[models.told]
use = "scripted"
choose = "request"
answers = [
  '{{"action": "home"}}', '{{"action": "back"}}', '{{"action": "finish", "status": "success"}}'
]

[models.step]
use = "scripted"
choose = "request"
answers = [
  '{{"kind": "button", "button": "home"}}', '{{"kind": "finish", "status": "success"}}'
]

[agents.part]
use = "{use}"
{rest}
"""


class PhoneAgentConformance(AgentConformance):
    """Phones are processes that outlive each run, as people have them."""

    task = "Turn on airplane mode"
    pauses = 2
    input: ClassVar[dict[str, Any]] = {"task_id": "airplane-mode/1"}
    rest: ClassVar[str] = ""

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _adb(cls, adb_server: Any) -> None:
        cls.toml = PARTS.format(port=adb_server.port, use=cls.use, rest=cls.rest)


class TestNothing(PhoneAgentConformance):
    use = "phone-nothing"


class TestRandom(PhoneAgentConformance):
    use = "phone-random"
    rest = "steps = 3"


class TestStepwise(PhoneAgentConformance):
    use = "phone-step"
    rest = 'model = "step"'


class TestOracle(PhoneAgentConformance):
    use = "phone-oracle"


class TestBaseline(PhoneAgentConformance):
    use = "phone-baseline"
    rest = 'model = "told"\nsteps = 3'


@pytest.fixture
def kit(phone_home: Any, adb_server: Any, tmp_path: Path) -> Iterator[Kit]:
    file = tmp_path / "agentkit.toml"
    file.write_text(PARTS.format(port=adb_server.port, use="phone-nothing", rest=""))
    with load(file, environ={}, overrides=[f'host.store="{tmp_path}"']) as kit:
        yield kit


def test_what_came_of_it_is_read_from_the_phone(kit: Kit) -> None:
    done = kit.agent("phone-oracle").run("", task_id="airplane-mode/1").result
    assert done.success and done.claim == "success" and done.report.startswith("Done")
    lied = kit.agent("phone-nothing").run("", task_id="airplane-mode/1").result
    assert lied.claim == "success" and lied.success is False
    assert lied.report.startswith("Not done") and "airplane_mode_on" in lied.report
    asked = kit.agent("phone-oracle").run("", task_id="device-name/3").result
    assert asked.success and asked.answer and asked.claim == "answered"


def test_a_goal_in_words_is_checked_where_a_check_is_known(kit: Kit) -> None:
    known = kit.agent("phone-oracle").run("turn ON Bluetooth.").result
    assert known.success is not None
    unknown = kit.agent("phone-nothing").run("Make me a millionaire").result
    assert unknown.success is None and "not known" in unknown.report
    lost = kit.agent("phone-oracle").run("Make me a millionaire").result
    assert lost.claim == "gave up" and lost.steps == 0


def test_a_model_is_held_to_what_the_screen_has(kit: Kit) -> None:
    """The grammar lets the model say nothing else; a model that says it all the time gives up."""
    kit.define("model", "stubborn", use="scripted", answers=['{"action": "home"}'])
    kit.define("agent", "one", use="phone-baseline", model="stubborn", steps=20)
    result = kit.agent("one").run("Turn on airplane mode").result
    assert result.claim == "gave up" and result.success is False


def test_actions_are_those_of_the_screen() -> None:
    screen = [
        {"bounds": [0, 0, 100, 100], "clickable": True},
        {"bounds": [0, 100, 100, 200]},
        {"bounds": [0, 200, 100, 300], "clickable": True, "editable": True},
    ]
    schema = Baseline(BaselineSettings(think=20)).schema({"elements": screen})
    by_name = {k["properties"]["action"]["const"]: k["properties"] for k in schema["anyOf"]}
    assert by_name["tap"]["element"]["enum"] == [0, 2] and by_name["type"]["element"]["enum"] == [2]
    assert list(by_name["back"]) == ["thought", "action"]
    typed = meant({"action": "type", "element": 2, "text": "x"}, screen)
    assert typed == [Tap(x=50, y=250), ClearText(), Type(text="x")]
    screen[2]["focused"] = True
    assert meant({"action": "type", "element": 2, "text": "x"}, screen) == typed[1:]
    for plain in ({"action": "scroll", "direction": "up"}, {"action": "answer", "text": "7"}):
        (made,) = meant(plain, screen)
        assert PHONE_ACTION.validate_json(made.model_dump_json()) == made
    with pytest.raises((KeyError, IndexError)):
        meant(json.loads('{"action": "tap", "element": 9}'), screen)
