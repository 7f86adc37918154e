"""Modes, tiles, positions, and which pixels a token sees."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from PIL import Image as Pictures

from agentkit.errors import UsageError
from agentkit_deepencoder.auto import choose, guess
from agentkit_deepencoder.config import FULL, TINY
from agentkit_deepencoder.encoder import lay_out
from agentkit_deepencoder.layout import MODES, Plan, mode_of, plan, tiling
from agentkit_deepencoder.nano.pages import Look, draw, passage
from agentkit_deepencoder.pictures import pixels_of
from agentkit_deepencoder.weights import Ocr


def full(name: str, width: int, height: int, most: int = 6) -> Plan:
    return plan(width, height, mode_of(name, FULL), 64, most)


@pytest.mark.parametrize(
    ("name", "side", "tokens", "positions"),
    [
        ("tiny", 512, 64, 73),
        ("small", 640, 100, 111),
        ("base", 1024, 256, 273),
        ("large", 1280, 400, 421),
    ],
)
def test_tokens_by_mode(name: str, side: int, tokens: int, positions: int) -> None:
    found = full(name, 1000, 1000)
    assert (found.mode.side, found.tokens, found.positions) == (side, tokens, positions)


# Worked out by hand from the rule: nearest shape, ties by how much of the grid is filled.
GRIDS = {
    (600, 600): ((0, 0), (0, 0)),
    (640, 640): ((0, 0), (0, 0)),
    (641, 641): ((2, 2), (2, 2)),
    (2000, 2000): ((2, 2), (3, 3)),
    (1080, 1920): ((1, 2), (2, 4)),
    (1920, 1080): ((2, 1), (4, 2)),
    (1240, 1754): ((2, 3), (2, 3)),
    (1754, 1240): ((3, 2), (3, 2)),
    (2480, 3508): ((2, 3), (2, 3)),
    (800, 600): ((3, 2), (3, 2)),
    (1280, 720): ((2, 1), (2, 1)),
    (1000, 3000): ((1, 3), (1, 3)),
    (3000, 1000): ((3, 1), (3, 1)),
    (500, 5000): ((1, 6), (1, 9)),
    (5000, 500): ((6, 1), (9, 1)),
    (20000, 30): ((6, 1), (9, 1)),
    (30, 20000): ((1, 6), (1, 9)),
    (641, 10): ((6, 1), (9, 1)),
    (1300, 1000): ((3, 2), (3, 2)),
    (1024, 1365): ((2, 3), (2, 3)),
}


@pytest.mark.parametrize("size", GRIDS)
def test_gundam_on_listed_sizes(size: tuple[int, int]) -> None:
    for most, (columns, rows) in zip((6, 9), GRIDS[size]):
        found = full("gundam", *size, most)
        assert (found.columns, found.rows) == (columns, rows), f"at most {most}"
        across = 10 * found.columns
        tiles = 10 * found.rows * (across + 1) if found.tiles else 0
        assert found.positions == 273 + tiles


def test_a_grid_needs_two_tiles() -> None:
    with pytest.raises(UsageError, match="2 or more"):
        tiling(1000, 1000, 640, 1)
    with pytest.raises(UsageError, match="did you mean"):
        mode_of("gundan", FULL)


def test_valid_tokens_as_the_paper_counts() -> None:
    """A4 at 150 dpi; the paper's own pages, whose shape it does not give, leave 182 and 285."""
    assert full("base", 1240, 1754).valid == 181 and full("large", 1240, 1754).valid == 283
    assert full("small", 1240, 1754).valid == 100


@pytest.mark.slow
def test_positions_are_features() -> None:
    """For random sizes and modes, what is planned is what comes out of the encoder's layout; a
    stub stands for the encoder, whose own shapes test_encoder.py sees to."""
    rng = random.Random(3)
    for _ in range(1000):
        size = (rng.randint(1, 3000), rng.randint(1, 3000))
        found = full(rng.choice(MODES), *size, rng.choice((2, 6, 9)))
        g, local = found.grid, found.local
        tiles = torch.zeros(found.tiles, local, local, 1) if found.tiles else None
        made = lay_out(torch.zeros(g, g, 1), tiles, found.columns, torch.zeros(1), torch.zeros(1))
        assert len(made) == found.positions == sum(1 for _ in found.sees())


def test_planned_views_go_through_the_encoder(ocr: Ocr) -> None:
    for size in ((300, 200), (90, 700), (1, 1)):
        picture = Pictures.new("RGB", size, "white")
        for name in ("tiny", "base", "gundam"):
            found = plan(*size, mode_of(name, TINY), TINY.token)
            overview, tiles = (torch.from_numpy(v) for v in pixels_of(picture, found))
            made = ocr.encoder.read(overview, tiles if found.tiles else None, found.columns)
            assert len(made) == found.positions


@pytest.mark.parametrize("size", [(300, 200), (1, 1), (1000, 37), (640, 641), (1280, 1280)])
@pytest.mark.parametrize("name", MODES)
def test_every_pixel_is_seen_once_a_view(size: tuple[int, int], name: str) -> None:
    found = full(name, *size)
    boxes = iter(list(found.sees()))

    def view(columns: int, rows: int) -> None:
        seen = np.zeros((size[1], size[0]), int)
        for _ in range(rows):
            row = [next(boxes) for _ in range(columns)]
            newline = next(boxes)
            for box in row:
                seen[box.top : box.bottom, box.left : box.right] += 1
            assert (newline.left, newline.right) == (row[0].left, row[-1].right)
        assert (seen == 1).all()

    if found.tiles:
        view(found.columns * found.local, found.rows * found.local)
    view(found.grid, found.grid)
    last = next(boxes)
    assert (last.right, last.bottom) == size and next(boxes, None) is None


def test_a_token_sees_the_pixels_it_names() -> None:
    """A black dot in a token's box darkens that token's own square of the view, and no other."""
    for name in ("tiny", "base"):
        found = full(name, 900, 500)
        square = 64
        boxes = [b for n, b in enumerate(found.sees()) if (n + 1) % (found.grid + 1)][:-1]
        at = len(boxes) // 2 + 3
        box = boxes[at]
        picture = Pictures.new("RGB", (900, 500), "white")
        middle = ((box.left + box.right) // 2, (box.top + box.bottom) // 2)
        picture.paste("black", (middle[0] - 4, middle[1] - 4, middle[0] + 4, middle[1] + 4))
        overview, _ = pixels_of(picture, found)
        blank, _ = pixels_of(Pictures.new("RGB", (900, 500), "white"), found)
        changed = np.abs(overview - blank).sum(0).reshape(found.grid, square, found.grid, square)
        assert int(changed.sum((1, 3)).argmax()) == at
        assert (changed.sum((1, 3)) > 1e-3).sum() == 1


def test_half_black_pictures_keep_their_tiles() -> None:
    """The published code drops tiles whose pixels add up to nothing; here they are counted."""
    picture = Pictures.new("RGB", (1000, 1000), "white")
    picture.paste("black", (0, 0, 1000, 500))
    found = full("gundam", 1000, 1000)
    overview, tiles = pixels_of(picture, found)
    assert abs(float(overview.sum())) < 1 and len(tiles) == 4


class TestAuto:
    def page(self, letters: int, size: float) -> Pictures.Image:
        rng, text = random.Random(1), ""
        while len(text) < letters:
            text += f"{passage(rng, 900)} "
        page = draw(text, 1240, 1754, Look(size=size, left=30, top=30), letters)
        assert len(page.text) > 0.9 * letters
        return page.picture

    def test_the_guess_is_about_right(self) -> None:
        for letters, size in ((500, 40.0), (1500, 24.0), (3000, 20.0)):
            found = guess(self.page(letters, size))
            assert 0.6 < found.letters / letters < 1.6, f"{letters}: {found}"

    def test_more_text_takes_more_tokens(self) -> None:
        found = [
            choose(self.page(letters, size), FULL, 10.0, 6)
            for letters, size in ((150, 60.0), (2500, 24.0), (9000, 13.0))
        ]
        positions = [choice.plan.positions for choice in found]
        assert positions == sorted(positions) and positions[0] < positions[-1]
        assert all(choice.ratio <= 10 and "text tokens" in choice.reason for choice in found)

    def test_small_print_is_cut_into_tiles(self) -> None:
        assert choose(self.page(9000, 9.0), FULL, 10.0, 6).plan.tiles

    def test_a_blank_page_is_cheap(self) -> None:
        found = choose(Pictures.new("RGB", (1240, 1754), "white"), FULL, 10.0, 6)
        assert found.plan.mode.name == "tiny" and found.ratio == 0
