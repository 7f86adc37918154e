"""What screens are made of. Sizes are in dp; a width that is not given fills, a height fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agentkit_android.screen.acts import Act

Kind = Literal[
    "column", "row", "grid", "flow", "stack", "list", "text", "icon", "button", "switch",
    "checkbox", "radio", "seek", "field", "space", "picture", "canvas", "progress",
]  # fmt: skip
Anchor = Literal["", "bottom-end", "bottom", "top", "top-end", "center"]
Padding = tuple[int, int, int, int]
FIT = -1
"""A width as wide as what is in it."""

CLASSES: dict[Kind, str] = {
    "column": "android.widget.LinearLayout",
    "row": "android.widget.LinearLayout",
    "grid": "android.widget.GridLayout",
    "flow": "android.view.ViewGroup",
    "stack": "android.widget.FrameLayout",
    "list": "androidx.recyclerview.widget.RecyclerView",
    "text": "android.widget.TextView",
    "icon": "android.widget.ImageView",
    "button": "android.widget.Button",
    "switch": "android.widget.Switch",
    "checkbox": "android.widget.CheckBox",
    "radio": "android.widget.RadioButton",
    "seek": "android.widget.SeekBar",
    "field": "android.widget.EditText",
    "space": "android.view.View",
    "picture": "android.widget.ImageView",
    "canvas": "android.view.View",
    "progress": "android.widget.ProgressBar",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """One mark on a canvas. points: x, y, x, y … from 0 to 1 across its width and height; a `disc`
    and a `ring` have a middle and a radius (of the width); a `text` has a middle.
    size: of the pen, or of the text, in dp."""

    kind: Literal["line", "area", "disc", "ring", "text", "arc"]
    points: tuple[float, ...]
    colour: str = "on-surface"
    size: float = 2.0
    text: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """One node, before it has a place.

    Attributes:
        resource: the part of its resource id after the `/`, or all of one that has a `:`.
        icon: a name of `fonts/icons.json`; of an icon, or before the text of a button.
        width: dp, FIT, or None to share what is left. weight: of a column's child that takes the
            height which the others leave.
        fill, corner, border: its background's colour, the radius of its corners, its outline.
        at: of a stack's child, where its middle is, from 0 to 1 across the stack.
        lines: that its text may have at most; 0 is as many as it needs.
        checked: of a switch, box or radio button. value: of a seek bar or progress, 0 to 1.
        name: of a field, what the typed text is kept as. hint: what it shows while it is empty.
            cursor: where one types, as letters from the end.
        picture: PNG or JPEG bytes, which fill the view; whole: all of it is seen.
        shapes: of a canvas.
        tap, hold, seek, enter: what a tap, a long press, a new value, the enter key does. A seek is
            given `value`, 0 to 1. pan: what a swipe over it does, given `x` and `y`: how far, in
            widths and heights of it.
    """

    kind: Kind
    text: str = ""
    description: str = ""
    resource: str = ""
    icon: str = ""
    children: tuple[View, ...] = ()
    width: int | None = None
    height: int | None = None
    weight: float = 0
    columns: int = 4
    padding: Padding = (0, 0, 0, 0)
    gap: int = 0
    style: str = "body"
    colour: str = "on-surface"
    fill: str = ""
    corner: int = 0
    border: str = ""
    centred: bool = False
    anchor: Anchor = ""
    at: tuple[float, float] | None = None
    lines: int = 1
    checked: bool | None = None
    value: float = 0.0
    enabled: bool = True
    selected: bool = False
    struck: bool = False
    name: str = ""
    hint: str = ""
    label: str = ""
    password: bool = False
    multiline: bool = False
    focused: bool = False
    cursor: int = 0
    picture: bytes = b""
    whole: bool = False
    shapes: tuple[Shape, ...] = ()
    tap: Act | None = None
    hold: Act | None = None
    seek: Act | None = None
    enter: Act | None = None
    pan: Act | None = None

    @property
    def touchable(self) -> bool:
        return self.tap is not None or self.seek is not None or self.kind == "field"


@dataclass(frozen=True, slots=True)
class Overlay:
    """A window of an app above its screen. modal: a touch beside it only closes it."""

    kind: Literal["dialog", "menu", "sheet"]
    view: View
    modal: bool = True
