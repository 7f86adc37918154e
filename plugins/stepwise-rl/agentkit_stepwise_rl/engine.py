"""The Ring engine as this plugin meets it: by the kit, with a model of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from agentkit.capabilities import Example, LanguageModel, Weights
from agentkit.kit import Kit
from agentkit_stepwise_rl.retrained import private, read_weights

ENGINE = "stepwise-engine"


class Drawn(Protocol):
    """An answer: see `Steps.draw` of the Ring trainer."""

    @property
    def id(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def ids(self) -> tuple[int, ...]: ...
    @property
    def logp(self) -> tuple[float, ...]: ...
    @property
    def whole(self) -> bool: ...


class Steps(Protocol):
    """What the Ring trainer's `steps` gives."""

    number: int
    extra: dict[str, Any]

    def draw(self, asks: Sequence[Any]) -> list[Drawn]: ...
    def advantages(
        self, rewards: Sequence[float], groups: Sequence[int]
    ) -> tuple[list[float], int]: ...
    def learn(
        self, drawn: Sequence[Drawn], advantages: Sequence[float], rate: float | None = None
    ) -> dict[str, float]: ...
    def keep(
        self, extra: Mapping[str, Any], metrics: Mapping[str, float] | None = None
    ) -> Path: ...
    def tensors(self) -> dict[str, Any]: ...


class RingTrainer(Protocol):
    def steps(
        self, out: Path, examples: Sequence[Example], resume: bool = False
    ) -> AbstractContextManager[Steps]: ...


class Ask:
    """One answer that is wanted: see `Steps.draw`."""

    __slots__ = ("id", "prompt", "seed")

    def __init__(self, id: str, prompt: str, seed: int) -> None:
        self.id, self.prompt, self.seed = id, prompt, seed


@contextmanager
def opened(
    kit: Kit,
    model: str,
    settings: Mapping[str, Any],
    examples: Sequence[Example],
    out: Path,
    *,
    start: Path | None = None,
    resume: bool = False,
) -> Iterator[Steps]:
    """A training on a copy of a model.

    Raises:
        PluginError: the plugin `ring-rl` is not installed.
    """
    own, _ = private(kit, model)
    with own:
        # No reward parts: answers are scored here. One is named because a trainer wants one.
        own.define("reward", "answer", use="exact-answer")
        given = {**settings, "rewards": ("answer",), "start": str(start) if start else None}
        own.define("trainer", ENGINE, use="ring", **given)
        ring: RingTrainer = own.part("trainer", ENGINE)
        with ring.steps(out, examples, resume) as steps:
            yield steps


class Copy:
    """A model to measure with, whose weights follow a training."""

    def __init__(self, kit: Kit, model: str, start: Path | None = None) -> None:
        self._kit, self.model = private(kit, model)
        self._version = 0
        if start is not None:
            self.load(read_weights(start))

    def load(self, tensors: Mapping[str, Any]) -> LanguageModel:
        self._version += 1
        self.model.ability(Weights).load(tensors, version=self._version)
        return self.model

    def close(self) -> None:
        self._kit.close()
