"""What a task template is. See docs/phone-tasks.md for how to write one.

The manner is AndroidWorld's (Rawles et al., arXiv 2405.14573): a goal with seeded parameters, a
start that is prepared, and a check that reads the phone's state and nothing else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from agentkit.capabilities import Action
from agentkit_android.tasks.sight import Sight
from agentkit_android.tasks.state import PhoneState

Kind = Literal["action", "question", "composite", "switch"]
Held = Literal["", "template", "app"]
STEPS_PER_COMPLEXITY = 10


class Params(BaseModel):
    """Base of a template's parameters; plain JSON values."""

    model_config = ConfigDict(extra="forbid", frozen=True)


P = TypeVar("P", bound=Params)


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that has to be so. The score is the share of the parts that are."""

    what: str
    met: bool


class Template(ABC, Generic[P]):
    """A kind of task; an object of it has no state of its own.

    Attributes:
        name: unique among all templates.
        goal: what is asked for; `{parameter}` is filled in. `goals`: other wordings of it.
        apps: packages that it happens in.
        kind: an action, a question, several things at once, or a mere switch.
        complexity: a tenth of the steps that are allowed.
        held: where it is only in the test split: as a template, or with all of its app.
        verifies: whether the start already is the goal, so that doing nothing is right.
    """

    name: ClassVar[str]
    goal: ClassVar[str]
    goals: ClassVar[Sequence[str]] = ()
    apps: ClassVar[Sequence[str]]
    kind: ClassVar[Kind] = "action"
    complexity: ClassVar[float] = 1.0
    held: ClassVar[Held] = ""
    verifies: ClassVar[bool] = False
    params: type[P]

    @abstractmethod
    def draw(self, random: Random) -> P:
        """Parameters, the same for the same state of `random`."""

    @abstractmethod
    def begin(self, phone: PhoneState, p: P, random: Random) -> None:
        """Prepares the phone: what the task needs, and things that look like it and are not."""

    @abstractmethod
    def check(self, phone: PhoneState, p: P, answer: str) -> Sequence[Part]:
        """Reads the state; never what is on the screen. answer: what the agent said, or ""."""

    @abstractmethod
    def expert(self, see: Sight, p: P) -> Action:
        """The next action towards the goal, from any state; Finish or Answer where it is
        reached."""

    def nearly(self, p: P, random: Random) -> P:
        """Parameters that are not these: doing them instead must not count as done. So they are
        of another goal, and of a question with another answer: nothing in them is the same."""
        others = [other for other in (self.draw(random) for _ in range(200)) if other != p]
        if not others:
            raise ValueError(f"{self.name} has only one set of parameters: give nearly()")
        return next((other for other in others if self._apart(p, other)), others[0])

    def _apart(self, p: P, other: P) -> bool:
        if self.kind == "question":
            return not any(
                getattr(p, name) == getattr(other, name) for name in type(p).model_fields
            )
        return self.wording(p) != self.wording(other)

    def spoil(self, phone: PhoneState, p: P) -> bool:
        """Makes a state that is right nearly right, for a template whose parameters say too little
        to do something else by mistake. False where there is no need of it."""
        return False

    @property
    def budget(self) -> int:
        """Steps that are allowed."""
        return int(STEPS_PER_COMPLEXITY * self.complexity)

    def wording(self, p: P, number: int = 0) -> str:
        """The goal in words."""
        texts = (self.goal, *self.goals)
        return texts[number % len(texts)].format(**self.shown(p))

    def shown(self, p: P) -> dict[str, object]:
        """What the goal's braces are filled with."""
        return p.model_dump()


def said(answer: str, wanted: str) -> bool:
    """Whether an answer holds what was asked for, whatever its case, spaces and punctuation; long
    numbers by their digits. One that says everything that stands somewhere is none."""
    if not wanted or len(answer) > 4 * len(wanted) + 80:
        return False
    if len(digits := _digits(wanted)) >= 6 and not any(c.isalpha() for c in wanted):
        return digits in _digits(answer)
    return f" {_plain(wanted)} " in f" {_plain(answer)} "


def _plain(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split())


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit())
