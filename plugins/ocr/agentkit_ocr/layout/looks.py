"""How a line of text looks: the size of its font, bold, and whether all letters are equally wide.

Two measures of size are taken, each wrong in its own way: the height of the band in which most ink
lies (a pixel more or less), and the width of the line against what its letters take in an ordinary
font (another typeface, by some per cent). Their geometric mean is what counts.
"""

from __future__ import annotations

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
BLANK, OTHER, WIDE, MONO = 0.26, 0.53, 0.95, 0.6  # of an em
X_HEIGHT, CAP_HEIGHT, WIDE_HEIGHT = 0.49, 0.69, 0.85
BAND = 0.4  # of the fullest row's ink, in the rows that count as the band


def dressed(lines: Sequence[Line], mask: Any) -> list[Line]:
    """The lines with their looks. mask: (height, width) uint8, ink is 255."""
    measured = [_measure(line, mask) for line in lines]
    strokes = [stroke for stroke, _ in measured if stroke > 0]
    weights = [len(line.text) for line, (stroke, _) in zip(lines, measured) if stroke > 0]
    usual = weighted_median(strokes, weights) if strokes else 0.0
    found = []
    for line, (stroke, height) in zip(lines, measured):
        size = height
        mono = False
        if len(line.text) >= 4 and height > 0:
            by_width, by_mono = line.width / _em(line.text), line.width / (MONO * len(line.text))
            mono = len(line.text) >= 8 and _far(by_mono, height) < 0.6 * _far(by_width, height)
            size = math.sqrt(height * (by_mono if mono else by_width))
        bold = bool(usual) and stroke > 1.22 * usual
        found.append(replace(line, size=size or 0.7 * line.height, bold=bold, mono=mono))
    return found


def weighted_median(values: Sequence[float], weights: Sequence[float]) -> float:
    """The value below which half of the weight lies."""
    order = np.argsort(values)
    total = np.cumsum(np.asarray(weights, float)[order])
    return float(np.asarray(values)[order][int(np.searchsorted(total, total[-1] / 2))])


def is_wide(letter: str) -> bool:
    """Whether it is of East Asian width: Han, Hangul, Kana."""
    return unicodedata.east_asian_width(letter) in "WF"


def _far(a: float, b: float) -> float:
    return abs(math.log(max(a, 1e-6) / max(b, 1e-6)))


def _em(text: str) -> float:
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


def _measure(line: Line, mask: Any) -> tuple[float, float]:
    """(stroke width in parts of the size, size by height in pixels); zeros where nothing is seen."""
    left, top, right, bottom = (round(side) for side in line.box)
    cut = mask[max(0, top) : bottom, max(0, left) : right]
    if cut.size == 0 or not line.text:
        return 0.0, 0.0
    band = _band(cut)
    if not band:
        return 0.0, 0.0
    letters = [c for c in line.text if not c.isspace()]
    if sum(map(is_wide, letters)) > len(letters) / 2:
        size = band / WIDE_HEIGHT
    else:
        low = sum(c.islower() for c in letters)
        size = band / (X_HEIGHT if low >= 0.5 * len(letters) else CAP_HEIGHT)
    area = cv2.countNonZero(cut)
    core = cv2.countNonZero(cv2.erode(cut, np.ones((3, 3), np.uint8), borderValue=0))
    edge = max(1, area - core)
    return 2 * area / edge / size, size


def _band(cut: Any) -> float:
    """Height in pixels, with a fraction, of the rows around the fullest one that have much ink."""
    rows = cut.sum(axis=1, dtype=np.float64) / 255
    if rows.max() <= 0:
        return 0.0
    rows = np.convolve(rows, (0.25, 0.5, 0.25), "same")
    level = BAND * float(np.percentile(rows, 90))
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
