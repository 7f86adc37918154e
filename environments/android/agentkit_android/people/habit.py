"""What a personal task is: its goal is the same for everybody, what is right is not.

The manner is MobileIAR's (Wu et al., arXiv 2508.08645), by state instead of by step: the task is
done where the phone is as this user would have it, and another user's way does not do it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from random import Random
from typing import ClassVar, TypeVar

from agentkit.capabilities import Action
from agentkit_android.client.actions import ClearText, Press, Type
from agentkit_android.client.transport import must
from agentkit_android.people.users import User, users
from agentkit_android.tasks.sight import Sight
from agentkit_android.tasks.state import PhoneState
from agentkit_android.tasks.template import Params, Part, Template


class Personal(Params):
    """user: whose phone it is, by a short name; never told in the goal."""

    user: str

    @property
    def person(self) -> User:
        return users()[self.user]


P = TypeVar("P", bound=Personal)


class Habit(Template[P]):
    """prefers: the field of a user that decides what is right."""

    prefers: ClassVar[str]
    complexity = 2.0

    @abstractmethod
    def drawn(self, user: str, random: Random) -> P:
        """Parameters for somebody; all but the user are the same for the same `random`."""

    @abstractmethod
    def expert(self, see: Sight, p: P) -> Action: ...

    def wish(self, p: P) -> object:
        return getattr(p.person, self.prefers)

    def draw(self, random: Random) -> P:
        return self.drawn(random.choice(list(users())), random)

    def nearly(self, p: P, random: Random) -> P:
        """The way of somebody who wants it otherwise."""
        others = [k for k, u in users().items() if getattr(u, self.prefers) != self.wish(p)]
        return p.model_copy(update={"user": random.choice(others)})

    def shown(self, p: P) -> dict[str, object]:
        return {k: v for k, v in p.model_dump().items() if k != "user"}

    def begin(self, phone: PhoneState, p: P, random: Random) -> None:
        """Most begin on a phone as it is."""

    def done(self, see: Sight, p: P) -> bool:
        return all(part.met for part in self.check(see.phone, p, ""))


def grant(phone: PhoneState, package: str, permission: str) -> None:
    must(phone.transport, "pm", "grant", package, f"android.permission.{permission}")


def enter(see: Sight, name: str, wanted: str, hint: str) -> Action | None:
    """The next step to have a field hold a text; None where it does. hint: what it tells while it
    is empty."""
    box = see.field(name)
    if box is None:
        return Press(button="back")
    if box.text == wanted:
        return None
    if not box.focused:
        return see.tap(box)
    return Type(text=wanted) if box.text == hint else ClearText()


def one_of(what: str, wanted: object, found: Sequence[object]) -> Part:
    return Part(f"{what} is {list(found)}, wanted {wanted!r}", list(found) == [wanted])
