"""How the kinds of view that are not text or boxes look."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from agentkit_android.screen import text
from agentkit_android.screen.layout import Box
from agentkit_android.screen.theme import STYLES

if TYPE_CHECKING:
    from agentkit_android.screen.draw import Painter


def icon(painter: Painter, box: Box) -> None:
    view, px = box.view, painter.display.px
    ink = painter.colour(view.colour if view.enabled else "disabled")
    left, top, right, bottom = box.bounds
    if view.icon:
        size = px(24) if view.fill or view.tap else min(right - left, bottom - top)
        if view.fill and bottom - top <= px(32):
            size = (bottom - top) * 2 // 3
        middle = ((left + right) // 2, (top + bottom) // 2)
        painter.icon(view.icon, middle, size, ink)
    else:
        painter.line(view.text, box.bounds, view.style, ink, centred=True)


def button(painter: Painter, box: Box) -> None:
    view, px = box.view, painter.display.px
    ink = painter.colour(view.colour if view.enabled else "disabled")
    left, top, right, bottom = box.bounds
    size, _, face = STYLES[view.style]
    room = right - left - px(view.padding[0]) - px(view.padding[2])
    what = " ".join(view.text.split())
    used = px(26) if view.icon and what else 0
    what = text.fitted(what, face, painter.display.sp(size), max(1, room - used))
    wide = text.width(what, face, painter.display.sp(size)) + used
    x = left + (right - left - wide) / 2
    if view.icon:
        middle = (round(x) + px(9), (top + bottom) // 2) if what else box.middle
        painter.icon(view.icon, middle, px(18 if what else 24), ink)
    place = (round(x) + used, top, right, bottom)
    painter.line(what, place, view.style, ink)


def switch(painter: Painter, box: Box) -> None:
    px, on = painter.display.px, bool(box.view.checked)
    left, top, right, bottom = box.bounds
    painter.shape(box.bounds, (bottom - top) // 2, painter.colour("primary" if on else "outline"))
    if not on:
        inner = (left + px(2), top + px(2), right - px(2), bottom - px(2))
        painter.shape(inner, (bottom - top) // 2, painter.colour("surface-container-high"))
    size = px(24 if on else 16)
    x = right - px(16) if on else left + px(16)
    y = (top + bottom) // 2
    knob = (x - size // 2, y - size // 2, x - size // 2 + size, y - size // 2 + size)
    painter.shape(knob, size // 2, painter.colour("on-primary" if on else "outline"))


def checkbox(painter: Painter, box: Box) -> None:
    on = bool(box.view.checked)
    name = "checkbox-marked" if on else "checkbox-blank-outline"
    ink = painter.colour("primary" if on else "on-surface-variant")
    left, top, right, bottom = box.bounds
    painter.icon(name, ((left + right) // 2, (top + bottom) // 2), painter.display.px(24), ink)


def radio(painter: Painter, box: Box) -> None:
    on = bool(box.view.checked)
    name = "radiobox-marked" if on else "radiobox-blank"
    ink = painter.colour("primary" if on else "on-surface-variant")
    left, top, right, bottom = box.bounds
    painter.icon(name, ((left + right) // 2, (top + bottom) // 2), painter.display.px(24), ink)


def seek(painter: Painter, box: Box) -> None:
    px = painter.display.px
    left, top, right, bottom = box.bounds
    y, x = (top + bottom) // 2, left + round((right - left) * box.view.value)
    painter.shape((left, y - px(2), right, y + px(2)), px(2), painter.colour("primary-container"))
    painter.shape((left, y - px(2), x, y + px(2)), px(2), painter.colour("primary"))
    knob = (x - px(10), y - px(10), x + px(10), y + px(10))
    painter.shape(knob, px(10), painter.colour("primary"))


def progress(painter: Painter, box: Box) -> None:
    left, top, right, bottom = box.bounds
    radius = (bottom - top) // 2
    painter.shape(box.bounds, radius, painter.colour("primary-container"))
    end = left + round((right - left) * min(1.0, max(0.0, box.view.value)))
    if end - left > 2 * radius:
        painter.shape((left, top, end, bottom), radius, painter.colour("primary"))


def field(painter: Painter, box: Box) -> None:
    view, px = box.view, painter.display.px
    left, top, right, bottom = box.bounds
    ink = painter.colour("primary" if view.focused else "outline")
    ground = painter.colour(view.fill or "surface")
    if not view.border:
        edge = top + (px(8) if view.label else 0)
        pen = px(2 if view.focused else 1)
        painter.outline((left, edge, right, bottom), px(4), ink, ground, pen)
    if view.label:
        tint = painter.colour("primary" if view.focused else "on-surface-variant")
        size = painter.display.sp(STYLES["label"][0])
        label = text.fitted(view.label, "medium", size, right - left - px(32))
        wide = round(text.width(label, "medium", size))
        painter.shape((left + px(12), top, left + px(20) + wide, top + px(16)), 0, ground)
        painter.line(label, (left + px(16), top, right, top + px(16)), "label", tint)
    _typed(painter, box)


def _typed(painter: Painter, box: Box) -> None:
    """What stands in a field, and the cursor."""
    view, px = box.view, painter.display.px
    left, top, right, bottom = box.bounds
    size, height, face = STYLES["row"]
    pixels, step = painter.display.sp(size), painter.display.sp(height)
    ink = painter.colour("on-surface" if view.text else "on-surface-variant")
    lines = list(box.lines)
    if view.password and view.text:
        lines = ["•" * len(view.text)]
    room, x = right - left - px(32), left + px(16)
    if not view.multiline:
        if view.focused and view.text:  # the end is where one types
            lines = [_tail(lines[0], face, pixels, room)]
        else:
            lines = [text.fitted(lines[0], face, pixels, room)]
    edge = top + (px(8) if view.label else 0)
    start = edge + px(16) if view.multiline else edge + (bottom - edge - step) // 2
    for number, line in enumerate(lines):
        place = (x, start + number * step, right - px(8), start + (number + 1) * step)
        if place[3] < box.seen[1] or place[1] > box.seen[3]:
            continue
        if view.selected and view.text:
            wide = round(text.width(line, face, pixels))
            painter.shape((x, place[1], x + wide, place[3]), 0, painter.colour("primary-container"))
        painter.line(line, place, "row", ink)
    if view.focused and not view.selected:
        row, at = _cursor(lines if view.text else [""], view.cursor)
        here = x + round(text.width(at, face, pixels)) + px(1)
        y = start + row * step
        if y + step <= bottom:
            bar = (here, y + px(2), here + px(2), y + step - px(2))
            painter.shape(bar, 0, painter.colour("primary"))


def _cursor(lines: list[str], letters: int) -> tuple[int, str]:
    """(line, what of it is before the cursor); letters: from the end of the text. Of each break
    between lines a space or a newline was left out."""
    row = len(lines) - 1
    while row > 0 and letters > len(lines[row]):
        letters -= len(lines[row]) + 1
        row -= 1
    return row, lines[row][: max(0, len(lines[row]) - max(0, letters))]


def _tail(line: str, face: str, size: int, room: int) -> str:
    """As much of the end as fits."""
    line = line[-text.MAX_LETTERS :]
    while line and text.width(line, face, size) > room:
        line = line[max(1, len(line) // 16) :]
    return line


def canvas(painter: Painter, box: Box) -> None:
    left, top, right, bottom = box.bounds
    wide, high, px = right - left, bottom - top, painter.display.px
    for shape in box.view.shapes:
        ink = painter.colour(shape.colour)
        xy = [
            (left + round(wide * x), top + round(high * y))
            for x, y in zip(shape.points[::2], shape.points[1::2])
        ]
        pen = max(1, px(shape.size))
        if shape.kind == "line":
            painter.draw.line(xy, fill=ink, width=pen, joint="curve")
        elif shape.kind == "area":
            painter.draw.polygon(xy, fill=ink)
        elif shape.kind == "text":
            x, y = xy[0]
            face = STYLES["label"][2]
            size = painter.display.sp(shape.size)
            start = x - text.width(shape.text, face, size) / 2
            text.draw(painter.draw, round(start), y, shape.text, face, size, ink)
        else:
            (x, y), radius = xy[0], round(wide * shape.points[2])
            around = (x - radius, y - radius, x + radius, y + radius)
            if shape.kind == "disc":
                painter.shape(around, radius, ink)
            elif shape.kind == "ring":
                painter.draw.ellipse(around, outline=ink, width=pen)
            else:
                start, end = (math.degrees(a) - 90 for a in shape.points[3:5])
                painter.draw.arc(around, start, end, fill=ink, width=pen)


KINDS: dict[str, Callable[[Painter, Box], None]] = {
    "icon": icon,
    "button": button,
    "switch": switch,
    "checkbox": checkbox,
    "radio": radio,
    "seek": seek,
    "progress": progress,
    "field": field,
    "canvas": canvas,
}
