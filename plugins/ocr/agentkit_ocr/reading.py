"""One page: from its picture to its items, by any perception."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from agentkit.capabilities import Block, Image, Perception
from agentkit_ocr import straight
from agentkit_ocr.document import Item, Line, Page, Rect
from agentkit_ocr.labelled import items_of_blocks, lays_out
from agentkit_ocr.layout import analyse

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

LOW = 0.6  # mean confidence below which a page is said to be badly read
BEST_SIDE = 1754, 3300  # pixels of a page's longer side; smaller pictures are enlarged to the first
LEAST_SIDE = 24  # smaller pictures hold no text
STRIP = 12  # a picture so many times longer than wide is read in pieces


@dataclass(frozen=True, slots=True)
class Options:
    """How a page is made ready. straighten: its skew is taken out. turn: pages that lie on their
    side, or upside down, are found and turned. layout: False keeps lines as they are read."""

    straighten: bool = True
    turn: bool = True
    layout: bool = True


def read_page(
    picture: Picture, reader: Perception, number: int = 1, options: Options = Options()
) -> Page:
    """Reads a page.

    Args:
        picture: RGB, upright or not.
        number: of the page, from 1.
    """
    page = Page(number, picture.width, picture.height)
    if min(picture.size) < LEAST_SIDE // 3 or max(picture.size) < LEAST_SIDE:
        return replace(page, warnings=("too small to hold text",))
    pixels, factor = _sized(np.asarray(picture))
    turn, angle = 0, 0.0
    mask = straight.ink(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
    if cv2.countNonZero(mask) < 20:
        return replace(page, warnings=("blank",))
    if options.straighten:
        angle = straight.skew(mask)
        pixels = _level(pixels, angle)
    blocks = _see(reader, pixels)
    if options.turn and not lays_out(reader, blocks) and _doubtful(blocks):
        turn, pixels, blocks = _turned(reader, pixels, blocks)
    if turn % 2:
        page = replace(page, width=page.height, height=page.width)
    mask = straight.ink(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
    if lays_out(reader, blocks):
        items = items_of_blocks(blocks)
    else:
        lines = [_line(block) for block in blocks]
        items = analyse(lines, mask, _rereader(reader, pixels)) if options.layout else _plain(lines)
    page = replace(page, items=tuple(_scaled(item, 1 / factor) for item in items))
    return replace(page, skew=angle, turn=turn, warnings=_warnings(blocks))


def _warnings(blocks: Sequence[Block]) -> tuple[str, ...]:
    letters = sum(len(block.text) for block in blocks)
    if not letters:
        return ("no text found",)
    sure = sum(block.confidence * len(block.text) for block in blocks) / letters
    return (f"low confidence: {sure:.2f}",) if sure < LOW else ()


# -- the picture -----------------------------------------------------------------------------------


def _sized(pixels: Any) -> tuple[Any, float]:
    """A small page is enlarged, since letters of ten pixels are read badly; a strip is not."""
    height, width = pixels.shape[:2]
    longer, shorter = max(height, width), min(height, width)
    factor = 1.0
    if longer > BEST_SIDE[1] and longer < STRIP * shorter:
        factor = BEST_SIDE[1] / longer
    elif longer < BEST_SIDE[0] and shorter > 0.4 * longer and longer > 600:
        factor = min(2.0, BEST_SIDE[0] / longer)
    if factor == 1.0:
        return pixels, factor
    kind = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=kind), factor


def _level(pixels: Any, angle: float) -> Any:
    if not angle:
        return pixels
    paper = int(np.median(pixels))
    return straight.rotated(pixels, angle, paper)


def _see(reader: Perception, pixels: Any) -> list[Block]:
    """What a reader sees; a long strip is cut into pieces that overlap."""
    height, width = pixels.shape[:2]
    if max(height, width) <= STRIP * min(height, width) or max(height, width) <= BEST_SIDE[1]:
        return list(reader.see([_image(pixels)])[0].blocks)
    flat = width > height
    piece, shared = 2400, 240
    found: list[Block] = []
    for start in range(0, max(height, width), piece - shared):
        part = pixels[:, start : start + piece] if flat else pixels[start : start + piece]
        if min(part.shape[:2]) < 8:
            continue
        dx, dy = (start, 0) if flat else (0, start)
        for block in reader.see([_image(part)])[0].blocks:
            box = replace(
                block.box,
                left=block.box.left + dx,
                right=block.box.right + dx,
                top=block.box.top + dy,
                bottom=block.box.bottom + dy,
            )
            if not any(_same(box, other.box) for other in found):
                found.append(replace(block, box=box))
    return found


def _same(a: Any, b: Any) -> bool:
    wide = min(a.right, b.right) - max(a.left, b.left)
    high = min(a.bottom, b.bottom) - max(a.top, b.top)
    if wide <= 0 or high <= 0:
        return False
    least = min((a.right - a.left) * (a.bottom - a.top), (b.right - b.left) * (b.bottom - b.top))
    return bool(wide * high > 0.6 * least)


def _image(pixels: Any) -> Image:
    from PIL import Image as Pictures

    buffer = BytesIO()
    Pictures.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG", compress_level=1)
    return Image(buffer.getvalue())


# -- pages that lie on their side ------------------------------------------------------------------


def _doubtful(blocks: Sequence[Block]) -> bool:
    """Lines higher than wide, or hardly read: the page may lie on its side or upside down."""
    if len(blocks) < 3:
        return False
    high = sum(b.box.bottom - b.box.top > 1.5 * (b.box.right - b.box.left) for b in blocks)
    return high > 0.5 * len(blocks) or _score(blocks) < 0.75


def _score(blocks: Sequence[Block]) -> float:
    """Mean confidence by letters, less where lines are higher than wide."""
    letters = sum(len(block.text) for block in blocks)
    if not letters:
        return 0.0
    sure = sum(block.confidence * len(block.text) for block in blocks) / letters
    high = sum(b.box.bottom - b.box.top > 1.5 * (b.box.right - b.box.left) for b in blocks)
    return sure * (1 - high / len(blocks))


def _turned(
    reader: Perception, pixels: Any, blocks: Sequence[Block]
) -> tuple[int, Any, list[Block]]:
    """Of the four ways a page may lie, that in which it is read best."""
    best = (_score(blocks) * math.log1p(sum(len(b.text) for b in blocks)), 0, pixels, list(blocks))
    codes = ((1, cv2.ROTATE_90_CLOCKWISE), (3, cv2.ROTATE_90_COUNTERCLOCKWISE), (2, cv2.ROTATE_180))
    for turn, code in codes:
        other = cv2.rotate(pixels, code)
        seen = _see(reader, other)
        score = _score(seen) * math.log1p(sum(len(b.text) for b in seen))
        if score > 1.1 * best[0]:
            best = (score, turn, other, seen)
    return best[1], best[2], best[3]


# -- blocks and items ------------------------------------------------------------------------------


def _line(block: Block) -> Line:
    box = block.box
    sides = (float(box.left), float(box.top), float(box.right), float(box.bottom))
    return Line(block.text, sides, block.confidence)


def _plain(lines: Sequence[Line]) -> list[Item]:
    return [Item("paragraph", ln.text, ln.box, (ln,), confidence=ln.confidence) for ln in lines]


def _rereader(reader: Perception, pixels: Any) -> Any:
    def reread(box: Rect) -> list[Line]:
        left, top, right, bottom = (round(side) for side in box)
        part = pixels[max(0, top) : bottom, max(0, left) : right]
        if min(part.shape[:2]) < 8:
            return []
        margin = 12
        part = cv2.copyMakeBorder(part, *(margin,) * 4, cv2.BORDER_REPLICATE)
        lines = [_line(block) for block in reader.see([_image(part)])[0].blocks]
        return [replace(ln, box=_shifted(ln.box, left - margin, top - margin)) for ln in lines]

    return reread


def _shifted(box: Rect, dx: float, dy: float) -> Rect:
    return box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy


def _scaled(item: Item, factor: float) -> Item:
    if factor == 1.0:
        return item
    lines = tuple(
        replace(ln, box=_times(ln.box, factor), size=ln.size * factor) for ln in item.lines
    )
    return replace(item, box=_times(item.box, factor), lines=lines)


def _times(box: Rect, factor: float) -> Rect:
    return box[0] * factor, box[1] * factor, box[2] * factor, box[3] * factor
