"""Measures, wraps and draws text in any script: each letter in the first face that has it."""

from __future__ import annotations

import json
import unicodedata
from functools import cache, lru_cache
from importlib.resources import as_file, files
from io import BytesIO

from arabic_reshaper import ArabicReshaper  # type: ignore[import-untyped]
from bidi.algorithm import get_display  # type: ignore[import-untyped]
from PIL import ImageDraw, ImageFont

FALLBACK = ("regular", "korean", "emoji", "arabic", "hebrew", "thai")
GONE = ("Cf", "Cc", "Cs", "Cn", "Co", "Mn", "Me")
"""Categories of letters that have no width, or are none."""
MAX_LETTERS = 512
"""Of one line; no display is wide enough for more."""

_shape = ArabicReshaper({"delete_harakat": False, "support_ligatures": False}).reshape


@cache
def _file(face: str) -> bytes:
    with as_file(files("agentkit_android.screen") / "fonts" / f"{face}.ttf") as path:
        return path.read_bytes()


@lru_cache(64)
def font(face: str, size: int) -> ImageFont.FreeTypeFont:
    # The basic layout is in every Pillow; the other one needs a library that may not be there, and
    # then the same phone would not have the same pixels everywhere.
    return ImageFont.truetype(BytesIO(_file(face)), size, layout_engine=ImageFont.Layout.BASIC)


@cache
def _covered(face: str) -> frozenset[int]:
    text = (files("agentkit_android.screen") / "fonts" / "coverage.json").read_text("utf-8")
    return frozenset(c for a, b in json.loads(text)[face] for c in range(a, b + 1))


@cache
def icons() -> dict[str, int]:
    """The code of each icon by its name."""
    text = (files("agentkit_android.screen") / "fonts" / "icons.json").read_text("utf-8")
    found: dict[str, int] = json.loads(text)
    return found


@lru_cache(8192)
def face_of(letter: str, face: str) -> str:
    """The face that a letter is drawn in; the wanted one, with a box, where none has it."""
    code = ord(letter)
    return next((f for f in (face, *FALLBACK) if code in _covered(f)), face)


def missing(text: str) -> set[str]:
    """The letters that are drawn as boxes."""
    return {c for c in shown(text) if ord(c) not in _covered(face_of(c, "regular"))}


@lru_cache(4096)
def shown(text: str) -> str:
    """A line as it is drawn from left to right: what is written from the right turned round, and
    what has no width left out."""
    if text.isascii() and text.isprintable():
        return text
    if any(unicodedata.bidirectional(c) in ("R", "AL", "AN") for c in text):
        text = str(get_display(_shape(text)))
    thai = range(0xE00, 0xE80)
    return "".join(c for c in text if ord(c) in thai or unicodedata.category(c) not in GONE)


@lru_cache(16384)
def _advance(letter: str, face: str, size: int) -> float:
    if unicodedata.category(letter) in ("Mn", "Cf", "Cc"):
        return 0.0
    return font(face_of(letter, face), size).getlength(letter)


def width(text: str, face: str, size: int) -> float:
    """Of one line, in pixels."""
    return sum(_advance(c, face, size) for c in shown(text[:MAX_LETTERS]))


def fitted(text: str, face: str, size: int, room: float) -> str:
    """The text, or as much of its beginning as fits in `room` pixels with an ellipsis."""
    if len(text) <= MAX_LETTERS and width(text, face, size) <= room:
        return text
    left = room - _advance("…", face, size)
    kept = 0
    for letter in text[:MAX_LETTERS]:
        left -= _advance(letter, face, size)
        if left < 0:
            break
        kept += 1
    return text[:kept].rstrip() + "…"


@lru_cache(1024)
def wrapped(text: str, face: str, size: int, room: int, limit: int = 0) -> tuple[str, ...]:
    """Lines of at most `room` pixels, broken at spaces where there are some; beyond `limit` lines
    (0: no limit) the last one ends in an ellipsis."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        lines += _broken(paragraph, face, size, room)
        if limit and len(lines) > limit:
            last = " ".join(lines[limit - 1 :])
            return (*lines[: limit - 1], fitted(last, face, size, room))
    return tuple(lines)


def _broken(paragraph: str, face: str, size: int, room: int) -> list[str]:
    lines: list[str] = []
    start, gap, used = 0, -1, 0.0
    for at, letter in enumerate(paragraph):
        used += _advance(letter, face, size)
        if letter == " ":
            gap = at
        if used > room and at > start and letter != " ":
            end = gap if gap > start else at
            lines.append(paragraph[start:end])
            start = end + 1 if end == gap else end
            used = sum(_advance(c, face, size) for c in paragraph[start : at + 1])
            gap = -1
    lines.append(paragraph[start:])
    return lines


def draw(
    canvas: ImageDraw.ImageDraw, x: float, y: int, text: str, face: str, size: int, ink: str
) -> None:
    """One line whose left edge is at x and whose middle is at y."""
    run, now = "", ""
    base = y + round(size * 0.355)  # capitals stand as much over as under the middle
    for letter in [*shown(text[:MAX_LETTERS]), ""]:
        wanted = face_of(letter, face) if letter else ""
        if wanted != now and run:
            used = font(now, size)
            canvas.text((x, base), run, fill=ink, font=used, anchor="ls")
            x += used.getlength(run)
            run = ""
        run, now = run + letter, wanted
