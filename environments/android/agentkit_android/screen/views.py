"""What screens are made of. Sizes are in dp; a width that is not given fills, a height fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from agentkit_android.screen.theme import ROW, TOP_BAR

if TYPE_CHECKING:
    from agentkit_android.phone.phone import Phone

Kind = Literal["column", "row", "grid", "list", "text", "icon", "switch", "radio", "seek", "space"]
Act = Callable[["Phone"], object]
Seek = Callable[["Phone", float], None]
CLASSES = {
    "column": "android.widget.LinearLayout",
    "row": "android.widget.LinearLayout",
    "grid": "android.widget.GridLayout",
    "list": "androidx.recyclerview.widget.RecyclerView",
    "text": "android.widget.TextView",
    "icon": "android.widget.ImageView",
    "switch": "android.widget.Switch",
    "radio": "android.widget.RadioButton",
    "seek": "android.widget.SeekBar",
    "space": "android.view.View",
}


@dataclass(frozen=True, slots=True)
class View:
    """One node, before it has a place.

    Attributes:
        resource: the part of its resource id after the `/`.
        fill, corner: its background's colour, and the radius of its corners.
        checked: of a switch or radio button. value: of a seek bar, 0 to 1.
        on_tap, on_seek: what a tap does; the second is told how far to the right it was, 0 to 1.
    """

    kind: Kind
    text: str = ""
    description: str = ""
    resource: str = ""
    children: tuple[View, ...] = ()
    width: int | None = None
    height: int | None = None
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    style: str = "body"
    colour: str = "on-surface"
    fill: str = ""
    corner: int = 0
    centred: bool = False
    checked: bool | None = None
    value: float = 0.0
    enabled: bool = True
    on_tap: Act | None = field(default=None, compare=False)
    on_seek: Seek | None = field(default=None, compare=False)


def screen(title: str, *rows: View, up: bool = True) -> View:
    """A page: a bar with its title, and rows that scroll. `up`: with an arrow that goes back."""
    head = [text(title, style="title", resource="title")]
    if up:
        arrow = View(
            "icon",
            text="back",
            description="Navigate up",
            width=48,
            height=48,
            on_tap=lambda phone: phone.back(),
        )
        head.insert(0, arrow)
    bar = View("row", children=tuple(head), height=TOP_BAR, padding=(4 if up else 16, 0, 16, 0))
    body = View("list", resource="recycler_view", children=rows)
    return View("column", children=(bar, body), fill="surface")


def text(what: str, *, style: str = "body", colour: str = "on-surface", resource: str = "") -> View:
    return View("text", text=what, style=style, colour=colour, resource=resource)


def header(what: str) -> View:
    """The name of a group of rows."""
    named = text(what, colour="primary", resource="header")
    return View("row", children=(named,), height=48, padding=(16, 0, 16, 0))


def row(
    title: str,
    summary: str = "",
    *,
    on_tap: Act | None = None,
    lead: View | None = None,
    trail: View | None = None,
    height: int = ROW,
) -> View:
    """A line of a list: a title, a summary under it, something before and something after."""
    lines = [text(title, style="row", resource="title")]
    if summary:
        lines.append(text(summary, colour="on-surface-variant", resource="summary"))
    middle = View("column", children=tuple(lines))
    parts = [part for part in (lead, middle, trail) if part is not None]
    return View("row", children=tuple(parts), height=height, padding=(16, 0, 16, 0), on_tap=on_tap)


def toggle(title: str, checked: bool, change: Act, summary: str = "") -> View:
    """A line with a switch; a tap anywhere on it changes it."""
    knob = View("switch", checked=checked, width=52, height=32, resource="switch_widget")
    knob = replace(knob, description=title)
    return row(title, summary, on_tap=change, trail=knob)


def choice(title: str, chosen: bool, change: Act) -> View:
    """A line with a radio button."""
    knob = View("radio", checked=chosen, width=48, height=48, description=title)
    return row(title, on_tap=change, lead=knob, height=56)


def avatar(letter: str, hue: str, size: int = 40) -> View:
    """A disc with a letter; what it stands for is told beside it."""
    return View(
        "icon", text=letter[:1].upper(), width=size, height=size, fill=hue, corner=size // 2,
        colour="white",
    )  # fmt: skip


def space(width: int = 0, height: int = 0) -> View:
    return View("space", width=width, height=height)
