"""Where each view is: from views in dp to boxes in pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agentkit_android.screen.theme import STYLES, Display
from agentkit_android.screen.views import View

Bounds = tuple[int, int, int, int]
GRID_COLUMNS, GRID_CELL = 4, 104


@dataclass(frozen=True, slots=True)
class Box:
    """A view in its place.

    Attributes:
        bounds: left, top, right, bottom in pixels, as if nothing cut it off.
        seen: the part of it that is on the screen.
        beyond: pixels that a list can still be scrolled in all, from its very top.
    """

    view: View
    bounds: Bounds
    seen: Bounds
    children: tuple[Box, ...] = ()
    beyond: int = 0

    @property
    def is_seen(self) -> bool:
        left, top, right, bottom = self.seen
        return left < right and top < bottom

    def walk(self) -> Iterator[Box]:
        yield self
        for child in self.children:
            yield from child.walk()

    def contains(self, x: int, y: int) -> bool:
        left, top, right, bottom = self.seen
        return left <= x < right and top <= y < bottom


def place(view: View, bounds: Bounds, display: Display, scroll: int = 0) -> Box:
    """The boxes of a screen. scroll: how far its list was moved up, in pixels; past the end is
    the end."""
    return _place(view, bounds, bounds, display, scroll)


def _height(view: View, display: Display) -> int:
    if view.height is not None:
        return display.px(view.height)
    heights = [_height(child, display) for child in view.children]
    _, top, _, bottom = view.padding
    if view.kind == "text":
        inside = display.px(STYLES[view.style][1])
    elif view.kind in ("column", "list"):
        inside = sum(heights)
    elif view.kind == "grid":
        inside = -(-len(heights) // GRID_COLUMNS) * display.px(GRID_CELL)
    else:
        inside = max(heights, default=0)
    return inside + display.px(top) + display.px(bottom)


def _place(view: View, bounds: Bounds, clip: Bounds, display: Display, scroll: int) -> Box:
    seen = _cut(bounds, clip)
    left, top, right, bottom = (
        edge + sign * display.px(pad)
        for edge, sign, pad in zip(bounds, (1, 1, -1, -1), view.padding)
    )
    beyond = 0
    cells: list[Bounds] = []
    if view.kind == "list":
        beyond = max(0, sum(_height(c, display) for c in view.children) - (bottom - top))
        top -= min(max(scroll, 0), beyond)
    if view.kind in ("column", "list"):
        cells = _stack(view, (left, top, right, bottom), display)
    elif view.kind == "row":
        cells = _line(view, (left, top, right, bottom), display)
    elif view.kind == "grid":
        width, height = (right - left) // GRID_COLUMNS, display.px(GRID_CELL)
        for number in range(len(view.children)):
            x, y = left + number % GRID_COLUMNS * width, top + number // GRID_COLUMNS * height
            cells.append((x, y, x + width, y + height))
    children = tuple(
        _place(child, cell, seen, display, scroll) for child, cell in zip(view.children, cells)
    )
    return Box(view, bounds, seen, children, beyond)


def _stack(view: View, inside: Bounds, display: Display) -> list[Bounds]:
    """One under the other; a list in a column has what the others leave."""
    left, top, right, bottom = inside
    heights = [_height(child, display) for child in view.children]
    rest = bottom - top - sum(h for h, c in zip(heights, view.children) if c.kind != "list")
    cells = []
    for child, height in zip(view.children, heights):
        height = max(0, rest) if child.kind == "list" else height
        width = right - left if child.width is None else display.px(child.width)
        start = left + (right - left - width) // 2 if view.centred else left
        cells.append((start, top, start + width, top + height))
        top += height
    return cells


def _line(view: View, inside: Bounds, display: Display) -> list[Bounds]:
    """One beside the other, 16 dp apart, each in the middle of the height."""
    left, top, right, bottom = inside
    gap = display.px(16)
    fixed = [None if c.width is None else display.px(c.width) for c in view.children]
    open_ = fixed.count(None)
    rest = right - left - sum(f or 0 for f in fixed) - gap * (len(fixed) - 1)
    cells = []
    for child, width in zip(view.children, fixed):
        wide = max(0, rest // open_) if width is None else width
        height = min(_height(child, display), bottom - top)
        start = top + (bottom - top - height) // 2
        cells.append((left, start, left + wide, start + height))
        left += wide + gap
    return cells


def _cut(bounds: Bounds, clip: Bounds) -> Bounds:
    left, top = max(bounds[0], clip[0]), max(bounds[1], clip[1])
    return left, top, max(left, min(bounds[2], clip[2])), max(top, min(bounds[3], clip[3]))


def hit(box: Box, x: int, y: int) -> Box | None:
    """The top-most box at a point that something happens on."""
    if not box.contains(x, y):
        return None
    for child in reversed(box.children):
        if found := hit(child, x, y):
            return found
    view = box.view
    return box if view.enabled and (view.on_tap or view.on_seek) else None
