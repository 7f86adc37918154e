"""Mode `auto`: the cheapest way to look at a picture that its text allows.

What counts is text tokens a vision token: the paper's figure 1 puts precision at 97 % below ten and
at 60 % near twenty. How much text a picture has is guessed from its ink before anything runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image as Pictures

from agentkit_deepencoder.config import OcrConfig
from agentkit_deepencoder.layout import Plan, mode_of, plan

BAND = 0.52  # small letters' share of a font's size, in Latin script
LETTER_WIDTH = 0.87  # of the band's height
LETTERS_PER_TOKEN = 4.2
LEGIBLE = 8.0
"""Pixels of a font's size, below which letters of a view run together."""
_LONGEST = 1600  # pixels a side that are looked at for the guess


@dataclass(frozen=True, slots=True)
class Guess:
    """letters: how many the ink looks like. height: of the usual font, pixels."""

    letters: float
    height: float

    @property
    def tokens(self) -> float:
        """Text tokens, as a usual tokenizer would make."""
        return self.letters / LETTERS_PER_TOKEN


@dataclass(frozen=True, slots=True)
class Choice:
    """A plan with its predicted ratio of text tokens to vision tokens, and why it was taken."""

    plan: Plan
    ratio: float
    reason: str


def guess(picture: Pictures.Image) -> Guess:
    """How much text is on a picture: lines from where the rows have ink, letters from how wide
    each line's ink is."""
    grey = picture.convert("L")
    scale = max(1.0, max(grey.size) / _LONGEST)
    grey = grey.resize((max(1, round(grey.width / scale)), max(1, round(grey.height / scale))))
    values = np.asarray(grey, np.float32)
    if values.std() < 2:
        return Guess(0.0, 0.0)
    paper = np.median(values)
    ink = np.abs(values - paper) > max(24.0, values.std())
    letters, heights = 0.0, []
    for top, bottom in _bands(ink):
        band = bottom - top
        columns = ink[top:bottom].any(0)
        gap = max(1, round(1.5 * band))  # no wider is a space between words
        letters += (np.convolve(columns, np.ones(gap), "same") > 0).sum() / (LETTER_WIDTH * band)
        heights.append(band / BAND)
    return Guess(float(letters), float(np.median(heights)) * scale if heights else 0.0)


def _bands(ink: np.ndarray) -> Iterator[tuple[int, int]]:
    """(top, bottom) of the small letters' rows of each line. Where lines stand so close that
    tails touch heads, they are parted by how little ink those have."""
    amount = ink.mean(1)
    for top, bottom in _runs(amount > 0.002):
        block = amount[top:bottom]
        for start, end in _runs(block > 0.35 * np.percentile(block, 90)):
            if end - start >= 2:  # else a ruler, or dirt
                yield top + start, top + end


def _runs(true: np.ndarray) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.r_[False, true, False].astype(np.int8))).tolist()
    yield from zip(edges[::2], edges[1::2])


def choose(picture: Pictures.Image, config: OcrConfig, ratio: float, most_tiles: int) -> Choice:
    """The cheapest mode with at most `ratio` text tokens a vision token and legible lines; tiles
    where none will do."""
    text = guess(picture)
    plans = [
        plan(*picture.size, mode_of(name, config), config.token, most_tiles)
        for name in ("tiny", "small", "base", "large", "gundam", "gundam-m")
    ]
    plans.sort(key=lambda p: p.positions)
    for found in plans:
        told = text.tokens / found.valid
        if told <= ratio and _height(text, found) >= LEGIBLE * config.token / 64:
            why = f"about {text.tokens:.0f} text tokens, {told:.1f} a vision token"
            return Choice(found, told, why)
    last = plans[-1]
    told = text.tokens / last.valid
    return Choice(last, told, f"about {text.tokens:.0f} text tokens: no mode is enough, the most")


def _height(text: Guess, found: Plan) -> float:
    """A usual line's height in the sharpest view; a picture without text is always legible."""
    if not text.height:
        return float("inf")
    mode = found.mode
    if found.tiles:
        return text.height * min(
            found.columns * mode.tile / found.width, found.rows * mode.tile / found.height
        )
    if mode.pad:
        return text.height * mode.side / max(found.width, found.height)
    return text.height * min(mode.side / found.width, mode.side / found.height)
