"""TR: trainers."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar

from agentkit.capabilities import Checkpoint, Example, TrainingDiverged
from agentkit.errors import AgentkitError, RunInterrupted
from agentkit.testing.conformance.base import Conformance
from agentkit.testing.progress import Recorder


class TrainerConformance(Conformance):
    """Give `toml` or `make()` of a trainer of a few steps, and `data`.

    metric: which must fall. weights: names of the files that hold what was learned.
    """

    noun = "trainer"
    metric: ClassVar[str] = "loss"
    weights: ClassVar[str] = "*.safetensors"

    def data(self) -> Sequence[Example]:
        raise NotImplementedError(f"{type(self).__name__} gives no data()")

    def broken(self) -> Sequence[Example]:
        """Data that no training survives; by default every number in it is NaN."""
        return [replace(one, data=_poisoned(one.data)) for one in self.data()]

    _whole: ClassVar[tuple[tempfile.TemporaryDirectory[str], Recorder, Checkpoint] | None] = None

    def trained(self) -> tuple[Recorder, Checkpoint]:
        """One undisturbed training for all cases that need no more than that."""
        cls = type(self)
        if "_whole" not in cls.__dict__ or cls._whole is None:
            folder, progress = tempfile.TemporaryDirectory(), Recorder()
            with self.fresh() as trainer:
                made = trainer.train(self.data(), Path(folder.name) / "out", progress)
            cls._whole = folder, progress, made
        _, progress, made = cls._whole
        return progress, made

    @classmethod
    def teardown_class(cls) -> None:
        whole, cls._whole = cls.__dict__.get("_whole"), None
        if whole is not None:
            whole[0].cleanup()
        super().teardown_class()

    def learned(self, checkpoint: Checkpoint) -> dict[str, str]:
        """Name and hash of each file of weights."""
        found = {
            str(path.relative_to(checkpoint.path)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(checkpoint.path.rglob(self.weights))
        }
        assert found, f"no {self.weights} in {checkpoint.path}"
        return found

    def test_tr01_a_plan_says_what_it_takes(self) -> None:
        """Steps, parameters, memory and seconds, before anything is trained."""
        plan = self.part.plan()
        assert plan.steps > 0 and plan.parameters > 0 and plan.memory > 0 and plan.seconds > 0

    def test_tr02_the_metric_falls(self) -> None:
        """As many steps as planned, finite metrics, and less loss at the end than at the start."""
        progress, checkpoint = self.trained()
        assert checkpoint.step == self.part.plan().steps
        assert checkpoint.path.is_dir() and self.learned(checkpoint)
        assert all(isfinite(v) for v in checkpoint.metrics.values())
        seen = [metrics[self.metric] for _, metrics in progress.updates if self.metric in metrics]
        assert len(seen) >= 2, f"no {self.metric!r} in the updates"
        assert seen[-1] < seen[0], f"{self.metric} went from {seen[0]:g} to {seen[-1]:g}"
        steps = [step for step, _ in progress.updates]
        assert steps == sorted(steps) and steps[-1] == checkpoint.step

    def test_tr03_every_step_names_its_examples(self) -> None:
        """Progress.examples is told of each step, with ids of the data."""
        (progress, checkpoint), known = self.trained(), {one.id for one in self.data()}
        assert len(progress.used) == checkpoint.step
        for step, ids in progress.used.items():
            assert ids and set(ids) <= known, f"step {step} used {ids}"

    def test_tr04_training_is_repeatable(self) -> None:
        """Twice the same training gives the same weights."""
        _, whole = self.trained()
        with tempfile.TemporaryDirectory() as folder, self.fresh() as trainer:
            again = trainer.train(self.data(), Path(folder) / "out", Recorder())
            assert self.learned(again) == self.learned(whole)

    def test_tr05_interrupted_and_resumed_is_undisturbed(self) -> None:
        """Stopped half way and resumed by another trainer: the same weights, no step twice."""
        progress, half = Recorder(), max(1, self.part.plan().steps // 2)
        progress.stop_at = half
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out"
            with self.fresh() as trainer:
                try:
                    stopped: Any = trainer.train(self.data(), out, progress)
                except RunInterrupted:
                    stopped = None
            planned = self.part.plan().steps
            assert stopped is None or stopped.step < planned, "it went on after it was cancelled"
            rest = Recorder()
            with self.fresh() as trainer:
                resumed = trainer.train(self.data(), out, rest, resume=True)
            assert rest.used and min(rest.used) > 1, "it began again instead of going on"
            assert self.learned(resumed) == self.learned(self.trained()[1])

    def test_tr06_divergence_keeps_the_last_good_one(self) -> None:
        """A loss that is not finite raises TrainingDiverged, and no checkpoint holds it."""
        with tempfile.TemporaryDirectory() as folder, self.fresh() as trainer:
            out = Path(folder) / "out"
            good = trainer.train(self.data(), out, Recorder())
            before = self.learned(good)
            try:
                trainer.train(self.broken(), out, Recorder())
            except TrainingDiverged as error:
                assert error.step >= 0 and error.metric
                assert self.learned(good) == before, "the last good checkpoint was overwritten"
                return
            raise AssertionError("a loss that is not a number was trained on")

    def test_tr07_no_data_is_an_error(self) -> None:
        """An empty data set is refused."""
        with tempfile.TemporaryDirectory() as folder, self.fresh() as trainer:
            try:
                trainer.train([], Path(folder) / "out", Recorder())
            except (AgentkitError, ValueError):
                return
            raise AssertionError("something was learned from nothing")


def _poisoned(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _poisoned(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_poisoned(one) for one in value]
    return float("nan") if isinstance(value, int | float) else value
