"""What every trainer, model, reward and agent must do, by the parts of this plugin."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from agentkit.agents.acting import ElementLine, Screen, StepPrompt
from agentkit.capabilities import Checkpoint, Example, Outcome, TrainingDiverged
from agentkit.errors import AgentkitError
from agentkit.kit import load
from agentkit.testing.conformance import (
    AgentConformance,
    LanguageModelConformance,
    RewardConformance,
    TrainerConformance,
)
from agentkit.testing.progress import Recorder
from agentkit.testing.tiny import tiny_model_folder
from agentkit_stepwise_rl.trajectories import Did, Seen, Trajectory

pytestmark = pytest.mark.slow
PHONE = '[environments.inside]\nuse = "android"\nwhere = "inside"\npicture = false\n'
LABELS = ("Alarms", "Timer", "Settings", "Stopwatch", "World clock", "Add")


def prompt(goal: str) -> str:
    elements = tuple(ElementLine("button", label) for label in LABELS)
    return StepPrompt(goal, Screen("com.android.deskclock.Main", "", elements)).write()


def demonstrations() -> list[Example]:
    """Steps as people write them into a file: of each button one."""
    return [
        Example(
            f"shown.{number}",
            {
                "prompt": prompt(f"Tap {label}"),
                "answer": json.dumps({"kind": "tap", "element": number}),
            },
        )
        for number, label in enumerate(LABELS)
    ]


class TestStepwise(TrainerConformance):
    toml = PHONE + (
        '[trainers.part]\nuse = "stepwise"\nenvironment = "inside"\nsteps = 6\nsamples = 6\n'
        "filter = 0\nheld_out = 0\ntasks = 0\nrate = 3e-3\ntemperature = 2.0\nkeep = 2\n"
        'model = "phone-policy"\nonline = false\n'
    )
    metric: ClassVar[str] = "shortfall"
    weights: ClassVar[str] = "model.safetensors"

    def data(self) -> Sequence[Example]:
        return demonstrations()

    def test_tr06_divergence_keeps_the_last_good_one(self) -> None:
        """Rewards are counted, not read, so that no data is poison: a rate is."""
        with tempfile.TemporaryDirectory() as folder, load(environ={}) as kit:
            out = Path(folder) / "out"
            with self.fresh() as trainer:
                before = self.learned(made := trainer.train(self.data(), out, Recorder()))
            kit.define("environment", "inside", use="android", where="inside", picture=False)
            own = {"samples": 6, "filter": 0, "held_out": 0, "tasks": 0, "temperature": 2.0}
            kit.define(
                "trainer", "wild", use="stepwise", environment="inside", rate=1e37, steps=6, **own
            )
            with pytest.raises(TrainingDiverged):
                kit.part("trainer", "wild").train(self.data(), out, Recorder())
            assert self.learned(made) == before


class TestEvolve(TrainerConformance):
    """Two rounds of two steps: too few to get better, so that going back is tried as well."""

    toml = PHONE + (
        '[trainers.part]\nuse = "evolve"\nenvironment = "inside"\niterations = 2\n'
        'queries = 4\nrepeats = 1\ntasks = 1\nstarts = ["Clock"]\nhuman = "expert"\n'
        "patience = 2\nsft = {steps = 2, batch = 4, longest = 400}\n"
    )
    weights: ClassVar[str] = "model.safetensors"

    def data(self) -> Sequence[Example]:
        return demonstrations()

    def learned(self, checkpoint: Checkpoint) -> dict[str, str]:
        """By the round: its folder is named by rollouts, which are runs with ids of their own."""
        found = super().learned(checkpoint)
        return {name.partition("/")[0]: digest for name, digest in found.items()}

    def test_tr02_the_metric_falls(self) -> None:
        """It has none that falls: rounds as planned, each with its success."""
        progress, checkpoint = self.trained()
        assert checkpoint.step == self.part.plan().steps == 2 and self.learned(checkpoint)
        assert [step for step, _ in progress.updates] == [0, 1, 2]
        assert all(0 <= metrics["success"] <= 1 for _, metrics in progress.updates)

    def test_tr03_every_step_names_its_examples(self) -> None:
        """They are older ones, or lead back to a rollout."""
        progress, _ = self.trained()
        given = {one.id for one in self.data()}
        assert set(progress.used) == {1, 2}
        for ids in progress.used.values():
            assert ids and any(id not in given for id in ids)

    def test_tr06_divergence_keeps_the_last_good_one(self) -> None:
        """It says which round diverged, and the weights before it stay."""
        with tempfile.TemporaryDirectory() as folder, self.fresh() as trainer:
            out = Path(folder) / "out"
            trainer.settings.sft["rate"] = 1e37
            with pytest.raises(AgentkitError, match="learn slower"):
                trainer.train(self.data(), out, Recorder())
            assert not list(out.rglob("report.json"))

    def test_tr07_no_data_is_an_error(self) -> None:
        """It makes its own; data that is none is refused."""
        wrong, refused = (
            [Example("x", {"text": "?"})],
            pytest.raises(AgentkitError, match="no prompt"),
        )
        with tempfile.TemporaryDirectory() as folder, self.fresh() as trainer, refused:
            trainer.train(wrong, Path(folder) / "out", Recorder())


class TestRetrained(LanguageModelConformance):
    """As its base, whatever that is."""

    use = "retrained"
    _folder: ClassVar[tempfile.TemporaryDirectory[str] | None] = None

    def make(self) -> Any:
        cls = type(self)
        if cls._folder is None:
            cls._folder = tempfile.TemporaryDirectory()
            path = tiny_model_folder(Path(cls._folder.name) / "model")
            cls.toml = (
                f"[models.tiny]\nuse = 'transformers'\ndtype = 'fp32'\nmodel = '{path}'\n"
                "[models.part]\nuse = 'retrained'\nbase = 'tiny'\n"
            )
        return super().make()

    @classmethod
    def teardown_class(cls) -> None:
        super().teardown_class()
        if cls._folder is not None:
            cls._folder.cleanup()
        cls._folder, cls.toml = None, ""


class TestStepReward(RewardConformance):
    toml = PHONE + '[rewards.part]\nuse = "step"\nenvironment = "inside"\n'
    good = Outcome({**demonstrations()[1].data}, '{"kind": "tap", "element": 1}')
    bad = Outcome({**demonstrations()[1].data}, '{"kind": "tap", "element": 2}')


def told(label: str) -> dict[str, Any]:
    """A trajectory of one tap, after which the goal's word is seen or is not."""
    seen = Seen("com.android.deskclock.Main", "", ({"role": "text", "label": label},))
    did = Did(seen, {"kind": "tap", "element": 0}, f'tap text "{label}"')
    goal, done = "Start the Timer", "success"
    return Trajectory("run", goal, "", "", "train", 0, (did,), seen, claim=done).to_json()


class TestDiscriminator(RewardConformance):
    toml = '[rewards.part]\nuse = "discriminator"\nkind = "completion"\n'
    good = Outcome({"trajectory": told("Timer")}, "")
    bad = Outcome({"trajectory": told("Alarms")}, "")


class TestRollout(AgentConformance):
    toml = PHONE + '[agents.part]\nuse = "rollout"\nenvironment = "inside"\nsteps = 3\n'
    task = "Turn on airplane mode"
    pauses = 2
    input: ClassVar[dict[str, Any]] = {"task_id": "airplane-mode/1"}

    def test_ag05_it_goes_on_from_any_step(self) -> None:
        """An episode is one step: a fork of it has no screen to go on from, and says so."""
        with self.opened() as kit:
            fork = self.finish(kit.fork(self.finish(self.start(kit)).id, 1))
            assert fork.status == "failed" and "screen is not known" in fork.row.note

    def test_ag06_a_pause_loses_nothing(self) -> None:
        """Where it is not gone on with, the next one with its seed is the same episode."""
        with self.opened() as kit:
            one, two = self.finish(self.start(kit)), self.finish(self.start(kit))
            assert one.result == two.result and _did(kit, one.id) == _did(kit, two.id)


def _did(kit: Any, run: str) -> list[Any]:
    return [e.data for e in kit.runs.tail(run) if e.kind == "action"]


class TestEvolveAgent(AgentConformance):
    toml = PHONE + (
        '[agents.part]\nuse = "evolve"\nenvironment = "inside"\niterations = 1\nqueries = 2\n'
        'repeats = 1\ntasks = 1\nstarts = ["Clock"]\nhuman = "expert"\n'
        "sft = {steps = 2, batch = 4, longest = 400}\n"
    )
    pauses = 2
