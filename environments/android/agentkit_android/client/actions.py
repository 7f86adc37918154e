"""What can be done on a phone: a closed union, told apart by `kind`.

Points are pixels from the top left, as they are in the screenshot. What lies outside the screen
hits nothing.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from agentkit.capabilities import Action

VERSION = 1
MAX_TEXT = 10_000
Pixel = Annotated[int, Field(ge=-10_000, le=10_000)]
Direction = Literal["up", "down", "left", "right"]
Button = Literal["back", "home", "recents", "menu", "power", "notifications", "quick-settings"]
Key = Literal[
    "enter", "delete", "tab", "escape", "search", "space",
    "up", "down", "left", "right", "volume-up", "volume-down", "copy", "paste", "select-all",
]  # fmt: skip


class Tap(Action):
    """One short touch."""

    kind: Literal["tap"] = "tap"
    x: Pixel
    y: Pixel


class DoubleTap(Action):
    """Two short touches at one point."""

    kind: Literal["double-tap"] = "double-tap"
    x: Pixel
    y: Pixel


class LongPress(Action):
    """A touch that stays."""

    kind: Literal["long-press"] = "long-press"
    x: Pixel
    y: Pixel
    seconds: float = Field(1.0, gt=0.5, le=10)


class Swipe(Action):
    """A finger that moves from one point to another; lists follow it."""

    kind: Literal["swipe"] = "swipe"
    x: Pixel
    y: Pixel
    to_x: Pixel
    to_y: Pixel
    seconds: float = Field(0.3, gt=0, le=10)


class Drag(Action):
    """As a swipe, with a long press first: what lies under the finger is taken along."""

    kind: Literal["drag"] = "drag"
    x: Pixel
    y: Pixel
    to_x: Pixel
    to_y: Pixel


class Scroll(Action):
    """Shows more of what lies in that direction, by a good third of a screen."""

    kind: Literal["scroll"] = "scroll"
    direction: Direction


class Type(Action):
    """Writes into the field that has the focus, whatever the script."""

    kind: Literal["type"] = "type"
    text: str = Field(max_length=MAX_TEXT)


class ClearText(Action):
    """Empties the field that has the focus."""

    kind: Literal["clear-text"] = "clear-text"


class PressKey(Action):
    """A key of a keyboard."""

    kind: Literal["key"] = "key"
    key: Key


class Press(Action):
    """A button of the phone, or what a swipe from an edge of the screen does."""

    kind: Literal["button"] = "button"
    button: Button


class Open(Action):
    """Starts an app as the launcher does, by its package or by its name on the launcher."""

    kind: Literal["open"] = "open"
    app: str = Field(min_length=1, max_length=200)


class Wait(Action):
    """Lets the phone go on by itself."""

    kind: Literal["wait"] = "wait"
    seconds: float = Field(1.0, gt=0, le=60)


class Answer(Action):
    """Tells a person what was asked for; ends the episode."""

    kind: Literal["answer"] = "answer"
    text: str = Field(max_length=MAX_TEXT)


class Finish(Action):
    """Says that the task is done, or that it cannot be; ends the episode."""

    kind: Literal["finish"] = "finish"
    status: Literal["success", "infeasible"] = "success"


ACTIONS: tuple[type[Action], ...] = (
    Tap, DoubleTap, LongPress, Swipe, Drag, Scroll, Type, ClearText, PressKey, Press, Open, Wait,
    Answer, Finish,
)  # fmt: skip
AnyAction = Annotated[
    Tap | DoubleTap | LongPress | Swipe | Drag | Scroll | Type | ClearText | PressKey | Press
    | Open | Wait | Answer | Finish,
    Field(discriminator="kind"),
]  # fmt: skip
PHONE_ACTION: TypeAdapter[AnyAction] = TypeAdapter(AnyAction)
"""Validates an action from JSON: `PHONE_ACTION.validate_python({"kind": "tap", …})`."""
