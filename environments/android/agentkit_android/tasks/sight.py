"""What an expert sees, and how it finds its way: each call gives one action.

An expert is a function of what is there, not a script: it can go on from any state, and so give the
right action for states that others reached.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
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
    """What an expert keeps between two actions: which way it scrolls on this screen."""

    before: Sequence[str] = ()
    way: Literal["down", "up"] = "down"
    turned: int = 0

    def to_json(self) -> dict[str, object]:
        return {"before": list(self.before), "way": self.way, "turned": self.turned}


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
        """The first element with that label, its first line, or its resource id (`#name`)."""
        for element in self.look.elements:
            if (not role or element.role == role) and _is(element, label, whole):
                return element
        return None

    def all(self, label: str, *, whole: bool = True) -> list[Element]:
        return [e for e in self.look.elements if _is(e, label, whole)]

    def has(self, label: str) -> bool:
        return self.find(label) is not None

    def field(self, label: str) -> Element | None:
        """A text field by its hint, description or resource id."""
        return next((e for e in self.look.elements if e.editable and _is(e, label, True)), None)

    def value(self, label: str) -> str:
        """What stands with a label: behind it in the same row, or right under it."""
        found = self.find(label)
        if found is None:
            return ""
        if found.label.startswith(f"{label}, "):
            return found.label.removeprefix(f"{label}, ")
        left, _, _, bottom = found.bounds
        under = [
            e
            for e in self.look.elements
            if e.bounds[0] == left and bottom <= e.bounds[1] < bottom + found.height
        ]
        return under[0].label if under else ""

    # Doing.

    def tap(self, element: Element) -> Action:
        x, y = element.middle
        return Tap(x=x, y=y)

    def hold(self, element: Element) -> Action:
        x, y = element.middle
        return LongPress(x=x, y=y, seconds=1.0)

    def reach(self, app: str, *route: str) -> Action:
        """The next step on the way to the last label of a route through an app: taps the deepest
        one that is seen, looks for it by scrolling, goes back where there is none, or opens the
        app."""
        if self.look.package != app:
            return Open(app=app)
        for label in reversed(route):
            found = self.find(label)
            if found is not None:
                return self.tap(found)
        return self.scroll() or Press(button="back")

    def scroll(self) -> Action | None:
        """Looks through a list once up and once down; None where nothing new can come."""
        now = [e.label for e in self.look.elements]
        memory = self.memory
        if not any(e.scrollable for e in self.look.elements):
            memory.before, memory.turned = (), 0
            return None
        if now == list(memory.before):  # the end
            memory.way = "up" if memory.way == "down" else "down"
            memory.turned += 1
            if memory.turned > 2:
                memory.before, memory.turned, memory.way = (), 0, "down"
                return None
        memory.before = now
        return Scroll(direction=memory.way)

    def fill(self, element: Element, wanted: str) -> Action | None:
        """The next step to have a field hold a text; None where it does."""
        if element.text == wanted:
            return None
        if not element.focused:
            return self.tap(element)
        return ClearText() if element.text else Type(text=wanted)

    def slide(self, element: Element, part: float) -> Action:
        """Moves the knob of a slider to a part of its way, 0 to 1."""
        left, top, right, bottom = element.bounds
        y = (top + bottom) // 2
        x = left + round(part * (right - left - 1))
        return Swipe(x=(left + right) // 2, y=y, to_x=x, to_y=y, seconds=0.5)


def _is(element: Element, label: str, whole: bool) -> bool:
    if label.startswith("#"):
        return element.resource == label[1:]
    said = element.label
    if not whole:
        return label.casefold() in said.casefold()
    return said == label or said.startswith(f"{label}, ") or re.split(r"\n", said)[0] == label
