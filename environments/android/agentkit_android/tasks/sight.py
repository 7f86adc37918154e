"""What an expert sees, and how it finds its way: each call gives one action.

An expert is a function of what is there, not a script: it can go on from any state, and so give the
right action for states that others reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from agentkit.capabilities import Action
from agentkit_android.client.actions import (
    ClearText,
    LongPress,
    Open,
    Press,
    Scroll,
    Swipe,
    Tap,
    Type,
)
from agentkit_android.client.driver import Look
from agentkit_android.client.tree import Element
from agentkit_android.tasks.state import PhoneState


@dataclass(slots=True)
class Memory:
    """What an expert keeps between two actions: which way it scrolls on this screen, and what it
    has read elsewhere."""

    before: Sequence[str] = ()
    way: Literal["down", "up"] = "down"
    turned: int = 0
    facts: dict[str, str] = field(default_factory=dict)

    def forget(self) -> None:
        self.before, self.way, self.turned = (), "down", 0

    def to_json(self) -> dict[str, object]:
        return {
            "before": list(self.before),
            "way": self.way,
            "turned": self.turned,
            "facts": self.facts,
        }


@dataclass(slots=True)
class Sight:
    """One look at the screen, with the state behind it.

    Attributes:
        look: the screen. phone: the state. memory: of the same expert.
    """

    look: Look
    phone: PhoneState
    memory: Memory = field(default_factory=Memory)

    # Finding.

    def find(self, label: str, *, role: str = "", whole: bool = True) -> Element | None:
        """The first element with that label, description, or resource id (`#name`); one that can
        be tapped before others."""
        found = [
            e for e in self.look.elements if (not role or e.role == role) and _is(e, label, whole)
        ]
        return next((e for e in found if e.clickable), found[0] if found else None)

    def field(self, name: str) -> Element | None:
        """A text field by its resource id."""
        return next((e for e in self.look.elements if e.editable and e.resource == name), None)

    def all(self, label: str, *, whole: bool = True) -> list[Element]:
        return [e for e in self.look.elements if _is(e, label, whole)]

    def has(self, label: str) -> bool:
        return self.find(label) is not None

    def value(self, label: str, *, above: bool = False) -> str:
        """What stands with a label: beside it in the same row, or right under or above it."""
        found = self.find(label)
        if found is None:
            return ""
        if found.label.startswith(f"{label}, "):
            return found.label.removeprefix(f"{label}, ")
        if found.label.endswith(f", {label}"):
            return found.label.removesuffix(f", {label}")
        left, top, _, bottom = found.bounds
        near = found.height
        for e in self.look.elements:
            gap = top - e.bounds[3] if above else e.bounds[1] - bottom
            if e.bounds[0] == left and 0 <= gap < near:
                return e.label
        return ""

    @property
    def title(self) -> str:
        """The first words on the screen: of its top bar, or of a dialog."""
        return next((e.label for e in self.look.elements if e.role == "text"), "")

    # Doing.

    def tap(self, element: Element) -> Action:
        x, y = element.middle
        return Tap(x=x, y=y)

    def hold(self, element: Element) -> Action:
        x, y = element.middle
        return LongPress(x=x, y=y, seconds=1.0)

    def press(self, *labels: str) -> Action | None:
        """Taps the first of these that is seen."""
        for label in labels:
            if (found := self.find(label)) is not None:
                return self.tap(found)
        return None

    def reach(self, app: str, *route: str, held: bool = False) -> Action:
        """The next step on the way to the last label of a route through an app: taps the deepest
        one that is seen (or presses it long), looks for it by scrolling, goes back where there is
        none, or opens the app."""
        if self.look.package != app:
            return Open(app=app)
        for label in reversed(route):
            found = self.find(label)
            if found is not None:
                last = held and label == route[-1]
                return self.hold(found) if last else self.tap(found)
        return self.scroll() or Press(button="back")

    def scroll(self) -> Action | None:
        """Looks through a list once down and once up; None where nothing new can come."""
        now = [e.label for e in self.look.elements]
        memory = self.memory
        if not any(e.scrollable for e in self.look.elements):
            self.memory.forget()
            return None
        if now == list(memory.before):  # the end
            memory.way = "up" if memory.way == "down" else "down"
            memory.turned += 1
            if memory.turned > 2:
                self.memory.forget()
                return None
        memory.before = now
        return Scroll(direction=memory.way)

    def fill(self, element: Element, wanted: str) -> Action | None:
        """The next step to have a field hold a text; None where it does."""
        if element.text == wanted:
            return None
        if not element.focused:
            return self.tap(element)
        shown = f"{element.resource}: {element.text}"
        if element.text in HINTS or element.text.startswith("Search"):
            return Type(text=wanted)
        if self.memory.facts.pop("cleared", "") == shown:
            return Type(text=wanted)  # clearing it changed nothing: that is its hint
        self.memory.facts["cleared"] = shown
        return ClearText()

    def form(self, *done: str, **fields: str) -> Action:
        """The next step to fill in fields, by the ends of their resource ids, and then to press
        what ends it."""
        for name, wanted in fields.items():
            element = self.field(name)
            if element is None:
                return self.scroll() or Press(button="back")
            if (step := self.fill(element, wanted)) is not None:
                return step
        return self.press(*done) or self.scroll() or Press(button="back")

    def search(self, wanted: str, field: str = "query") -> Action | None:
        """The next step to have a search field hold a text; None where it does, or is not there."""
        box = self.field(field)
        return None if box is None else self.fill(box, wanted)

    def day(self, wanted: date) -> Action:
        """The next step in a dialog that picks a day."""
        told = day(wanted)
        if self.title == told:
            return self.press("OK") or Press(button="back")
        if (cell := self.find(told)) is not None and cell.clickable:
            return self.tap(cell)
        shown = next(
            (datetime.strptime(e.label, "%B %Y") for e in self.all("#month")), datetime(1970, 1, 1)
        )
        later = (wanted.year, wanted.month) > (shown.year, shown.month)
        return self.press("Next month" if later else "Previous month") or Press(button="back")

    def clock(self, hour: int, minute: int, prefix: str = "_") -> Action:
        """The next step in a dialog that picks a time."""
        fields = {f"{prefix}hour": f"{hour:02}", f"{prefix}minute": f"{minute:02}"}
        return self.form("OK", **fields)

    def slide(self, element: Element, part: float) -> Action:
        """Moves the knob of a slider to a part of its way, 0 to 1."""
        left, top, right, bottom = element.bounds
        y = (top + bottom) // 2
        x = left + round(part * (right - left - 1))
        return Swipe(x=(left + right) // 2, y=y, to_x=x, to_y=y, seconds=0.5)


HINTS = frozenset(
    (
        "|Name|Phone|Email|Notes|Note|Title|Location|Description|Text message|0.00|To|Servings"
        "|Name or phone number|Minutes|Source|Ingredients|Directions|Label|Write something|Amount"
        "|Hour|Minute"
    ).split("|")
)
"""What fields tell while they are empty."""


def day(wanted: date) -> str:
    """A day as the phone writes it."""
    return f"{wanted:%a, %b} {wanted.day}, {wanted.year}"


def _is(element: Element, label: str, whole: bool) -> bool:
    if label.startswith("#"):
        return element.resource == label[1:]
    if element.editable:
        return False  # what somebody typed is no label
    said = element.label
    if not whole:
        return label.casefold() in said.casefold()
    return (
        label in (said, element.description)
        or label in said.split(", ")
        or (said.startswith(f"{label}, "))
    )
