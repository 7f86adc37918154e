"""What the nano model learns from: 70 % OCR, 20 % general vision, 10 % text, as in the paper's
section 3.4; a batch is a function of (seed, step) alone, so training can stop and go on.

Besides the answer a page has dense targets: which character stands in each small slot of each
token, and where the next character of the answer is. They are scaffolding: the paper's encoder
starts from SAM and CLIP, this one from nothing.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from PIL import Image as Pictures

from agentkit.seeds import derive
from agentkit_deepencoder.layout import Mode, Plan, mode_of, plan
from agentkit_deepencoder.nano import pages, scenes
from agentkit_deepencoder.nano.alphabet import CHARACTERS, ID, PHRASES, SPECIAL, TAGS, spell
from agentkit_deepencoder.nano.shape import NANO
from agentkit_deepencoder.pictures import pixels_of

SLOTS = (4, 8)  # rows and columns of slots in a token: 8 x 4 pixels each
PATCH_SLOTS = (1, 2)  # and in a patch
PLACES = (20, 40)  # rows and columns of the grid in which the next character is found
MOST_TILES = 4
LONGEST = 48  # characters on a page
ORDINARY = 0.5  # pages of ordinary text; random letters leave nothing to do but to look
PAGE_SIDES = {"tiny": 64, "small": 96, "base": 128, "large": 160, "gundam": 192}
SHARES = (40, 25, 17, 10, 8)  # how often each is drawn
PORTIONS = {"tiny": 1.5, "small": 0.75, "base": 0.5, "large": 0.375, "gundam": 0.1875}
"""Of a batch: pages with more to look at come in smaller ones, so that all steps cost alike."""


class Mix(NamedTuple):
    """Shares of what is learned from; they add up to 1."""

    ocr: float = 0.7
    vision: float = 0.2
    text: float = 0.1


MIX = Mix()


@dataclass(frozen=True, slots=True)
class Sample:
    """picture: None for text alone. marks: of each token of the answer its (x, y), 0..1, or None.
    page: whose characters fill the slots."""

    picture: Pictures.Image | None
    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    marks: tuple[tuple[float, float] | None, ...] = ()
    page: pages.Page | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples that are looked at alike. plan: None for text alone. overviews: (B, 3, H, W), and
    tiles: (B · tiles, 3, h, w)."""

    samples: tuple[Sample, ...]
    plan: Plan | None
    overviews: Any
    tiles: Any


def batch(seed: int, step: int, size: int, mix: Mix = MIX, *, dense: bool = False) -> Batch:
    """What step `step` learns from. dense: only pages of text, and full ones, for the encoder's own
    stage."""
    rng = random.Random(derive(seed, "batch", step))
    drawn = rng.random()
    if not dense and drawn < mix.text:
        return Batch(tuple(_text(rng) for _ in range(size)), None, None, None)
    name = rng.choices(tuple(PAGE_SIDES), SHARES)[0]
    size = max(1, round(size * PORTIONS[name]))
    side = PAGE_SIDES[name]
    shape = plan(side, side, mode_of(name, NANO), NANO.token, MOST_TILES)
    if not dense and drawn < mix.text + mix.vision:
        made = [_vision(rng, side) for _ in range(size)]
    else:
        grounded = not dense and rng.random() < 0.1
        made = [_page(rng, side, grounded, filled=dense) for _ in range(size)]
    overviews, tiles = zip(*(pixels_of(s.picture, shape) for s in made if s.picture))
    return Batch(
        tuple(made),
        shape,
        np.stack(overviews),
        np.concatenate(tiles) if shape.tiles else None,
    )


def _prompt(text: str) -> tuple[int, ...]:
    """A phrase that is one token, after the picture and a newline."""
    return (ID["\n"], SPECIAL.index(text))


def _tag(name: str) -> int:
    return TAGS.index(name)


END = _tag("<|end|>")


def _text(rng: random.Random) -> Sample:
    return Sample(None, (), (*spell(pages.passage(rng, 80)), END))


def _page(rng: random.Random, side: int, grounded: bool, filled: bool) -> Sample:
    while True:
        length = 600 if filled else 200
        source = pages.passage if rng.random() < ORDINARY else pages.letters
        text = source(rng, length)
        look = pages.random_look(rng, side)
        longest = length if filled else min(LONGEST, round(2 ** rng.uniform(1.5, 5.6)))
        page = pages.draw(text, side, side, look, longest)
        if page.lines and (not grounded or len(page.lines) <= 3):
            break
    picture = pages.noisy(page.picture, look.noise, rng.getrandbits(32))
    prompt = _prompt("<|grounding|>OCR this image." if grounded else "Free OCR.")
    answer: list[int] = []
    marks: list[tuple[float, float] | None] = []
    for number, line in enumerate(page.lines):
        places = [(x / side, line.y / side) for x in line.xs]
        if grounded:
            right = line.xs[-1] + look.size / 3
            box = (line.xs[0] - look.size / 3, line.top, right, line.bottom)
            where = box_tokens(box, side, side)
            answer += [_tag("<|ref|>"), *spell(line.text), _tag("<|/ref|>"), *where]
            marks += [places[0], *places, None, *[None] * len(where)]
        else:
            answer += spell(line.text)
            marks += places
        if number + 1 < len(page.lines):
            answer.append(ID["\n"])
            marks.append((1.0, line.y / side))
    return Sample(picture, prompt, (*answer, END), (*marks, None), page)


def box_tokens(box: tuple[float, float, float, float], width: int, height: int) -> list[int]:
    """`<|det|>[[x1, y1, x2, y2]]<|/det|>`, coordinates 0..999 of the picture."""
    sides = (width, height, width, height)
    numbers = [min(999, max(0, int(v / side * 999))) for v, side in zip(box, sides)]
    text = f"[[{', '.join(str(n) for n in numbers)}]]"
    return [_tag("<|det|>"), *spell(text), _tag("<|/det|>")]


def _vision(rng: random.Random, side: int) -> Sample:
    scene = scenes.scene(rng, side)
    ask = rng.choice(("describe", "count", "locate"))
    if ask == "describe":
        prompt, answer = _prompt(PHRASES[4]), spell(scene.description())
        return Sample(scene.picture, prompt, (*answer, END))
    kind = rng.choice(scenes.KINDS)
    single = [k for k in scenes.KINDS if scene.count(k) == 1]
    if ask == "locate" and single:
        kind = rng.choice(single)
        (shape,) = (s for s in scene.shapes if s.kind == kind)
        named = (_tag("<|ref|>"), *spell(kind), _tag("<|/ref|>"))
        prompt = (*_prompt("Locate "), *named, SPECIAL.index(" in the image."))
        return Sample(scene.picture, prompt, (*named, *box_tokens(shape.box, side, side), END))
    prompt = (*_prompt("Count "), _tag("<|ref|>"), *spell(kind), _tag("<|/ref|>"))
    return Sample(scene.picture, prompt, (*spell(str(scene.count(kind))), END))


def slots_of(page: pages.Page, side: int, tokens: int) -> np.ndarray:
    """(rows, columns): the character whose centre lies in each slot, 0 for none; characters are
    counted from 1. tokens: a side of the raster that looks at the page."""
    rows, columns = SLOTS[0] * tokens, SLOTS[1] * tokens
    grid = np.zeros((rows, columns), np.int64)
    for line in page.lines:
        row = min(rows - 1, int(line.y / side * rows))
        for character, x in zip(line.text, line.xs):
            if character != " ":
                column = min(columns - 1, int(x / side * columns))
                grid[row, column] = CHARACTERS.index(character) + 1
    return grid


def by_token(grid: np.ndarray, down: int, across: int) -> np.ndarray:
    """(rows, columns) of slots as (tokens, slots of each), a token's slots being down x across."""
    rows, columns = grid.shape
    split = grid.reshape(rows // down, down, columns // across, across).transpose(0, 2, 1, 3)
    return split.reshape(-1, down * across)


def places_of(marks: Sequence[tuple[float, float] | None]) -> list[tuple[int, int]]:
    """Cells of PLACES, row and column; (-100, -100) where there is none."""
    return [
        (-100, -100)
        if mark is None
        else (
            min(PLACES[0] - 1, int(mark[1] * PLACES[0])),
            min(PLACES[1] - 1, int(mark[0] * PLACES[1])),
        )
        for mark in marks
    ]


def modes() -> dict[str, Mode]:
    return {name: mode_of(name, NANO) for name in PAGE_SIDES}
