"""The pixels of a scene."""

from __future__ import annotations

import io
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from agentkit_android.screen.layout import Bounds, Box
from agentkit_android.screen.scene import Scene
from agentkit_android.screen.theme import GESTURE_BAR, STATUS_BAR, STYLES, Display, colour

SMOOTH = 4  # shapes are drawn this much larger and scaled down
MAX_LETTERS = 512
"""Of one line; no display is wide enough for more."""


@lru_cache(4)
def png(scene: Scene) -> bytes:
    out = io.BytesIO()
    image(scene).save(out, "PNG", compress_level=1)
    return out.getvalue()


@lru_cache(4)
def image(scene: Scene) -> Image.Image:
    """RGB pixels. Shared: copy before drawing on it."""
    return _Painter(scene).paint()


@lru_cache(64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    return font


@lru_cache(128)
def _mask(width: int, height: int, radius: int) -> Image.Image:
    large = Image.new("L", (width * SMOOTH, height * SMOOTH), 0)
    edge = (0, 0, width * SMOOTH - 1, height * SMOOTH - 1)
    ImageDraw.Draw(large).rounded_rectangle(edge, radius * SMOOTH, fill=255)
    return large.resize((width, height), Image.Resampling.BOX)


def _fitted(what: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """The text, or as much of its beginning as fits with an ellipsis."""
    if len(what) <= MAX_LETTERS and font.getlength(what) <= width:
        return what
    low, high = 0, min(len(what), MAX_LETTERS)
    while low < high:
        middle = (low + high + 1) // 2
        if font.getlength(what[:middle] + "…") <= width:
            low = middle
        else:
            high = middle - 1
    return what[:low].rstrip() + "…"


class _Painter:
    def __init__(self, scene: Scene) -> None:
        self.scene, self.display = scene, scene.display
        size = (self.display.width, self.display.height)
        ground = self.colour(scene.root.view.fill or "surface") if scene.root else "#000000"
        self.image = Image.new("RGB", size, ground)
        self.draw = ImageDraw.Draw(self.image)

    def colour(self, name: str) -> str:
        return colour(name, self.scene.dark)

    def paint(self) -> Image.Image:
        if self.scene.root is None:
            return self.image
        self.box(self.scene.root)
        self.bars()
        return self.image

    def bars(self) -> None:
        display: Display = self.display
        px = display.px
        ink = self.colour("on-surface")
        top = (px(16), 0, display.width - px(16), px(STATUS_BAR))
        self.text(self.scene.clock, top, "body", ink)
        right = display.width - px(16)
        battery = (right - px(10), px(6), right, px(18))
        self.shape(battery, px(2), ink)
        right = battery[0] - px(8)
        for mark in self.scene.marks:
            width = round(_font(px(STYLES["label"][0])).getlength(mark))
            self.text(mark, (right - width, 0, right + 1, px(STATUS_BAR)), "label", ink)
            right -= width + px(8)
        middle, bottom = display.width // 2, display.height - px(GESTURE_BAR) // 2
        self.shape((middle - px(54), bottom - px(2), middle + px(54), bottom + px(2)), px(2), ink)

    def shape(self, bounds: Bounds, radius: int, fill: str) -> None:
        left, top, right, bottom = bounds
        if right <= left or bottom <= top:
            return
        if radius:
            mask = _mask(right - left, bottom - top, min(radius, (bottom - top) // 2))
            self.image.paste(fill, (left, top, right, bottom), mask)
        else:
            self.draw.rectangle((left, top, right - 1, bottom - 1), fill=fill)

    def text(
        self, what: str, bounds: Bounds, style: str, ink: str, *, centred: bool = False
    ) -> None:
        """One line in the middle of the height, with an ellipsis where it is too long."""
        left, top, right, bottom = bounds
        font = _font(self.display.px(STYLES[style][0]))
        what = _fitted(" ".join(what.split()), font, right - left)
        x = left + (right - left - round(font.getlength(what))) // 2 if centred else left
        self.draw.text((x, (top + bottom) // 2), what, fill=ink, font=font, anchor="lm")

    def box(self, box: Box) -> None:
        if not box.is_seen:
            return
        if box.view.kind == "list" and box.children:
            self.clipped(box)
            return
        view = box.view
        if view.fill:
            self.shape(box.bounds, self.display.px(view.corner), self.colour(view.fill))
        if view.kind == "text":
            ink = self.colour(view.colour)
            self.text(view.text, box.bounds, view.style, ink, centred=view.centred)
        elif view.kind == "icon":
            self.icon(box)
        elif view.kind == "switch":
            self.switch(box)
        elif view.kind == "radio":
            self.radio(box)
        elif view.kind == "seek":
            self.seek(box)
        for child in box.children:
            self.box(child)

    def clipped(self, box: Box) -> None:
        """Draws a list, and puts back what of it went over its edges."""
        _, top, _, bottom = box.seen
        above = self.image.crop((0, 0, self.display.width, top))
        below = self.image.crop((0, bottom, self.display.width, self.display.height))
        for child in box.children:
            self.box(child)
        self.image.paste(above, (0, 0))
        self.image.paste(below, (0, bottom))

    def icon(self, box: Box) -> None:
        left, top, right, bottom = box.bounds
        ink = self.colour(box.view.colour)
        if box.view.text != "back":
            self.text(box.view.text, box.bounds, "title", ink, centred=True)
            return
        px, x, y = self.display.px, (left + right) // 2, (top + bottom) // 2
        for dy in (-8, 8):
            self.draw.line((x - px(8), y, x, y + px(dy)), fill=ink, width=px(2))
        self.draw.line((x - px(8), y, x + px(8), y), fill=ink, width=px(2))

    def switch(self, box: Box) -> None:
        px, on = self.display.px, bool(box.view.checked)
        left, top, right, bottom = box.bounds
        track = "primary" if on else "outline"
        self.shape(box.bounds, (bottom - top) // 2, self.colour(track))
        if not on:
            inner = (left + px(2), top + px(2), right - px(2), bottom - px(2))
            self.shape(inner, (bottom - top) // 2, self.colour("surface-container-high"))
        size = px(24 if on else 16)
        x = right - px(16) if on else left + px(16)
        y = (top + bottom) // 2
        knob = (x - size // 2, y - size // 2, x - size // 2 + size, y - size // 2 + size)
        self.shape(knob, size // 2, self.colour("on-primary" if on else "outline"))

    def radio(self, box: Box) -> None:
        px, on = self.display.px, bool(box.view.checked)
        left, top, right, bottom = box.bounds
        x, y = (left + right) // 2, (top + bottom) // 2
        for size, role in (
            (20, "primary" if on else "outline"),
            (16, "surface"),
            (10 if on else 0, "primary"),
        ):
            half = px(size) // 2
            self.shape((x - half, y - half, x + half, y + half), half, self.colour(role))

    def seek(self, box: Box) -> None:
        px = self.display.px
        left, top, right, bottom = box.bounds
        y, x = (top + bottom) // 2, left + round((right - left) * box.view.value)
        self.shape((left, y - px(2), right, y + px(2)), px(2), self.colour("primary-container"))
        self.shape((left, y - px(2), x, y + px(2)), px(2), self.colour("primary"))
        knob = (x - px(10), y - px(10), x + px(10), y + px(10))
        self.shape(knob, px(10), self.colour("primary"))
