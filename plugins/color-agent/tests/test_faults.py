"""Lost phones, killed agents, texts of every kind: nothing is done twice, nothing is lost."""

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
from color_phones import agentkit, free_port, stop_all
from color_told import Told

from agentkit.capabilities import Step, Task
from agentkit.errors import BackendUnavailable
from agentkit.kit import Kit, load
from agentkit_color_agent.bench.noisy import NoisyExpert
from agentkit_color_agent.teaching import Teaching

pytestmark = pytest.mark.slow

SETTINGS = '{"kind":"open","app":"Settings"}'
DONE = '{"kind":"finish","status":"success"}'
LOST = BackendUnavailable("the phone was lost", "look at its cable")


class Losing:
    """Makes a phone lose its connection: the real one's calls fail, as those of adb would. A fake,
    since the phone in this process has no cable to pull."""

    def __init__(self, phone: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.phone, self.away, self.after, self.acted, self.armed = phone, 0, False, 0, 0
        self.step, self.observe = phone.step, phone.observe
        monkeypatch.setattr(type(phone), "step", lambda _, action: self.stepped(action))
        monkeypatch.setattr(type(phone), "observe", lambda _: self.observed())
        self.looking = False

    def observed(self) -> Any:
        if self.away and not self.looking:
            self.away -= 1
            raise LOST
        return self.observe()

    def stepped(self, action: Any) -> Step:
        self.away, self.armed = self.away or self.armed, 0
        if self.away and not self.after:
            raise LOST
        self.looking = True
        try:
            made: Step = self.step(action)
        finally:
            self.looking = False
        self.acted += 1
        if self.away:
            self.after = False
            raise LOST
        return made


@pytest.fixture
def losing(phone: Teaching, monkeypatch: pytest.MonkeyPatch) -> Losing:
    return Losing(phone, monkeypatch)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_phone_that_comes_back(kit: Kit, told: Told, losing: Losing, after: bool) -> None:
    """Acceptance 8: lost before or after the action happened, it is found again, and the phone is
    where one action leads."""
    losing.armed, losing.after = 2, after
    agent = told.agent(SETTINGS, DONE, lost_wait=0.0, reflect_global=False)
    run = told.run("Look at the settings", agent)
    assert run.result.claim == "success" and run.result.steps == 1
    kinds = [e.kind for e in kit.runs.tail(run.id)]
    assert "phone.lost" in kinds and "phone.back" in kinds
    assert losing.phone.steps == 2, "one action and the finish"
    assert "settings" in losing.observe().data["package"]


def test_a_phone_that_stays_away(kit: Kit, told: Told, losing: Losing) -> None:
    """The run waits, the reason named; told that it is back it goes on, or gives up."""
    losing.armed = 4
    agent = told.agent(SETTINGS, DONE, lost_wait=0.0, lost_tries=2, reflect_global=False)
    run = told.run("Look at the settings", agent)
    assert run.status == "waiting"
    (asked,) = run.questions
    assert asked.question.kind == "device" and "the phone was lost" in asked.question.text
    run.answer("go on")
    run.wait(60)
    assert run.status == "waiting", "it looked two times more, in vain"
    run.answer("go on")
    run.wait(60)
    assert run.result.claim == "success" and run.result.steps == 1
    losing.armed = 10_000
    run = told.run("Look", told.agent(SETTINGS, lost_wait=0.0, lost_tries=1), ["give up"])
    assert run.result.claim == "gave up" and run.result.steps == 0


TEXTS = (
    "plain words", "it's \"quoted\"", "$(touch x) `id` ; rm -rf / && a|b > c", "%s %d 100%",
    "a\\nb \\ c", "안녕하세요 세계", "你好", "emoji 🙂👍🏽", "née Müller", "x" * 2000,
)  # fmt: skip


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_texts_arrive_as_they_are(kit: Kit, told: Told, phone: Teaching, text: str) -> None:
    """Acceptance 7: byte for byte in the field that has the focus."""
    replies = [
        '{"kind":"open","app":"Notes"}', '{"kind":"tap","element":0}',
        json.dumps({"kind": "type", "text": text}), DONE,
    ]  # fmt: skip
    search = 'field "'
    agent = told.agent(*replies, reflect_global=False)
    first = told.run("Look", told.agent(replies[0], DONE, reflect_global=False))
    assert first.result.steps == 1
    lines = told.prompts()[-1].splitlines()
    field = next((line for line in lines if line.startswith((search, 'icon "Search'))), "")
    number = int(field.partition("#")[2].split()[0])
    replies[1] = json.dumps({"kind": "tap", "element": number})
    agent = told.agent(*replies, reflect_global=False)
    run = told.run("Look", agent)
    held = [str(e.get("text")) for e in phone.observe().data["elements"] if e.get("editable")]
    assert run.result.steps == 3
    assert " ".join(text.split())[:1000] in [" ".join(h.split()) for h in held]  # the tree's most


KILLED = """
[environments.phone]
use = "android"
picture = false

[models.told]
use = "scripted"
pace = 0.02
answers = [
  '{"kind":"open","app":"Settings"}', '{"kind":"open","app":"Notes"}',
  '{"kind":"button","button":"back"}', '{"kind":"scroll","direction":"down"}',
  '{"kind":"button","button":"home"}'
]
choose = "request"

[agents.color]
use = "color-agent"
model = "told"
steps = 5
"""


WORDS = ("run", "color", "Turn on Wi-Fi", "--input", "task_id=wifi/0", "--json")


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with settings; phones are processes, and are switched off afterwards."""
    monkeypatch.setenv("AGENTKIT_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    port = free_port()
    text = KILLED.replace("picture = false", f"picture = false\nadb_port = {port}")
    (tmp_path / "agentkit.toml").write_text(text)
    yield tmp_path
    stop_all(port)


@pytest.mark.slow
def test_a_killed_agent_goes_on(outside: Path) -> None:
    """Acceptance 9: killed after some steps and resumed by another process; the phone has done
    each action once, and the run ends as one that nobody disturbed."""
    whole = agentkit(*WORDS)
    assert whole.returncode == 0, whole.stderr
    with load(outside / "agentkit.toml") as kit:
        (row,) = kit.runs.runs()
        wanted = _did(kit, row.id)
        assert row.status == "done" and len(wanted) == 5
    process = subprocess.Popen(
        [sys.executable, "-m", "agentkit", *WORDS],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    seen = 0
    for line in process.stdout:
        seen += json.loads(line)["kind"] == "action.asked"
        if seen == 2:
            os.kill(process.pid, signal.SIGKILL)
            break
    process.wait(60)
    process.stdout.close()
    time.sleep(0.2)
    with load(outside / "agentkit.toml") as kit:
        killed = next(r for r in kit.runs.runs() if r.id != row.id)
    done = agentkit("runs", "resume", killed.id, "--json")
    assert done.returncode == 0, done.stderr
    with load(outside / "agentkit.toml") as kit:
        assert kit.runs.get(killed.id).status == "done"
        assert _did(kit, killed.id) == wanted
        phone: Any = kit.environment("phone")
        result = kit.runs.get(killed.id).result or {}
        assert phone.steps == result["steps"] == 5
        phone.close()


def _did(kit: Kit, run: str) -> list[str]:
    return [e.data["did"] for e in kit.runs.tail(run, kinds=("phone.step",))]


def test_a_step_is_never_done_twice_in_one_process(
    kit: Kit, noisy: NoisyExpert, find: Callable[[str], Task], phone: Teaching
) -> None:
    """Forked after each step, the phone ends as in the whole run."""
    task = find("airplane-mode/1")
    noisy.begin(task, 0, {})
    run = kit.agent("color").run("", task_id=task.id)
    assert run.result.success and phone.steps == 4  # type: ignore[attr-defined]
    noisy.begin(task, 0, {})
    fork = kit.fork(run.id, 12)
    fork.wait(60)
    assert fork.result.success and phone.steps == 4  # type: ignore[attr-defined]
