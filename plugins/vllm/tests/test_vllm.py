"""The part around a fake server (see there why): starting, watching, restarting, stopping."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentkit.capabilities import (
    Cancel,
    Continuations,
    Delta,
    Grammars,
    Hidden,
    Logprobs,
    Request,
)
from agentkit.errors import (
    BackendUnavailable,
    ConfigError,
    ContextOverflow,
    Unsupported,
    UsageError,
)
from agentkit.kit import Kit
from agentkit_vllm import guard
from agentkit_vllm.model import VllmModel

pytestmark = pytest.mark.slow

FAKE = Path(__file__).parent / "fake_vllm.py"


class Made:
    """A part on the fake server, and what its servers noted when they started."""

    def __init__(self, model: VllmModel, notes: Path) -> None:
        self.model, self._notes = model, notes

    @property
    def starts(self) -> list[dict[str, Any]]:
        text = self._notes.read_text() if self._notes.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def ask(self, text: str = "Is the sky blue?", **settings: Any) -> Any:
        return self.model.generate([Request.of(text, max_tokens=5)], **settings)[0]


@pytest.fixture
def made(kit: Callable[..., Kit], tmp_path: Path) -> Iterator[Callable[..., Made]]:
    def make(model: str = "recorded", **settings: Any) -> Made:
        notes = tmp_path / "notes"
        wanted = {
            "command": [sys.executable, str(FAKE)],
            "log": str(tmp_path / "log"),
            "options": {"notes": str(notes)},
            "stop_timeout": 5,
            "check": 0.01,
            **settings,
        }
        one = kit()
        one.define("model", "part", use="vllm", model=model, **wanted)
        part = one.part("model", "part")
        return Made(part, notes)

    yield make


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] == "Z"


def until(true: Callable[[], object], what: str) -> None:
    for _ in range(3000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError(f"in 30 s it did not come to this: {what}")


# -- a server that works -----------------------------------------------------------------------


def test_it_starts_with_the_first_request_and_stops_with_the_kit(made: Callable[..., Made]) -> None:
    one = made(context=512)
    assert one.model.info.context == 512 and not one.starts, "nothing asked for a server yet"
    told: list[Delta] = []
    answer = one.ask(on_delta=told.append)
    assert answer.text == "".join(d.text for d in told) == RECORDED_TEXT
    assert answer.usage.completion == 5 and answer.path == ("part",)
    one.ask()
    (start,) = one.starts
    line = " ".join(start["argv"])
    assert "--model recorded --served-model-name part --host 127.0.0.1" in line
    assert "--generation-config vllm --max-model-len 512" in line and "--port" in line
    assert one.model.server.key not in line, "the key is no argument: anyone can list those"
    assert start["python"] is None
    one.model.close()
    assert gone(start["pid"])
    with pytest.raises(BackendUnavailable, match="closed"):
        one.ask()


def test_its_context_is_the_server_s_own_where_none_is_set(made: Callable[..., Made]) -> None:
    assert made().model.info.context == 1024


def test_what_is_thought_is_kept_apart(made: Callable[..., Made]) -> None:
    told: list[Delta] = []
    answer = made().ask("please think", on_delta=told.append)
    assert answer.reasoning.strip() == "I look at it." and answer.text == RECORDED["thinking text"]
    assert "".join(d.text for d in told if d.reasoning) == answer.reasoning
    assert "".join(d.text for d in told if not d.reasoning) == answer.text


def test_abilities_are_an_endpoint_s(made: Callable[..., Made]) -> None:
    one = made(context=512)
    assert one.model.info.abilities == {"grammar", "logprobs", "continuations"}
    for kind in (Grammars, Logprobs, Continuations):
        assert isinstance(one.model.ability(kind), kind)
    assert not one.starts
    assert one.model.ability(Continuations).encode("Name") == (5820,)
    assert len(one.starts) == 1, "abilities look after the server, too"
    with pytest.raises(Unsupported, match=r"models.part \(use = 'vllm'\) lacks the ability 'hid"):
        one.model.ability(Hidden)


def test_too_long_a_prompt_is_the_request_s_fault(made: Callable[..., Made]) -> None:
    one = made()
    with pytest.raises(ContextOverflow):
        one.ask("x " * 2000)
    assert one.ask().text == RECORDED_TEXT and len(one.starts) == 1


# -- servers that do not -----------------------------------------------------------------------


def test_one_that_dies_takes_its_request_with_it_and_is_started_again(
    made: Callable[..., Made],
) -> None:
    one = made(retries=1)
    one.ask()
    with pytest.raises(BackendUnavailable, match="failed in the middle"):
        one.ask("please die")
    assert one.ask().text == RECORDED_TEXT
    first, second = one.starts
    assert first["pid"] != second["pid"] and first["argv"] == second["argv"]
    os.kill(second["pid"], signal.SIGKILL)
    until(lambda: not one.model.server.alive, "it is dead")
    assert one.ask().text == RECORDED_TEXT, "one that died between requests is nobody's fault"


def test_one_that_dies_each_time_is_given_up(made: Callable[..., Made]) -> None:
    one = made(restarts=1, retries=0)
    for _ in range(2):
        with pytest.raises(BackendUnavailable, match="failed in the middle"):
            one.ask("please die")
        until(lambda: not one.model.server.alive, "it is dead")
    with pytest.raises(BackendUnavailable, match="2 times in a row"):
        one.ask()
    assert len(one.starts) == 2


def test_one_that_hangs_is_found_unwell_and_started_again(made: Callable[..., Made]) -> None:
    one = made(timeout=0.3, retries=0)
    with pytest.raises(BackendUnavailable, match="failed in the middle"):
        one.ask("please hang")
    assert one.model.server.alive, "it hangs, but it is there"
    assert one.ask().text == RECORDED_TEXT
    first, second = one.starts
    assert gone(first["pid"]) and not gone(second["pid"])


def test_one_that_cannot_start_says_why(made: Callable[..., Made], tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailable, match=r"'broken' has no config\.json") as caught:
        made("broken").ask()
    assert str(tmp_path / "log") in caught.value.hint
    with pytest.raises(BackendUnavailable, match=r"not ready after 0\.3 s"):
        made("slow", start_timeout=0.3).ask()
    absent = made(command=["/nowhere/vllm"])
    with pytest.raises(BackendUnavailable, match="did not start"):
        absent.ask()


def test_a_start_can_be_cancelled(made: Callable[..., Made]) -> None:
    cancel = Cancel()
    cancel.set()
    one = made("slow")
    assert one.ask(cancel=cancel).finish == "cancelled"
    assert not one.model.server.alive


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"command": [], "environment": "/nowhere"}, "no virtual environment"),
        ({"command": []}, "environment or command"),
        ({"environment": "/somewhere"}, "environment or command"),
        ({"optins": {}}, "did you mean 'options'"),
    ],
)
def test_wrong_settings_are_found_before_anything_starts(
    made: Callable[..., Made], settings: Any, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        made(**settings)


@pytest.mark.slow
def test_a_server_does_not_outlive_a_program_that_is_killed(tmp_path: Path) -> None:
    """Killed with SIGKILL, so that nothing of ours can clean up but the guard."""
    child = "import time; open({!r}, 'w').write(str(__import__('os').getpid())); time.sleep(600)"
    pid = tmp_path / "pid"
    parent = (
        "import subprocess, sys, time;"
        "subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE); time.sleep(600)"
    )
    guarded = [sys.executable, guard.__file__, "1", sys.executable, "-c", child.format(str(pid))]
    killed = subprocess.Popen([sys.executable, "-c", parent, *guarded])
    until(lambda: pid.exists() and pid.read_text(), "the child runs")
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    until(lambda: gone(int(pid.read_text())), "the child is gone")


# -- control -----------------------------------------------------------------------------------


def test_a_training_engine_can_make_it_sleep_and_give_it_weights(made: Callable[..., Made]) -> None:
    control = made(control=True, sleep=True).model.control
    assert not control.asleep()
    control.sleep(2)
    assert control.asleep()
    control.wake(["weights"])
    assert not control.asleep()
    control.pause()
    assert control.paused()
    control.connect_weights({"master_address": "127.0.0.1", "world_size": 2})
    control.update_weights({"names": ["lm_head.weight"]}, version="step 7")
    control.resume()
    assert not control.paused() and control.weights_version() == "step 7"


def test_what_the_server_cannot_do_is_said(made: Callable[..., Made]) -> None:
    with pytest.raises(UsageError, match="control = true"):
        made().model.control.sleep()
    control = made(control=True).model.control
    with pytest.raises(BackendUnavailable, match="Weight transfer not configured"):
        control.update_weights({})


RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "recorded.json").read_text())
RECORDED_TEXT: str = RECORDED["text"]
