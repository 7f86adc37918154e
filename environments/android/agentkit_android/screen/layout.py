"""Where each view is: from views in dp to boxes in pixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from agentkit_android.screen import text
from agentkit_android.screen.theme import STYLES, Display
from agentkit_android.screen.views import FIT, View

Bounds = tuple[int, int, int, int]
FIELD, LABELLED = 56, 64  # heights of a text field, the second with a label on its edge
LEAVES = {"switch": (52, 32), "checkbox": (48, 48), "radio": (48, 48), "icon": (24, 24)}


@dataclass(frozen=True, slots=True)
class Box:
    """A view in its place.

    Attributes:
        bounds: left, top, right, bottom in pixels, as if nothing cut it off.
        seen: the part of it that is on the screen.
        beyond: pixels that a list can still be scrolled in all, from its very top; scroll: how
            many of them it is.
        lines: the text as it is broken.
    """

    view: View
    bounds: Bounds
    seen: Bounds
    children: tuple[Box, ...] = ()
    beyond: int = 0
    scroll: int = 0
    lines: tuple[str, ...] = ()

    @property
    def is_seen(self) -> bool:
        left, top, right, bottom = self.seen
        return left < right and top < bottom

    @property
    def middle(self) -> tuple[int, int]:
        left, top, right, bottom = self.seen
        return (left + right) // 2, (top + bottom) // 2

    def walk(self) -> Iterator[Box]:
        yield self
        for child in self.children:
            yield from child.walk()

    def contains(self, x: int, y: int) -> bool:
        left, top, right, bottom = self.seen
        return left <= x < right and top <= y < bottom


@dataclass(frozen=True, slots=True)
class Kept:
    """What an activity keeps of its views.

    Attributes:
        scrolls: how far each list was moved up in pixels, by its resource; past the end is the end.
        texts: what was typed, by the name of the field.
        focus: the field that is typed into; everything: all of it is selected; cursor: where, as
            letters from its end.
    """

    scrolls: Mapping[str, int] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    focus: str = ""
    everything: bool = False
    cursor: int = 0


def place(view: View, bounds: Bounds, display: Display, kept: Kept | None = None) -> Box:
    """The boxes of a window."""
    return Layout(display, kept or Kept()).place(view, bounds, bounds)


def hit(box: Box, x: int, y: int, kind: Literal["tap", "hold"] = "tap") -> Box | None:
    """The top-most box at a point that something happens on."""
    if not box.contains(x, y):
        return None
    for child in reversed(box.children):
        if found := hit(child, x, y, kind):
            return found
    view = box.view
    wanted = view.hold is not None or view.kind == "field" if kind == "hold" else view.touchable
    return box if view.enabled and wanted else None


def reveal(box: Box, name: str) -> Box | None:
    """The field of this name."""
    return next((b for b in box.walk() if b.view.kind == "field" and b.view.name == name), None)


@dataclass(slots=True)
class Layout:
    """Measures and places; what was measured once is kept."""

    display: Display
    kept: Kept
    _heights: dict[tuple[int, int], int] = field(default_factory=dict)

    # Measuring, in pixels.

    def lines(self, view: View, width: int) -> tuple[str, ...]:
        if not view.text or width <= 0:
            return ("",)
        size, _, face = STYLES[view.style]
        if view.lines == 1:
            line = " ".join(view.text.split())
            return (text.fitted(line, face, self.display.sp(size), width),)
        return text.wrapped(view.text, face, self.display.sp(size), width, view.lines)

    def natural(self, view: View) -> int:
        """As wide as what is in it."""
        if view.width is not None and view.width != FIT:
            return self.display.px(view.width)
        px, (size, _, face) = self.display.px, STYLES[view.style]
        inside = 0
        if view.kind in ("text", "button"):
            inside = int(text.width(" ".join(view.text.split()), face, self.display.sp(size))) + 2
            if view.kind == "button":
                inside += px(26) * bool(view.icon)
        elif view.kind == "row":
            inside = sum(map(self.natural, view.children))
            inside += px(view.gap) * max(0, len(view.children) - 1)
        elif view.children:
            inside = max(map(self.natural, view.children))
        elif view.kind in LEAVES:
            inside = px(LEAVES[view.kind][0])
        return inside + px(view.padding[0]) + px(view.padding[2])

    def height(self, view: View, width: int) -> int:
        if view.height is not None:
            return self.display.px(view.height)
        key = (id(view), width)
        if key not in self._heights:
            left, top, right, bottom = map(self.display.px, view.padding)
            inside = self._inside(view, max(0, width - left - right))
            self._heights[key] = inside + top + bottom
        return self._heights[key]

    def _inside(self, view: View, width: int) -> int:
        px, sp, children = self.display.px, self.display.sp, view.children
        if view.kind == "text":
            return len(self.lines(view, width)) * sp(STYLES[view.style][1])
        if view.kind == "field":
            return self._field(view, width)
        if view.kind in ("column", "list"):
            heights = [self.height(c, self._wide(c, width)) for c in children]
            return sum(heights) + px(view.gap) * max(0, len(heights) - 1)
        if view.kind == "row":
            widths = self._widths(view, width)
            return max((self.height(c, w) for c, w in zip(children, widths)), default=0)
        if view.kind == "grid":
            return sum(self._grid_rows(view, width)) + self._gaps(view)
        if view.kind == "flow":
            cells = self._flow(view, (0, 0, width, 1 << 30))
            return max((bottom for _, _, _, bottom in cells), default=0)
        if children:
            return max(self.height(c, self._wide(c, width)) for c in children)
        return px(LEAVES[view.kind][1]) if view.kind in LEAVES else 0

    def _field(self, view: View, width: int) -> int:
        whole = LABELLED if view.label else FIELD
        if not view.multiline:
            return max(self.display.px(whole), self.display.sp(whole))
        lines = self.field_lines(self._now(view), width)
        extra = max(0, len(lines) - 1) * self.display.sp(STYLES["row"][1])
        return self.display.px(whole) + extra

    def field_lines(self, view: View, width: int) -> tuple[str, ...]:
        size, _, face = STYLES["row"]
        room = max(1, width - self.display.px(32))
        what = view.text or view.hint
        if view.multiline:
            return text.wrapped(what, face, self.display.sp(size), room)
        return (" ".join(what.splitlines()),)

    def _wide(self, view: View, width: int) -> int:
        if view.width is None:
            return width
        return min(width, self.natural(view))

    def _widths(self, view: View, width: int) -> list[int]:
        fixed = [None if c.width is None else self.natural(c) for c in view.children]
        rest = width - sum(f or 0 for f in fixed)
        rest -= self.display.px(view.gap) * max(0, len(fixed) - 1)
        shares = sum(c.weight or 1 for c, f in zip(view.children, fixed) if f is None)
        if rest < 0:  # too wide: those that fit their content give way
            flexible = sum(f or 0 for c, f in zip(view.children, fixed) if c.width == FIT) or 1
            fixed = [
                max(0, f + rest * f // flexible) if f is not None and c.width == FIT else f
                for c, f in zip(view.children, fixed)
            ]
            rest = 0
        return [
            int(rest * (c.weight or 1) / shares) if f is None else f
            for c, f in zip(view.children, fixed)
        ]

    def _gaps(self, view: View) -> int:
        lines = -(-len(view.children) // view.columns)
        return self.display.px(view.gap) * max(0, lines - 1)

    def _grid_rows(self, view: View, width: int) -> list[int]:
        gap = self.display.px(view.gap)
        cell = (width - gap * (view.columns - 1)) // view.columns
        rows = [
            view.children[n : n + view.columns] for n in range(0, len(view.children), view.columns)
        ]
        return [max(self.height(c, cell) for c in row) for row in rows]

    def _now(self, view: View) -> View:
        """A field with what was typed into it."""
        focused = view.name == self.kept.focus
        return replace(
            view,
            text=self.kept.texts.get(view.name, view.text),
            focused=focused,
            selected=focused and self.kept.everything,
            cursor=self.kept.cursor if focused else 0,
        )

    # Placing.

    def place(self, view: View, bounds: Bounds, clip: Bounds) -> Box:
        if view.kind == "field":
            view = self._now(view)
        seen = _cut(bounds, clip)
        left, top, right, bottom = (
            edge + sign * self.display.px(pad)
            for edge, sign, pad in zip(bounds, (1, 1, -1, -1), view.padding)
        )
        inside, beyond, scroll = (left, top, right, bottom), 0, 0
        if view.kind == "list":
            whole = self._inside(view, right - left)
            beyond = max(0, whole - (bottom - top))
            first = beyond if view.anchor == "bottom" else 0
            scroll = min(max(self.kept.scrolls.get(view.resource, first), 0), beyond)
            inside = (left, top - scroll, right, bottom)
        cells = self._cells(view, inside)
        if view.kind == "list":  # only what is visible exists
            visible = [c[3] > seen[1] and c[1] < seen[3] for c in cells]
        else:
            visible = [True] * len(cells)
        children = tuple(
            self.place(child, cell, seen)
            for child, cell, wanted in zip(view.children, cells, visible)
            if wanted
        )
        lines: tuple[str, ...] = ()
        if view.kind == "text":
            lines = self.lines(view, right - left)
        elif view.kind == "field":
            lines = self.field_lines(view, right - left)
        return Box(view, bounds, seen, children, beyond, scroll, lines)

    def _cells(self, view: View, inside: Bounds) -> list[Bounds]:
        if view.kind in ("column", "list"):
            return self._stacked(view, inside)
        if view.kind == "row":
            return self._line(view, inside)
        if view.kind == "grid":
            return self._grid(view, inside)
        if view.kind == "flow":
            return self._flow(view, inside)
        return [self._anchored(child, inside) for child in view.children]

    def _stacked(self, view: View, inside: Bounds) -> list[Bounds]:
        """One under the other; a list in a column, or what has a weight, has what is left."""
        left, top, right, bottom = inside
        can = view.kind == "column"
        grows = [can and (c.kind == "list" or c.weight > 0) for c in view.children]
        widths = [self._wide(c, right - left) for c in view.children]
        heights = [0 if g else self.height(c, w) for c, w, g in zip(view.children, widths, grows)]
        gap = self.display.px(view.gap)
        rest = max(0, bottom - top - sum(heights) - gap * max(0, len(heights) - 1))
        shares = sum(c.weight or 1 for c, g in zip(view.children, grows) if g) or 1
        cells = []
        for child, width, height, grow in zip(view.children, widths, heights, grows):
            height = int(rest * (child.weight or 1) / shares) if grow else height
            start = left + (right - left - width) // 2 if view.centred else left
            cells.append((start, top, start + width, top + height))
            top += height + gap
        return cells

    def _line(self, view: View, inside: Bounds) -> list[Bounds]:
        """One beside the other, each in the middle of the height."""
        left, top, right, bottom = inside
        cells = []
        for child, width in zip(view.children, self._widths(view, right - left)):
            height = min(self.height(child, width), bottom - top)
            start = top + (bottom - top - height) // 2
            cells.append((left, start, left + width, start + height))
            left += width + self.display.px(view.gap)
        return cells

    def _grid(self, view: View, inside: Bounds) -> list[Bounds]:
        left, top, right, bottom = inside
        gap, columns = self.display.px(view.gap), view.columns
        cells = []
        rows = self._grid_rows(view, right - left)
        if view.weight and sum(rows) + self._gaps(view) < bottom - top:
            rows = [(bottom - top - self._gaps(view)) // len(rows)] * len(rows)
        for number in range(len(view.children)):
            column = number % columns
            start = left + (right - left + gap) * column // columns
            end = left + (right - left + gap) * (column + 1) // columns - gap
            cells.append((start, top, end, top + rows[number // columns]))
            if column == columns - 1:
                top += rows[number // columns] + gap
        return cells

    def _flow(self, view: View, inside: Bounds) -> list[Bounds]:
        """One beside the other, and on the next line where there is no room."""
        left, top, right, _ = inside
        gap, x, tallest = self.display.px(view.gap), left, 0
        cells = []
        for child in view.children:
            width = min(self.natural(child), right - left)
            height = self.height(child, width)
            if x > left and x + width > right:
                x, top, tallest = left, top + tallest + gap, 0
            cells.append((x, top, x + width, top + height))
            x, tallest = x + width + gap, max(tallest, height)
        return cells

    def _anchored(self, child: View, inside: Bounds) -> Bounds:
        left, top, right, bottom = inside
        if child.kind == "list" or (not child.anchor and child.at is None):
            return inside
        width = self._wide(child, right - left)
        height = min(self.height(child, width), bottom - top)
        if child.at is not None:
            x = left + round((right - left) * child.at[0]) - width // 2
            y = top + round((bottom - top) * child.at[1]) - height // 2
            return (x, y, x + width, y + height)
        x = right - width if child.anchor.endswith("end") else left + (right - left - width) // 2
        y = top if child.anchor.startswith("top") else bottom - height
        if child.anchor == "center":
            y = top + (bottom - top - height) // 2
        return (x, y, x + width, y + height)


def _cut(bounds: Bounds, clip: Bounds) -> Bounds:
    left, top = max(bounds[0], clip[0]), max(bounds[1], clip[1])
    return left, top, max(left, min(bounds[2], clip[2])), max(top, min(bounds[3], clip[3]))
