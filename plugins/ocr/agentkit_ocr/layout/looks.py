"""How a line of text looks: the size of its font, bold, and whether all letters are equally wide.

Two measures of size are taken, each wrong in its own way: the height of the band in which most ink
lies (a pixel more or less), and the width of the line against what its letters take in an ordinary
font (another typeface, by some per cent). Their geometric mean is what counts.
"""

from __future__ import annotations

import itertools
import math
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from agentkit_ocr.document import Line

# Advance widths of ! to ~ in hundredths of an em: means of a serif and a sans-serif font.
WIDTHS = (
    31, 38, 53, 53, 86, 72, 19, 33, 33, 44, 57, 26, 33, 26, 28, 53, 53, 53, 53, 53, 53, 53, 53, 53,
    53, 28, 28, 57, 57, 57, 50, 97, 69, 67, 69, 72, 64, 58, 75, 72, 31, 44, 69, 58, 86, 72, 75, 61,
    75, 69, 61, 61, 72, 69, 94, 69, 69, 61, 31, 28, 31, 47, 53, 33, 50, 53, 47, 53, 50, 31, 53, 53,
    25, 25, 50, 25, 81, 53, 53, 53, 53, 33, 44, 28, 53, 50, 72, 50, 50, 47, 41, 23, 41, 56,
)  # fmt: skip
BLANK, OTHER, WIDE = 0.26, 0.53, 0.95  # of an em
LONG = 8  # letters, of which it can be told whether they are equally wide
BOLD, MONO_WIDER = 1.22, 1.11  # strokes, and letters for their height, in parts of what is usual
X_HEIGHT, CAP_HEIGHT, WIDE_HEIGHT, DESCENT = 0.49, 0.69, 0.95, 0.21
GAP = 1.15  # of a line's size
BAND, WIDE_BAND = 0.4, 0.15
"""Of the fullest rows' ink, in the rows that count as the band. Letters of East Asian scripts have
strokes at all heights, some rows of them full and others nearly empty."""


def dressed(lines: Sequence[Line], mask: Any) -> list[Line]:
    """The lines with their looks. mask: (height, width) uint8, ink is 255."""
    lines = [_tight(line, mask) for line in lines]
    measured = [_measure(line, mask) for line in lines]
    letters = [len(line.text) for line in lines]
    strokes = [(stroke, n) for n, (stroke, _) in zip(letters, measured) if stroke > 0]
    usual = weighted_median(*zip(*strokes)) if strokes else 0.0
    wide = [ems(line.text) for line in lines]
    ratios = [
        (line.width / em / height, len(line.text))
        for line, em, (_, height) in zip(lines, wide, measured)
        if height > 0 and len(line.text) >= LONG
    ]
    # How wide this page's letters are for their height; within what ordinary fonts have, since a
    # page may be all code.
    ratio = min(max(weighted_median(*zip(*ratios)) if ratios else 1.0, 0.85), 1.05)
    found = []
    for line, em, (stroke, height) in zip(lines, wide, measured):
        size = height
        bold = bool(usual) and stroke > BOLD * usual
        mono = False
        if len(line.text) >= 4 and height > 0:
            by_width = line.width / em
            # Bold letters are wide too: they are not told from letters of one width.
            mono = not bold and len(line.text) >= LONG and by_width / height > MONO_WIDER * ratio
            size = math.sqrt(height * by_width) if not mono else height
        found.append(replace(line, size=size or 0.7 * line.height, bold=bold, mono=mono))
    return found


def split(lines: Sequence[Line], mask: Any) -> list[Line]:
    """Lines cut where white as wide as GAP runs through them: readers take cells of a table that
    stand near to each other as one line. Where in the text that is follows from what its letters
    take in an ordinary font, and from its blanks."""
    found: list[Line] = []
    for line in lines:
        pieces = _pieces(line, mask)
        found += pieces if pieces else [line]
    return found


def _pieces(line: Line, mask: Any) -> list[Line]:
    left, top, right, bottom = (round(side) for side in line.box)
    cut = mask[max(0, top) : bottom, max(0, left) : right]
    if cut.size == 0 or len(line.text) < 5 or line.size <= 0:
        return []
    # Not the edges of the box, into which neighbours reach.
    edge = cut.shape[0] // 6
    filled = np.flatnonzero(cut[edge : cut.shape[0] - edge].any(axis=0))
    if len(filled) < 2:
        return []
    gaps = [
        (int(a) + 1, int(b))
        for a, b in itertools.pairwise(filled)
        if b - a - 1 >= GAP * line.size and not line.mono
    ]
    if not gaps:
        return []
    white = sum(b - a for a, b in gaps)
    start, end = int(filled[0]), int(filled[-1]) + 1
    scale = (end - start - white) / max(ems(line.text) - BLANK * len(gaps), 0.2)
    pieces, begin, used = [], 0, start
    passed = 0.0
    for gap in [*gaps, None]:
        if gap is None:
            at, until = len(line.text), end
        else:
            passed += gap[0] - used
            at, until = _letter_at(line.text, passed / scale), gap[0]
        text = line.text[begin:at].strip()
        if text:
            box = (line.box[0] + used, line.box[1], line.box[0] + until, line.box[3])
            pieces.append(replace(line, text=text, box=box))
        begin = at
        used = gap[1] if gap else end
    return pieces if len(pieces) > 1 else []


def _letter_at(text: str, em: float) -> int:
    """The place in a text that lies `em` from its beginning, at a blank where one is near."""
    widths = np.cumsum([ems(letter) if letter != " " else BLANK for letter in text])
    at = int(np.searchsorted(widths, em - 0.25)) + 1
    near = [n for n in range(max(0, at - 2), min(len(text), at + 3)) if text[n] == " "]
    return min(near, key=lambda n: abs(n - at)) if near else min(at, len(text))


def weighted_median(values: Sequence[float], weights: Sequence[float]) -> float:
    """The value below which half of the weight lies."""
    order = np.argsort(values)
    total = np.cumsum(np.asarray(weights, float)[order])
    return float(np.asarray(values)[order][int(np.searchsorted(total, total[-1] / 2))])


def is_wide(letter: str) -> bool:
    """Whether it is of East Asian width: Han, Hangul, Kana."""
    return unicodedata.east_asian_width(letter) in "WF"


def ems(text: str) -> float:
    """Width of a text in an ordinary font of size 1."""
    total = 0.0
    for letter in text:
        code = ord(letter) - 33
        if letter == " ":
            total += BLANK
        elif 0 <= code < len(WIDTHS):
            total += WIDTHS[code] / 100
        else:
            total += WIDE if is_wide(letter) else OTHER
    return max(total, 0.2)


def tallness(text: str) -> float:
    """Height of a text's ink in an ordinary font of size 1."""
    if any(map(is_wide, text)):
        return WIDE_HEIGHT
    low = any(letter in "gjpqy,;()[]{}/|" for letter in text)
    tall = any(not letter.islower() or letter in "bdfhijklt" for letter in text if letter != " ")
    return (CAP_HEIGHT if tall else X_HEIGHT) + (DESCENT if low else 0.0)


def _tight(line: Line, mask: Any) -> Line:
    """The line with its left and right at its ink: readers leave air there, each its own."""
    left, top, right, bottom = (max(0, round(side)) for side in line.box)
    edge = (bottom - top) // 6
    filled = np.flatnonzero(mask[top + edge : bottom - edge, left:right].any(axis=0))
    if len(filled) < 2:
        return line
    return replace(
        line, box=(float(left + filled[0]), line.box[1], float(left + filled[-1] + 1), line.box[3])
    )


def _measure(line: Line, mask: Any) -> tuple[float, float]:
    """(stroke width in parts of the size, size by height in pixels); zeros: nothing is seen."""
    left, top, right, bottom = (round(side) for side in line.box)
    cut = mask[max(0, top) : bottom, max(0, left) : right]
    if cut.size == 0 or not line.text:
        return 0.0, 0.0
    letters = [c for c in line.text if not c.isspace()]
    wide = sum(map(is_wide, letters))
    mostly = wide > len(letters) / 2
    band = _band(cut, WIDE_BAND if mostly else BAND)
    if not band:
        return 0.0, 0.0
    if wide and not mostly:
        size = band / _part(line, band)
    else:
        low = sum(c.islower() for c in letters) >= 0.5 * len(letters)
        size = band / (WIDE_HEIGHT if mostly else X_HEIGHT if low else CAP_HEIGHT)
    area = cv2.countNonZero(cut)
    core = cv2.countNonZero(cv2.erode(cut, np.ones((3, 3), np.uint8), borderValue=0))
    edge = max(1, area - core)
    return 2 * area / edge / size, size


def _part(line: Line, band: float) -> float:
    """How high the band of a line of two scripts is, in parts of its size. Letters of either may
    make it, and some are misread: it is that by which the size comes nearest to what the line's
    width says."""
    said = band * ems(line.text) / max(line.width, 1.0)
    parts = (X_HEIGHT, CAP_HEIGHT, WIDE_HEIGHT)
    return min(parts, key=lambda part: abs(math.log(part / said)))


def _band(cut: Any, part: float) -> float:
    """Height in pixels, with a fraction, of the rows around the fullest one that have much ink."""
    rows = cut.sum(axis=1, dtype=np.float64) / 255
    if rows.max() <= 0:
        return 0.0
    rows = np.convolve(rows, (0.25, 0.5, 0.25), "same")
    level = part * float(np.percentile(rows, 90))
    top = bottom = int(rows.argmax())
    while top > 0 and rows[top - 1] >= level:
        top -= 1
    while bottom < len(rows) - 1 and rows[bottom + 1] >= level:
        bottom += 1
    # Where the profile crosses the level between two rows.
    above = rows[top - 1] if top else 0.0
    below = rows[bottom + 1] if bottom < len(rows) - 1 else 0.0
    height = bottom - top
    height += (rows[top] - level) / max(rows[top] - above, 1e-6)
    height += (rows[bottom] - level) / max(rows[bottom] - below, 1e-6)
    return float(height)
