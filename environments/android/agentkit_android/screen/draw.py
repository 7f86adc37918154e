"""The pixels of a scene."""

from __future__ import annotations

import io
from functools import lru_cache

from PIL import Image, ImageDraw

from agentkit_android.screen import marks, text
from agentkit_android.screen.layout import Bounds, Box
from agentkit_android.screen.scene import Scene, Window
from agentkit_android.screen.theme import STYLES, colour

SMOOTH = 4  # shapes are drawn this much larger and scaled down
DIM = [round(n * 0.62) for n in range(256)] * 3
MAX_PIXELS = 40_000_000


@lru_cache(4)
def png(scene: Scene) -> bytes:
    out = io.BytesIO()
    image(scene).save(out, "PNG", compress_level=1)
    return out.getvalue()


@lru_cache(4)
def image(scene: Scene) -> Image.Image:
    """RGB pixels. Shared: copy before drawing on it."""
    painter = Painter(scene)
    for window in scene.windows:
        painter.window(window)
    return painter.image


@lru_cache(64)
def _disc(radius: int) -> Image.Image:
    """A smooth disc; its quarters are the corners of rounded shapes."""
    size = 2 * radius
    large = Image.new("L", (size * SMOOTH, size * SMOOTH), 0)
    ImageDraw.Draw(large).ellipse((0, 0, size * SMOOTH - 1, size * SMOOTH - 1), fill=255)
    return large.resize((size, size), Image.Resampling.BOX)


@lru_cache(128)
def _mask(width: int, height: int, radius: int) -> Image.Image:
    radius = max(1, min(radius, width // 2, height // 2))
    made, disc = Image.new("L", (width, height), 255), _disc(radius)
    for x, left in ((0, 0), (width - radius, radius)):
        for y, top in ((0, 0), (height - radius, radius)):
            made.paste(disc.crop((left, top, left + radius, top + radius)), (x, y))
    return made


@lru_cache(128)
def _ring(width: int, height: int, radius: int, pen: int) -> Image.Image:
    made = _mask(width, height, radius).copy()
    inner = _mask(width - 2 * pen, height - 2 * pen, max(1, radius - pen))
    made.paste(0, (pen, pen), inner)
    return made


@lru_cache(64)
def _picture(data: bytes, width: int, height: int, fits: bool) -> Image.Image | None:
    """A picture cut and scaled to fill width x height, or (fits) to be in it; None where the bytes
    are none."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "GIF")) as source:
            if source.width * source.height > MAX_PIXELS:
                return None
            whole = source.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    if fits:
        scale = min(width / whole.width, height / whole.height)
        size = (max(1, round(whole.width * scale)), max(1, round(whole.height * scale)))
        return whole.resize(size, Image.Resampling.BILINEAR)
    scale = max(width / whole.width, height / whole.height)
    wide, high = max(1, round(width / scale)), max(1, round(height / scale))
    left, top = (whole.width - wide) // 2, (whole.height - high) // 2
    return whole.resize(
        (width, height), Image.Resampling.BILINEAR, box=(left, top, left + wide, top + high)
    )


class Painter:
    """Draws boxes onto `image`."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.display = scene, scene.display
        size = (self.display.width, self.display.height)
        self.image = Image.new("RGB", size, "#000000")
        self.draw = ImageDraw.Draw(self.image)

    def colour(self, name: str) -> str:
        return colour(name, self.scene.dark)

    def window(self, window: Window) -> None:
        if window.dim:
            self.image = self.image.point(DIM)
            self.draw = ImageDraw.Draw(self.image)
        if window.secure:
            self.shape(window.root.bounds, 0, "#000000")
        else:
            self.box(window.root)

    def shape(self, bounds: Bounds, radius: int, fill: str) -> None:
        left, top, right, bottom = bounds
        beyond = 2 * radius + 8  # of what is far outside nothing has to be made
        top, bottom = max(top, -beyond), min(bottom, self.display.height + beyond)
        if right <= left or bottom <= top:
            return
        if radius:
            mask = _mask(right - left, bottom - top, min(radius, (bottom - top) // 2))
            self.image.paste(fill, (left, top, right, bottom), mask)
        else:
            self.draw.rectangle((left, top, right - 1, bottom - 1), fill=fill)

    def outline(self, bounds: Bounds, radius: int, edge: str, fill: str, pen: int) -> None:
        left, top, right, bottom = bounds
        self.shape(bounds, radius, edge)
        inner = (left + pen, top + pen, right - pen, bottom - pen)
        self.shape(inner, max(0, radius - pen), fill)

    def ring(self, bounds: Bounds, radius: int, edge: str, pen: int) -> None:
        """An outline that what is below is seen through."""
        left, top, right, bottom = bounds
        if right - left > 2 * pen and bottom - top > 2 * pen:
            self.image.paste(edge, (left, top), _ring(right - left, bottom - top, radius, pen))

    def line(
        self, what: str, bounds: Bounds, style: str, ink: str, *, centred: bool = False
    ) -> None:
        """One line in the middle of the height; ink is a value."""
        left, top, right, bottom = bounds
        size, _, face = STYLES[style]
        pixels = self.display.sp(size)
        x: float = left
        if centred:
            x += (right - left - text.width(what, face, pixels)) / 2
        text.draw(self.draw, round(x), (top + bottom) // 2, what, face, pixels, ink)

    def icon(self, name: str, middle: tuple[int, int], size: int, ink: str) -> None:
        """An icon of `size` pixels around a point."""
        code = text.icons().get(name)
        if code is None:
            raise KeyError(f"there is no icon {name!r}: see screen/fonts/icons.json")
        font = text.font("icons", size)
        self.draw.text(middle, chr(code), fill=ink, font=font, anchor="mm")

    def box(self, box: Box) -> None:
        if not box.is_seen:
            return
        view = box.view
        ground = self.colour(view.fill) if view.fill else ""
        if view.border:
            pen, corner = max(1, self.display.px(1)), self.display.px(view.corner)
            if ground:
                self.outline(box.bounds, corner, self.colour(view.border), ground, pen)
            else:
                self.ring(box.bounds, corner, self.colour(view.border), pen)
        elif ground:
            self.shape(box.bounds, self.display.px(view.corner), ground)
        if view.kind == "text":
            self.text(box)
        elif view.kind == "picture":
            self.picture(box)
        elif drawn := marks.KINDS.get(view.kind):
            drawn(self, box)
        if view.kind == "list" and box.children:
            self.clipped(box)
        else:
            for child in box.children:
                self.box(child)

    def text(self, box: Box) -> None:
        view = box.view
        ink = self.colour(view.colour if view.enabled else "disabled")
        left, top, right, bottom = box.bounds
        step = self.display.sp(STYLES[view.style][1])
        start = top + max(0, (bottom - top - step * len(box.lines)) // 2)
        for number, line in enumerate(box.lines):
            place = (left, start + number * step, right, start + (number + 1) * step)
            if place[3] < box.seen[1] or place[1] > box.seen[3]:
                continue
            self.line(line, place, view.style, ink, centred=view.centred)
            if view.struck:
                size, _, face = STYLES[view.style]
                end = left + text.width(line, face, self.display.sp(size))
                y = (place[1] + place[3]) // 2
                self.draw.line((left, y, end, y), fill=ink, width=self.display.px(1))

    def picture(self, box: Box) -> None:
        left, top, right, bottom = box.bounds
        picture = _picture(box.view.picture, right - left, bottom - top, box.view.whole)
        if picture is None:
            self.shape(box.bounds, 0, self.colour("surface-container-high"))
            size = min(self.display.px(24), right - left)
            self.icon("image", box.middle, size, self.colour("on-surface-variant"))
        elif box.view.corner:
            corner = self.display.px(box.view.corner)
            self.image.paste(picture, (left, top), _mask(right - left, bottom - top, corner))
        else:
            middle = left + (right - left - picture.width) // 2
            self.image.paste(picture, (middle, top + (bottom - top - picture.height) // 2))

    def clipped(self, box: Box) -> None:
        """Draws a list, and puts back what of it went over its edges."""
        _, top, _, bottom = box.seen
        first = max(0, min(child.bounds[1] for child in box.children))
        last = min(self.display.height, max(child.bounds[3] for child in box.children))
        strips = [
            (y, self.image.crop((0, y, self.display.width, end)))
            for y, end in ((first, top), (bottom, last))
            if end > y
        ]
        for child in box.children:
            self.box(child)
        for y, strip in strips:
            self.image.paste(strip, (0, y))
