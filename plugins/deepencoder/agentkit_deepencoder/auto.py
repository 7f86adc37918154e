"""Mode `auto`: the cheapest way to look at a picture that its text allows.

What counts is text tokens a vision token: the paper's figure 1 puts precision at 97 % below ten and
at 60 % near twenty. How much text a picture has is guessed from its ink before anything runs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image as Pictures

from agentkit_deepencoder.config import OcrConfig
from agentkit_deepencoder.layout import Plan, mode_of, plan

LETTER_WIDTH = 0.5  # of a line's height, roughly, in Latin script
LETTERS_PER_TOKEN = 4.2
LEGIBLE = 6.0
"""Pixels of a line's height, below which letters of a view run together."""
_LONGEST = 1600  # pixels a side that are looked at for the guess


@dataclass(frozen=True, slots=True)
class Guess:
    """letters: how many the ink looks like. height: of a usual line, pixels."""

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
    rows = np.flatnonzero(np.diff(np.r_[False, ink.mean(1) > 0.002, False].astype(np.int8)))
    letters, heights = 0.0, []
    for top, bottom in zip(rows[::2], rows[1::2]):
        height = float(bottom - top)
        if height < 3:  # a ruler
            continue
        columns = ink[top:bottom].any(0)
        reach = int(max(1, height))  # a gap of a line's height is still a space between words
        wide = np.convolve(columns, np.ones(reach), "same") > 0
        letters += wide.sum() / (LETTER_WIDTH * height)
        heights.append(height)
    return Guess(letters, float(np.median(heights)) * scale if heights else 0.0)


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
