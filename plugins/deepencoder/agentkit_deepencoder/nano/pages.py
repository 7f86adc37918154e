"""Pages of text for the nano model: drawn with fonts that come in Python packages, every
character's place known. Where a font, a text or a page is for training, none is for measuring."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFilter, ImageFont

from agentkit_deepencoder.nano.alphabet import plain

SEEN = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono", "DejaVuSerif")
UNSEEN = ("aileron", "STIXGeneral")
"""A sans and a serif that no training page has: Pillow's own font, and a Times."""
SIZES = (10.0, 12.0, 14.0)
"""Of the print, pixels of the view: a page that is looked at with more tokens holds more text."""
PITCH = 0.6
"""From letter to letter, in sizes, as a typewriter sets them whatever their width: where the next
one stands follows from how many there were, which is less for a small decoder to find out."""
HELD_OUT = 10  # one topic in ten is for measuring


@dataclass(frozen=True, slots=True)
class Line:
    """Text with its characters' centres, pixels: x of each, one y, and its top and bottom."""

    text: str
    xs: tuple[float, ...]
    y: float
    top: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Page:
    """A grey picture and what stands on it, from top to bottom."""

    picture: Pictures.Image
    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)


@dataclass(frozen=True, slots=True)
class Look:
    """How a page is drawn. size: of the font, pixels. noise: standard deviation, 0..1. blur:
    pixels. over: drawn so many times larger and then shrunk. pitch: from letter to letter, in
    sizes; 0 is as wide as each letter is."""

    font: str = "DejaVuSans"
    size: float = 12.0
    ink: int = 0
    paper: int = 255
    noise: float = 0.0
    blur: float = 0.0
    over: int = 1
    left: float = 2.0
    top: float = 2.0
    leading: float = 1.2
    upper: bool = False
    pitch: float = 0.0

    def step(self, character: str) -> float:
        """Pixels from one letter to the next."""
        return self.pitch * self.size or advance(self.font, self.size, character)


@lru_cache(maxsize=512)
def font(name: str, size: float) -> Any:
    if name == "aileron":
        return ImageFont.load_default(size)
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(
        str(folder / f"{name}.ttf"), size, layout_engine=ImageFont.Layout.BASIC
    )


@lru_cache(maxsize=65536)
def advance(name: str, size: float, character: str) -> float:
    return float(font(name, size).getlength(character))


@lru_cache(maxsize=16384)
def glyph(name: str, size: float, character: str, room: int) -> tuple[Pictures.Image, int] | None:
    """A letter's mask, pressed together where it is wider than `room`, and how far its top is from
    the line that letters stand on; None of a blank."""
    left, top, right, bottom = font(name, size).getbbox(character, anchor="ls")
    if right <= left or bottom <= top:
        return None
    mask = Pictures.new("L", (int(right - left), int(bottom - top)))
    ImageDraw.Draw(mask).text((-left, -top), character, 255, font(name, size), anchor="ls")
    if mask.width > room:
        mask = mask.resize((room, mask.height), Pictures.Resampling.BILINEAR)
    return mask, int(top)


@lru_cache(maxsize=2)
def passages(held_out: bool) -> tuple[str, ...]:
    """Texts of Python's own help, in the alphabet: those to train on, or those never trained on."""
    from pydoc_data.topics import topics

    chosen = []
    for name, text in sorted(topics.items()):
        number = int(hashlib.sha256(name.encode()).hexdigest(), 16)
        if (number % HELD_OUT == 0) == held_out:
            chosen.append(plain(text))
    return tuple(text for text in chosen if len(text) > 300)


def passage(rng: random.Random, length: int, held_out: bool = False) -> str:
    """A piece that begins with a word."""
    text = rng.choice(passages(held_out))
    start = rng.randrange(max(1, len(text) - length))
    start = text.find(" ", start) + 1
    return text[start : start + length].strip()


def letters(rng: random.Random, length: int) -> str:
    """Random letters in words of random lengths: nothing can be guessed from the language."""
    made = ""
    while len(made) < length:
        made += "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 7))) + " "
    return made[:length].strip()


def draw(text: str, width: int, height: int, look: Look, longest: int = 10**6) -> Page:
    """As much of the text as fits, at most `longest` characters; words are cut only where a line
    cannot hold one."""
    pitch = look.size * look.leading
    room = width - 2 * look.left
    lines: list[Line] = []
    rest, top, left_over = text, look.top, longest
    while rest and top + look.size <= height and left_over > 0:
        shown = rest.upper() if look.upper else rest
        xs, x = [], 0.0
        for character in shown:
            step = look.step(character)
            if x + step > room:
                break
            xs.append(look.left + x + step / 2)
            x += step
        if not xs:
            break
        cut = len(xs)
        if cut < len(rest) and rest[cut] != " " and (space := rest.rfind(" ", 0, cut)) > 0:
            cut = space
        cut = min(cut, left_over)
        piece = rest[:cut].rstrip()
        rest = rest[cut:].lstrip()
        left_over -= cut + 1
        middle = top + 0.55 * look.size
        lines.append(Line(piece, tuple(xs[: len(piece)]), middle, top, top + pitch))
        top += pitch
    return Page(_picture(lines, width, height, look), tuple(lines))


def _picture(lines: list[Line], width: int, height: int, look: Look) -> Pictures.Image:
    k = look.over
    picture = Pictures.new("L", (width * k, height * k), look.paper)
    canvas, face = ImageDraw.Draw(picture), font(look.font, look.size * k)
    for line in lines:
        text = line.text.upper() if look.upper else line.text
        # From the top of the tallest letter: fonts differ in the air they leave above it.
        bottom = (line.top + 0.95 * look.size) * k
        if not look.pitch:
            canvas.text((look.left * k, bottom), text, look.ink, face, anchor="ls")
            continue
        for character, x in zip(text, line.xs):
            if cut := glyph(look.font, look.size * k, character, round(look.step("") * k)):
                place = (round(x * k - cut[0].width / 2), round(bottom) + cut[1])
                picture.paste(look.ink, place, cut[0])
    if k > 1:
        picture = picture.resize((width, height), Pictures.Resampling.BICUBIC)
    if look.blur:
        picture = picture.filter(ImageFilter.GaussianBlur(look.blur))
    return picture


def noisy(picture: Pictures.Image, noise: float, seed: int) -> Pictures.Image:
    """With grey noise of that standard deviation, 0..1."""
    if not noise:
        return picture
    grain = np.random.default_rng(seed).normal(0, 255 * noise, (picture.height, picture.width))
    return Pictures.fromarray(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8))


def random_look(rng: random.Random, side: int, fonts: tuple[str, ...] = SEEN) -> Look:
    """A typewriter's print of usual sizes; one page in five is dark."""
    ink, paper = rng.randint(0, 70), rng.randint(180, 255)
    if rng.random() < 0.2:
        ink, paper = paper, ink
    return Look(
        font=rng.choice(fonts),
        size=rng.choice(SIZES),
        ink=ink,
        paper=paper,
        noise=rng.choice((0.0, 0.0, 0.0, 0.04)),
        blur=rng.choice((0.0, 0.0, 0.0, 0.0, 0.4)),
        over=rng.choice((1, 1, 2)),
        left=rng.uniform(0.5, 4.5),
        top=rng.uniform(0.0, 4.5) if rng.random() < 0.85 else rng.uniform(0.0, side / 2),
        upper=rng.random() < 0.05,
        pitch=PITCH,
    )


def fitting(text: str, width: int, height: int, font_name: str) -> Look:
    """The largest font, to half a pixel, at which the whole text fits."""
    best = Look(font=font_name, size=3.0, left=1.0, top=0.0)
    size = 3.0
    while size < height:
        look = Look(font=font_name, size=size, left=1.0, top=0.0)
        room, lines, rest = width - 2 * look.left, 0, text
        while rest:
            x, cut = 0.0, 0
            for character in rest:
                x += advance(font_name, size, character)
                if x > room:
                    break
                cut += 1
            if not cut:
                return best
            if cut < len(rest) and rest[cut] != " " and (space := rest.rfind(" ", 0, cut)) > 0:
                cut = space
            rest = rest[cut:].lstrip()
            lines += 1
        if (lines - 1) * size * look.leading + size > height:
            return best
        best, size = look, size + 0.5
    return best
