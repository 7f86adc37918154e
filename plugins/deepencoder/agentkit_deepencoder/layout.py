"""Modes, tiles and positions: how many tokens a picture takes, and which pixels each one sees.

DeepSeek-OCR (arXiv 2510.18234), section 3.2.3 and table 1. One function, `plan`, says it all
before anything is drawn or run, so that placeholders and features cannot disagree. No torch here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from agentkit.capabilities import Box
from agentkit.errors import UsageError
from agentkit.names import nearest
from agentkit_deepencoder.config import OcrConfig

LEAST_TILES, MOST_TILES = 2, 6
"""vLLM's bound; the published Hugging Face code allows 9."""


@dataclass(frozen=True, slots=True)
class Mode:
    """A way to look at a picture. side: pixels of the overview. tile: pixels of a tile, 0 for
    none. pad: the overview keeps the picture's shape, with grey around; else it is stretched."""

    name: str
    side: int
    tile: int = 0
    pad: bool = True


_SHARES: dict[str, tuple[float, float]] = {
    "tiny": (1 / 2, 0),
    "small": (5 / 8, 0),
    "base": (1, 0),
    "large": (5 / 4, 0),
}
_SHARES |= {"gundam": (1, 5 / 8), "gundam-m": (5 / 4, 1)}
MODES = tuple(_SHARES)


def mode_of(name: str, config: OcrConfig) -> Mode:
    """A mode's sizes for a model: 512, 640, 1024, 1280 pixels for the published one.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in _SHARES:
        raise UsageError(
            f"no mode {name!r}{nearest(name, MODES)}", f"one of {', '.join((*MODES, 'auto'))}"
        )
    side, tile = (math.ceil(config.clip.grid * share) * config.token for share in _SHARES[name])
    return Mode(name, side, tile, pad=name not in ("tiny", "small"))


@dataclass(frozen=True, slots=True)
class Plan:
    """How a picture of (width, height) pixels is looked at. columns, rows: of tiles; 0 for none.
    token: pixels of a view that one token stands for."""

    mode: Mode
    width: int
    height: int
    token: int
    columns: int = 0
    rows: int = 0

    @property
    def tiles(self) -> int:
        return self.columns * self.rows

    @property
    def grid(self) -> int:
        """Tokens a side of the overview."""
        return self.mode.side // self.token

    @property
    def local(self) -> int:
        """Tokens a side of a tile."""
        return self.mode.tile // self.token

    @property
    def positions(self) -> int:
        """Places in the decoder's sequence, with newlines and the separator."""
        across = self.columns * self.local
        return self.rows * self.local * (across + 1) + self.grid * (self.grid + 1) + 1

    @property
    def tokens(self) -> int:
        """As the paper counts: without newlines and separator."""
        return self.tiles * self.local**2 + self.grid**2

    @property
    def valid(self) -> int:
        """As the paper's table 1 counts where grey was added: tokens that see the picture."""
        if not self.mode.pad or self.tiles:
            return self.tokens
        long, short = max(self.width, self.height), min(self.width, self.height)
        return math.ceil(self.tokens * (1 - (long - short) / long))

    def sees(self) -> Iterator[Box]:
        """For each position, the pixels of the original picture that it stands for.

        In each view the tokens' boxes cover every pixel once; a token that lies in the grey has an
        empty box, a newline's is its row, the separator's everything.
        """
        if self.tiles:
            across, down = self.columns * self.local, self.rows * self.local
            xs, ys = _cuts(self.width, across), _cuts(self.height, down)
            yield from _raster(xs, ys)
        xs, ys = (
            (self._padded(self.width), self._padded(self.height))
            if self.mode.pad
            else (_cuts(self.width, self.grid), _cuts(self.height, self.grid))
        )
        yield from _raster(xs, ys)
        yield Box(0, 0, self.width, self.height)

    def _padded(self, side: int) -> list[int]:
        """Where the overview's tokens begin, in pixels of the picture along one side."""
        view = self.mode.side
        scale = view / max(self.width, self.height)
        air = round((view - max(1, round(side * scale))) / 2)
        return [
            min(side, max(0, round((n * self.token - air) / scale))) for n in range(self.grid + 1)
        ]


def plan(
    width: int, height: int, mode: Mode, token: int = 64, most_tiles: int = MOST_TILES
) -> Plan:
    """How a picture is looked at in a mode, without running anything."""
    if not mode.tile or (width <= mode.tile and height <= mode.tile):
        return Plan(mode, width, height, token)
    columns, rows = tiling(width, height, mode.tile, most_tiles)
    return Plan(mode, width, height, token, columns, rows)


def tiling(width: int, height: int, tile: int, most: int) -> tuple[int, int]:
    """(columns, rows) of the grid whose shape is nearest the picture's (InternVL 2's rule). Of
    equals, a larger one is taken only by a picture that fills half of it.

    Raises:
        UsageError: fewer than two tiles are allowed.
    """
    if most < LEAST_TILES:
        raise UsageError(f"at most {most} tiles are allowed", f"{LEAST_TILES} or more")
    shapes = {
        (columns, rows)
        for columns in range(1, most + 1)
        for rows in range(1, most + 1)
        if LEAST_TILES <= columns * rows <= most
    }
    best, least = (1, 1), math.inf
    for columns, rows in sorted(shapes, key=lambda s: (s[0] * s[1], s)):
        apart = abs(width / height - columns / rows)
        filled = width * height > 0.5 * tile * tile * columns * rows
        if apart < least or (apart == least and filled):
            best, least = (columns, rows), apart
    return best


def _cuts(length: int, parts: int) -> list[int]:
    return [round(n * length / parts) for n in range(parts + 1)]


def _raster(xs: list[int], ys: list[int]) -> Iterator[Box]:
    for top, bottom in pairwise(ys):
        for left, right in pairwise(xs):
            yield Box(left, top, right, bottom)
        yield Box(xs[0], top, xs[-1], bottom)  # the newline
