"""Rollouts, their groups, and what an engine must do for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from torch import Tensor

End = Literal["stop", "length", "error"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is asked. id: of the example. ids: tokens. limit: most tokens of an answer. data: the
    example's own, for rewards."""

    id: str
    ids: tuple[int, ...]
    limit: int
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Rollout:
    """An answer on its way. logp: log q of each token as it was drawn. versions: of the weights
    that drew it. retention: number of partitions that it has been through unfinished.
    """

    group: int
    member: int
    prompt: Prompt
    seed: int
    ids: list[int] = field(default_factory=list)
    logp: list[float] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)
    retention: int = 0
    end: End | None = None
    why: str = ""

    @property
    def remaining(self) -> int:
        """Tokens that it may still have: a resumed answer does not get the full limit again."""
        return self.prompt.limit - len(self.ids)


@dataclass(slots=True)
class Group:
    """The answers to one prompt; they are trained on together or not at all."""

    number: int
    prompt: Prompt
    members: list[Rollout]

    @property
    def complete(self) -> bool:
        return all(one.end is not None for one in self.members)

    @property
    def retention(self) -> int:
        return max(one.retention for one in self.members)


class RolloutEngine(Protocol):
    """Draws tokens for many rollouts at once; the scheduler cannot tell real from simulated.

    slots: most rollouts at once. version: of the weights that draw.
    """

    slots: int
    version: int

    def start(self, rollouts: Sequence[Rollout], *, keep: bool = False) -> None:
        """Takes rollouts in. One that has tokens goes on behind them: they are read again with the
        present weights, so that its next token is drawn exactly as those weights would. With
        keep=True an engine goes on with keys and values of older weights.

        Raises:
            Unsupported: keep=True, and it cannot.
        """
        ...

    def step(self) -> list[Rollout]:
        """Every rollout gets its next tokens; gives those that ended. A rollout that cannot go on
        ends with "error" and says why, and the others are not disturbed."""
        ...

    def pause(self) -> None:
        """Takes all rollouts out; those that have not ended keep their tokens."""
        ...

    def load(self, tensors: Mapping[str, Tensor], version: int) -> None:
        """New weights; every key and value of older ones is dropped, caches of prompts too."""
        ...

    def release(self) -> int:
        """Gives memory back between two phases; the bytes. `load` must follow before `step`."""
        ...

    def close(self) -> None: ...
