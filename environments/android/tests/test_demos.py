"""Demonstrations: right actions in every state, from the train split alone, and resumable."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentkit.agents.acting import StepPrompt, read_reply
from agentkit.capabilities import Action, Task
from agentkit_android.client.actions import ACTIONS, Press
from agentkit_android.command import phone as phone_command
from agentkit_android.demos import recording
from agentkit_android.demos.recording import Noise, episode, train_tasks
from agentkit_android.demos.rewording import reworded
from agentkit_android.env.environment import AndroidEnvironment
from agentkit_android.env.settings import AndroidSettings
from agentkit_android.tasks import catalogue

pytestmark = pytest.mark.slow


@pytest.fixture
def phone() -> AndroidEnvironment:
    return AndroidEnvironment(AndroidSettings(where="inside", picture=False))


def task(name: str, number: int) -> Task:
    return catalogue.task(catalogue.template(name), number)


def test_playing_the_answers_does_the_task(phone: AndroidEnvironment) -> None:
    chosen = task("contact-add", 1)
    examples = episode(phone, chosen, 3, Noise(start=0.0))
    seen = phone.reset(chosen, 3)
    for one in examples:
        prompt = StepPrompt.read(one["prompt"])
        assert prompt.goal == chosen.goal and not one["off"]
        seen = phone.step(
            read_reply(one["answer"], ACTIONS, seen.data["elements"])
        ).observation  # fmt: skip
    assert phone.check(chosen).success


@pytest.mark.slow
def test_noise_leads_to_states_that_the_expert_mends(phone: AndroidEnvironment) -> None:
    chosen = task("wifi", 0)
    calm = episode(phone, chosen, 0, Noise(start=0.0))
    wild = [one for seed in range(4) for one in episode(phone, chosen, seed, Noise(start=0.5))]
    assert any(one["off"] for one in wild) and not any(one["off"] for one in calm)
    assert {one["prompt"] for one in wild} - {one["prompt"] for one in calm}
    assert json.loads(wild[-1]["answer"]) == {"kind": "finish", "status": "success"}
    again = [one for seed in range(4) for one in episode(phone, chosen, seed, Noise(start=0.5))]
    assert again == wild, "the same seed gives the same demonstrations"


def test_a_policy_takes_steps_and_the_expert_says_what_was_right(
    phone: AndroidEnvironment,
) -> None:
    """A policy that always goes back: its steps are in the history, and never in the answers."""

    def back(*_: object) -> Action:
        return Press(button="back")

    noise = Noise(start=0.0, mover=back, mix=0.3)
    examples = [one for seed in range(4) for one in episode(phone, task("wifi", 0), seed, noise)]
    assert all("+." in one["id"] for one in examples), "they stand beside the expert's own"
    assert any("Done: button back" in one["prompt"] for one in examples)
    assert not any("back" in one["answer"] for one in examples if not one["off"])


def test_demonstrations_are_of_the_train_split_alone() -> None:
    own = {t.id for t in catalogue.tasks("train")}
    elsewhere = {
        (t.template, str(t.data["params"]))
        for split in ("validation", "test")
        for t in catalogue.tasks(split)
    }
    made = list(train_tasks(8))
    assert len({t.id for t in made}) == len(made)
    assert own - {t.id for t in made} == set()
    assert not any((t.template, str(t.data["params"])) in elsewhere for t in made)
    assert not any(catalogue.template(t.template).held for t in made)


def test_rewordings_keep_what_is_named_and_hold_some_back() -> None:
    from random import Random

    goal = "Delete the expense “Taxi”"
    shown, held = (
        {reworded(goal, wording, Random(n)) for n in range(60)} for wording in ("train", "held")
    )
    assert not shown & held and all("“Taxi”" in text for text in shown | held)
    assert reworded("What did Hana write last?", "held", Random(0)) == "What did Hana write last?"
    params = {t.id for t in catalogue.tasks("unseen-params")}
    assert {t.id for t in catalogue.tasks("reworded")} <= params


@pytest.mark.slow
def test_a_killed_command_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["demos", "--each", "1", "--noise", "0", "--out", "a.jsonl"]
    monkeypatch.chdir(tmp_path)
    begun = subprocess.Popen(
        [sys.executable, "-m", "agentkit", "phone", *words], stderr=subprocess.PIPE
    )
    part = tmp_path / "a.jsonl.part"
    while not part.exists() or part.read_text().count('"done"') < 2:
        assert begun.poll() is None
    begun.send_signal(signal.SIGKILL)
    begun.communicate()
    done = part.read_text().count('"done"')
    with part.open("a") as file:
        file.write('{"id": "half')
    some = list(train_tasks(1))[: done + 4]  # all of them would take a minute
    monkeypatch.setattr(recording, "train_tasks", lambda each: iter(some))
    again = CliRunner().invoke(phone_command, words)
    assert again.exit_code == 0, again.output
    ids = [json.loads(line)["id"] for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert len(ids) == len(set(ids)) and not part.exists()
    assert {re.sub(r"@.*", "", one) for one in ids} == {task.id for task in some}
    assert "exists" in str(CliRunner().invoke(phone_command, words).exception)
