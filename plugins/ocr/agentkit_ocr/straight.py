"""A page's picture made ready to be read: straight, upright, even, with its ink as a mask."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

MOST = 7.0  # degrees of skew that are looked for
SMALL = 900  # pixels of the longer side of the picture in which skew is measured
LEAST = 0.08  # degrees; below, turning blurs more than it helps


def grey(picture: Any) -> Any:
    """(height, width) uint8 of a PIL picture."""
    return np.asarray(picture.convert("L"))


def ink(page: Any) -> Any:
    """(height, width) uint8, 255 where there is ink: darker than the paper around it, or lighter
    on a dark page. Uneven light is taken out first."""
    flat = even(page)
    level, mask = cv2.threshold(flat, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
    if level > 245:  # blank paper: Otsu's level would cut its noise in two
        mask = np.where(flat < 128, 255, 0).astype(np.uint8)
    if cv2.countNonZero(mask) > mask.size / 2:
        mask = cv2.bitwise_not(mask)
    return mask


def even(page: Any) -> Any:
    """Light divided out: paper is white everywhere."""
    height, width = page.shape
    small = _shrunk(page, 400)
    side = max(3, min(small.shape) // 12 | 1)
    paper = cv2.medianBlur(cv2.dilate(small, np.ones((side, side), np.uint8)), min(side, 255) | 1)
    paper = cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR)
    if float(np.median(paper)) < 100:  # a dark page has no paper to divide by
        return page
    return cv2.divide(page, np.maximum(paper, 1), scale=255)


def skew(mask: Any) -> float:
    """Degrees by which the page is turned clockwise: the turn that makes rows of ink and rows of
    paper differ most (the variance of the row profile), coarse first and then fine."""
    small = _shrunk(mask, SMALL)
    if min(small.shape) < 32 or cv2.countNonZero(small) < 50:
        return 0.0
    best, step = 0.0, 0.5
    candidates = np.arange(-MOST, MOST + step / 2, step)
    while step > 0.01:
        scores = [_sharpness(small, angle) for angle in candidates]
        best = float(candidates[int(np.argmax(scores))])
        step /= 5
        candidates = np.arange(best - 5 * step, best + 5.5 * step, step)
    flat = _sharpness(small, 0.0)
    if abs(best) < LEAST or _sharpness(small, best) < 1.02 * flat:
        return 0.0
    return round(best, 3)


def _shrunk(page: Any, longest: int) -> Any:
    """With the longer side of at most so many pixels; a strip keeps one row."""
    height, width = page.shape
    scale = min(1.0, longest / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(page, size, interpolation=cv2.INTER_AREA)


def _sharpness(mask: Any, angle: float) -> float:
    rows = rotated(mask, angle, 0).sum(axis=1, dtype=np.float64)
    return float(np.square(np.diff(rows)).sum())


def rotated(page: Any, angle: float, paper: int) -> Any:
    """The page turned back by an angle in degrees around its middle; its size stays."""
    height, width = page.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    fill = (paper,) * (page.shape[2] if page.ndim == 3 else 1)
    return cv2.warpAffine(page, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=fill)
