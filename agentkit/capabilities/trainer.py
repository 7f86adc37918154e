"""Trainer: makes a checkpoint out of data, and records which examples every step used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from agentkit.capabilities.language_model import Cancel

if TYPE_CHECKING:
    from agentkit.runs.store import RunStore


@dataclass(frozen=True, slots=True)
class Plan:
    """What a training will take. memory: bytes. seconds: on this machine, an estimate."""

    steps: int
    parameters: int
    memory: int
    seconds: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """One training example; its id is what audits lead back to."""

    id: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """path: a folder with weights, optimizer, random state, and settings. metrics: final values."""

    path: Path
    step: int
    metrics: Mapping[str, float] = field(default_factory=dict)


class Progress(Protocol):
    """Given by the host. Never print."""

    cancel: Cancel

    def update(self, step: int, total: int, metrics: Mapping[str, float] | None = None) -> None: ...

    def examples(self, step: int, ids: Iterable[str]) -> None:
        """Records which examples a step used."""
        ...


@runtime_checkable
class Trainer(Protocol):
    def plan(self) -> Plan: ...

    def train(
        self, data: Iterable[Example], out: Path, progress: Progress, resume: bool = False
    ) -> Checkpoint:
        """Trains to `out`. Interrupted and resumed gives the same weights as undisturbed.

        Raises:
            TrainingDiverged: a loss is not finite; the last good checkpoint stays.
        """
        ...


@runtime_checkable
class LearnsFromRuns(Protocol):
    """A trainer that makes its examples of stored runs: `agentkit train NAME --runs …`."""

    def from_runs(self, store: RunStore, names: Sequence[str]) -> Sequence[Example]:
        """Examples of runs named by their ids, or by their agent. An example's id leads back to
        its run.

        Raises:
            DataError: nothing of them can be learned from; the message counts why.
        """
        ...


class TrainingDiverged(RuntimeError):
    """A metric went to infinity or is not a number."""

    def __init__(self, step: int, metric: str) -> None:
        super().__init__(f"{metric} is not finite at step {step}")
        self.step, self.metric = step, metric
