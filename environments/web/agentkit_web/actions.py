"""What can be done in a browser. Elements go by the ids that observations show: "e12"."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from agentkit.capabilities import Action, Effect

Element = Annotated[str, Field(max_length=20, description="its id, such as e12")]
KEYS = Literal[
    "Enter", "Tab", "Escape", "Backspace", "Delete", "ArrowUp", "ArrowDown", "ArrowLeft",
    "ArrowRight", "Home", "End", "PageUp", "PageDown", "Space",
]  # fmt: skip


class Goto(Action):
    """Opens an address."""

    effect: ClassVar[Effect] = Effect.INSIDE
    kind: Literal["goto"] = "goto"
    url: str = Field(max_length=2000)


class Click(Action):
    """Clicks an element. Outside of the task's own sites, nothing that changes something there may
    follow from it: for that there is `submit`."""

    effect: ClassVar[Effect] = Effect.INSIDE
    kind: Literal["click"] = "click"
    element: Element
    double: bool = False


class Submit(Action):
    """Clicks an element that sends something: a form, an order, a message."""

    effect: ClassVar[Effect] = Effect.OUTSIDE
    kind: Literal["submit"] = "submit"
    element: Element


class Type(Action):
    """Writes into a field, in place of what it holds."""

    effect: ClassVar[Effect] = Effect.INSIDE
    kind: Literal["type"] = "type"
    element: Element
    text: str = Field(max_length=10_000)


class Press(Action):
    """Presses a key."""

    effect: ClassVar[Effect] = Effect.INSIDE
    kind: Literal["press"] = "press"
    key: KEYS


class Select(Action):
    """Chooses an option of a list by its text."""

    effect: ClassVar[Effect] = Effect.INSIDE
    kind: Literal["select"] = "select"
    element: Element
    option: str = Field(max_length=500)


class Scroll(Action):
    """Moves the page by window heights."""

    effect: ClassVar[Effect] = Effect.NONE
    kind: Literal["scroll"] = "scroll"
    direction: Literal["up", "down"] = "down"
    windows: float = Field(default=0.8, gt=0, le=20)


class Drag(Action):
    """Drags an element onto another one."""

    effect: ClassVar[Effect] = Effect.INSIDE
    kind: Literal["drag"] = "drag"
    element: Element
    onto: Element


class Download(Action):
    """Clicks an element that gives a file, and keeps the file."""

    effect: ClassVar[Effect] = Effect.INSIDE
    kind: Literal["download"] = "download"
    element: Element


class Back(Action):
    """Goes back to the page before."""

    effect: ClassVar[Effect] = Effect.INSIDE
    kind: Literal["back"] = "back"


class Tab(Action):
    """Opens, closes or shows a tab; the first one is 0."""

    effect: ClassVar[Effect] = Effect.INSIDE
    kind: Literal["tab"] = "tab"
    what: Literal["open", "close", "show"]
    number: int = Field(default=0, ge=0, le=50)


class Wait(Action):
    """Lets the page's time pass."""

    effect: ClassVar[Effect] = Effect.NONE
    kind: Literal["wait"] = "wait"
    seconds: float = Field(default=1.0, gt=0, le=10)


class Answer(Action):
    """Says the answer, where the task asks for one, or that the task is done. Ends the episode."""

    effect: ClassVar[Effect] = Effect.INSIDE
    kind: Literal["answer"] = "answer"
    text: str = Field(default="", max_length=5000)


ACTIONS = (
    Goto, Click, Submit, Type, Press, Select, Scroll, Drag, Download, Back, Tab, Wait, Answer,
)  # fmt: skip
