"""Boxes drawn tight around the ink of their lines."""

from __future__ import annotations

from typing import Any

LEAST = 24  # grey levels between ink and paper, below which nothing can be told
SPECK = 3  # pixels; less is noise

Sides = tuple[int, int, int, int]
"""left, top, right, bottom in pixels."""


def tight(grey: Any, box: Sides) -> Sides:
    """The box around what is written in `box`, which it never leaves.

    A detector finds the core of a line and widens it by a part of its height, whatever its letters
    are (DB, arXiv 1911.08947: the shrunk regions are dilated again), in small print by a third. Ink
    that reaches in from the line above or below is left out.

    Args:
        grey: (height, width) uint8.
    """
    import cv2
    import numpy as np

    left, top, right, bottom = box
    part = np.ascontiguousarray(grey[top:bottom, left:right])
    if min(part.shape) < 4:
        return box
    _, mask = cv2.threshold(part, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
    dark = mask > 0
    if not 0 < dark.sum() < dark.size or part[~dark].mean() - part[dark].mean() < LEAST:
        return box
    if dark.mean() > 0.5:  # light letters
        mask = cv2.bitwise_not(mask)
    _, _, found, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    high = part.shape[0]
    begin, end, area = found[:, 1], found[:, 1] + found[:, 3], found[:, 4]
    foreign = ((begin == 0) & (end <= high / 3)) | ((end == high) & (begin >= high - high / 3))
    own = ~foreign & (area >= SPECK)
    own[0] = False  # the paper
    if not own.any():
        return box
    sides = found[own]
    return (
        left + int(sides[:, 0].min()),
        top + int(sides[:, 1].min()),
        left + int((sides[:, 0] + sides[:, 2]).max()),
        top + int((sides[:, 1] + sides[:, 3]).max()),
    )
