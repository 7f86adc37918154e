"""The parts that apps build their screens of, after Material 3."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from agentkit_android.screen.acts import BACK, CLOSE, Act, Value, put, show
from agentkit_android.screen.theme import TOP_BAR, hue
from agentkit_android.screen.views import FIT, Overlay, View


def text(
    what: str,
    style: str = "body",
    colour: str = "on-surface",
    *,
    resource: str = "",
    lines: int = 1,
    centred: bool = False,
    struck: bool = False,
) -> View:
    return View(
        "text", text=what, style=style, colour=colour, resource=resource, lines=lines,
        centred=centred, struck=struck,
    )  # fmt: skip


def icon(
    name: str, description: str = "", tap: Act | None = None, *, colour: str = "on-surface-variant"
) -> View:
    """An icon; with `tap` a button of 48 dp, which needs a description."""
    size = 48 if tap else 24
    return View(
        "icon", icon=name, description=description, width=size, height=size, colour=colour, tap=tap,
        resource=name.replace("-", "_") if tap else "",
    )  # fmt: skip


def space(width: int | None = 0, height: int = 0, weight: float = 0) -> View:
    return View("space", width=width, height=height, weight=weight)


def divider(inset: int = 16) -> View:
    line = View("space", height=1, fill="outline-variant")
    return View("column", children=(line,), padding=(inset, 0, inset, 0), height=1)


def aside(what: str) -> View:
    """A short text at the end of a row."""
    return View(
        "text", text=what, style="label", colour="on-surface-variant", width=FIT, resource="aside"
    )


def avatar(letter: str, shade: str = "", size: int = 40) -> View:
    """A disc with a letter; what it stands for is told beside it."""
    return View(
        "icon", text=letter.strip()[:1].upper() or "?", width=size, height=size,
        fill=shade or hue(letter), corner=size // 2, colour="white", style="title",
    )  # fmt: skip


def badge(name: str, shade: str, size: int = 40) -> View:
    """A disc with an icon."""
    return View(
        "icon", icon=name, width=size, height=size, fill=shade, corner=size // 2, colour="white"
    )


def button(
    what: str, tap: Act, *, kind: str = "filled", icon: str = "", resource: str = ""
) -> View:
    """kind: `filled`, `tonal`, `outlined`, `text` or `danger`."""
    fill, ink, border = {
        "filled": ("primary", "on-primary", ""),
        "tonal": ("secondary-container", "on-secondary-container", ""),
        "outlined": ("", "primary", "outline"),
        "text": ("", "primary", ""),
        "danger": ("error", "on-error", ""),
    }[kind]
    side = 12 if kind == "text" else 24
    return View(
        "button", text=what, icon=icon, width=FIT, height=48 if kind == "text" else 40,
        padding=(side, 0, side, 0), style="button", fill=fill, colour=ink, border=border,
        corner=20, tap=tap, resource=resource or f"button_{icon.replace('-', '_')}".rstrip("_"),
    )  # fmt: skip


def chip(what: str, tap: Act, *, selected: bool = False, icon: str = "") -> View:
    return View(
        "button", text=what, icon=icon, width=FIT, height=32, padding=(12, 0, 12, 0),
        style="button", fill="secondary-container" if selected else "",
        border="" if selected else "outline",
        colour="on-secondary-container" if selected else "on-surface-variant", corner=8, tap=tap,
        checked=selected, selected=selected, resource="chip",
    )  # fmt: skip


def chips(*children: View) -> View:
    return View("flow", children=children, gap=8, padding=(16, 8, 16, 8))


def buttons(*children: View) -> View:
    return View("flow", children=children, gap=8, padding=(16, 8, 16, 8))


def header(what: str) -> View:
    """The name of a group of rows."""
    named = text(what, "button", "primary", resource="header")
    return View("row", children=(named,), height=48, padding=(16, 0, 16, 0))


def paragraph(what: str, *, style: str = "body", resource: str = "") -> View:
    return View(
        "column",
        children=(text(what, style, resource=resource, lines=0),),
        padding=(16, 8, 16, 8),
    )


def row(
    title: str,
    summary: str = "",
    *,
    tap: Act | None = None,
    hold: Act | None = None,
    lead: View | None = None,
    trail: View | Sequence[View] | None = None,
    height: int | None = None,
    struck: bool = False,
    lines: int = 1,
    selected: bool = False,
) -> View:
    """A line of a list: a title, a summary under it, something before and something after."""
    parts = [text(title, "row", resource="android:id/title", struck=struck)]
    if summary:
        parts.append(
            text(summary, colour="on-surface-variant", resource="android:id/summary", lines=lines)
        )
    middle = View("column", children=tuple(parts))
    after = (trail,) if isinstance(trail, View) else tuple(trail or ())
    tall = height or (72 if summary else 56)
    edge = 8 if lines != 1 else 0
    return View(
        "row", children=tuple(p for p in (lead, middle, *after) if p is not None), gap=16,
        height=None if lines != 1 else tall, padding=(16, edge, 16, edge),
        tap=tap, hold=hold, selected=selected, fill="secondary-container" if selected else "",
    )  # fmt: skip


def toggle(title: str, checked: bool, change: Act, summary: str = "") -> View:
    """A line with a switch; a tap anywhere on it changes it."""
    knob = View("switch", checked=checked, width=52, height=32, resource="switch_widget")
    return row(title, summary, tap=change, trail=replace(knob, description=title))


def check(
    title: str, checked: bool, change: Act, summary: str = "", *, tap: Act | None = None,
    hold: Act | None = None, struck: bool = False,
) -> View:  # fmt: skip
    """A line with a box; with `tap` only the box itself changes it."""
    box = View("checkbox", checked=checked, width=48, height=48, description=title)
    box = replace(box, tap=change if tap else None, resource="checkbox")
    return row(title, summary, tap=tap or change, hold=hold, lead=box, struck=struck, height=64)


def choice(title: str, chosen: bool, change: Act) -> View:
    """A line with a radio button."""
    knob = View("radio", checked=chosen, width=48, height=48, description=title)
    return row(title, tap=change, lead=knob, height=56)


def field(
    name: str,
    value: str = "",
    *,
    label: str = "",
    hint: str = "",
    multiline: bool = False,
    password: bool = False,
    enter: Act | None = None,
) -> View:
    """A box that text is typed into. What was typed is `see.text(name)`; `value` stands there as
    long as nothing was."""
    return View(
        "field", text=value, name=name, resource=name, label=label, hint=hint, multiline=multiline,
        password=password, enter=enter,
    )  # fmt: skip


def form(*children: View) -> View:
    return View("column", children=children, padding=(16, 8, 16, 8), gap=12)


def pick(label: str, value: str, tap: Act, *, icon: str = "", resource: str = "") -> View:
    """A line of a form that opens a choice."""
    return row(
        value, label, tap=tap, lead=View("icon", icon=icon, width=24, height=24,
        colour="on-surface-variant") if icon else None,
        trail=View("icon", icon="chevron-right", width=24, height=24, colour="on-surface-variant"),
    )  # fmt: skip


def seek(value: float, change: Act, description: str, resource: str = "slider") -> View:
    bar = View("seek", value=value, height=48, description=description, resource=resource)
    bar = replace(bar, seek=change)
    return View("row", children=(bar,), height=72, padding=(24, 0, 24, 0))


def empty(what: str, name: str = "information-outline") -> View:
    """What a list shows that has nothing to show."""
    mark = View("icon", icon=name, width=48, height=48, colour="outline")
    told = text(what, "row", "on-surface-variant", centred=True, lines=3, resource="empty")
    return View("column", children=(mark, told), centred=True, padding=(32, 96, 32, 32), gap=16)


def fab(name: str, description: str, tap: Act) -> View:
    """The round button at the bottom of a page."""
    inner = View(
        "icon", icon=name, description=description, width=56, height=56, corner=16, tap=tap,
        fill="primary-container", colour="on-primary-container", resource="fab",
    )  # fmt: skip
    return View("stack", children=(inner,), width=88, padding=(16, 0, 16, 16), anchor="bottom-end")


def top_bar(title: str, *actions: View, up: bool = True) -> View:
    head = [text(title, "title", resource="toolbar_title")]
    if up:
        head.insert(0, icon("arrow-left", "Navigate up", BACK, colour="on-surface"))
    return View(
        "row", children=(*head, *actions), height=TOP_BAR, padding=(4 if up else 16, 0, 4, 0), gap=4
    )


def search_bar(name: str, value: str, hint: str, *actions: View) -> View:
    """A top bar that is typed into."""
    back = icon("arrow-left", "Navigate up", BACK, colour="on-surface")
    box = View(
        "field", text=value, name=name, resource=name, hint=hint, border="surface", height=56
    )
    return View("row", children=(back, box, *actions), height=TOP_BAR, padding=(4, 0, 4, 0), gap=0)


def more(description: str = "More options") -> View:
    """The three dots that show the overlay `menu`."""
    return icon("dots-vertical", description, show("menu"))


def tabs(key: str, names: Sequence[tuple[str, str]], chosen: str) -> View:
    """One of several parts of a page; the choice is kept in the activity's state as `key`."""
    cells = tuple(
        View(
            "column",
            children=(
                View("text", text=name, height=46, style="button", centred=True,
                     colour="primary" if value == chosen else "on-surface-variant"),
                View("space", height=2, fill="primary" if value == chosen else ""),
            ),
            tap=put(key, value),
            selected=value == chosen,
        )
        for value, name in names
    )  # fmt: skip
    return View("row", children=cells, height=48, resource="tabs")


def bottom_item(name: str, title: str, tap: Act, *, on: bool = False) -> View:
    """One of the parts of an app in the bar at the bottom."""
    mark = View(
        "icon", icon=name, width=64, height=32, corner=16, fill="secondary-container" if on
        else "surface-container", colour="on-secondary-container" if on else "on-surface-variant",
    )  # fmt: skip
    label = text(title, "label", "on-surface" if on else "on-surface-variant", centred=True)
    return View(
        "column", children=(mark, label), centred=True, gap=4, padding=(0, 12, 0, 8), tap=tap,
        selected=on, description=title,
    )  # fmt: skip


def bottom_bar(key: str, items: Sequence[tuple[str, str, str]], chosen: str) -> View:
    """(value, icon, name) of the parts of an app; the choice is kept in the activity's state."""
    cells = (bottom_item(n, t, put(key, value), on=value == chosen) for value, n, t in items)
    return View("row", children=tuple(cells), fill="surface-container", height=80)


def page(
    title: str,
    *rows: View,
    up: bool = True,
    actions: Sequence[View] = (),
    bar: View | None = None,
    under: Sequence[View] = (),
    bottom: Sequence[View] = (),
    floating: View | None = None,
    resource: str = "list",
    from_end: bool = False,
) -> View:
    """A bar with a title, rows that scroll, what stands under the bar and at the bottom, and a
    round button. `up`: with an arrow that goes back. `from_end`: the last rows are seen first."""
    room = (space(height=88),) if floating is not None else ()
    body = View(
        "list", resource=resource, children=(*rows, *room), anchor="bottom" if from_end else ""
    )
    middle = body
    if floating is not None:
        middle = View("stack", children=(body, floating), weight=1)
    head = bar or top_bar(title, *actions, up=up)
    return View("column", children=(head, *under, middle, *bottom), fill="surface")


# Overlays.


def dialog(title: str, *children: View, actions: Sequence[View] = (), message: str = "") -> Overlay:
    parts = [text(title, "headline", resource="android:id/alertTitle", lines=2)] if title else []
    if message:
        told = text(message, colour="on-surface-variant", lines=0, resource="android:id/message")
        parts.append(told)
    head = View("column", children=tuple(parts), padding=(24, 24, 24, 8), gap=16)
    body = View("list", children=children, resource="dialog_list", weight=1) if children else None
    line = View(
        "row", children=(space(None), *actions), padding=(16, 8, 16, 16), gap=8
    )  # fmt: skip
    inside = tuple(v for v in (head, body, line if actions else space(height=16)) if v is not None)
    return Overlay(
        "dialog", View("column", children=inside, fill="surface-container-high", corner=28)
    )


def confirm(title: str, message: str, yes: str, act: Act, no: str = "Cancel") -> Overlay:
    return dialog(title, message=message, actions=(cancel(no), accept(yes, act)))


def accept(what: str, act: Act) -> View:
    return button(what, act, kind="text", resource="android:id/button1")


def cancel(what: str, act: Act = CLOSE) -> View:
    return button(what, act, kind="text", resource="android:id/button2")


def menu(*items: tuple[str, Act] | tuple[str, Act, bool]) -> Overlay:
    """(name, act) of each item; and whether it is the one that holds now."""
    rows = tuple(
        row(name, tap=act, height=48, trail=icon("check") if more and more[0] else None)
        for name, act, *more in items
    )
    return Overlay(
        "menu",
        View("list", children=rows, fill="surface-container-high", corner=4, padding=(0, 8, 0, 8),
             resource="menu", border="outline-variant"),
    )  # fmt: skip


def sheet(title: str, *children: View) -> Overlay:
    grip = View("space", width=32, height=4, fill="outline", corner=2)
    top = View("column", children=(grip,), centred=True, height=24, padding=(0, 10, 0, 10))
    head = View("row", children=(text(title, "subtitle"),), padding=(16, 4, 16, 12))
    body = View("list", children=children, resource="sheet_list", weight=1)
    return Overlay(
        "sheet",
        View("column", children=(top, head, body), fill="surface-container-high", corner=28),
    )


def options(
    title: str,
    act: Act,
    choices: Iterable[tuple[Value, str]],
    chosen: Value = None,
    no: str = "Cancel",
) -> Overlay:
    """A dialog of which one is chosen; `act` is given it as `value`."""
    rows = tuple(choice(name, value == chosen, act.with_(value=value)) for value, name in choices)
    return dialog(title, *rows, actions=(cancel(no),))
