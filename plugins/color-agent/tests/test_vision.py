"""Coordinates and replies of models that see."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentkit.agents.acting import BadReply
from agentkit_color_agent.vision import (
    DIALECTS,
    Points,
    from_pixel,
    smart_resize,
    to_pixel,
    understood,
)

SIZES = ((1080, 2400), (720, 1520), (1440, 3200), (2400, 1080), (320, 480))
POINTS: tuple[Points, ...] = ("resized", "thousand", "unit")


@pytest.mark.parametrize(("size", "points"), list(itertools.product(SIZES, POINTS)))
def test_a_point_comes_back_within_a_pixel(size: tuple[int, int], points: Points) -> None:
    """Acceptance 6: as near as the convention tells points apart; where it is finer than the
    screen, within one pixel."""
    steps = {"thousand": 1000}
    for x, y in itertools.product(range(0, size[0], 37), range(0, size[1], 41)):
        back = to_pixel(*from_pixel(x, y, points, size), points, size)
        for given_, got, side in zip((x, y), back, size):
            most = max(1.0, side / steps.get(points, side) / 2 + 0.5)
            assert abs(given_ - got) <= most


@pytest.mark.parametrize(("size", "points"), list(itertools.product(SIZES, POINTS)))
def test_the_middle_of_an_element_is_still_hit(size: tuple[int, int], points: Points) -> None:
    for left, top in itertools.product(range(0, size[0] - 48, 97), range(0, size[1] - 48, 89)):
        middle = (left + 24, top + 24)
        x, y = to_pixel(*from_pixel(*middle, points, size), points, size)
        assert left <= x < left + 48 and top <= y < top + 48


def test_the_picture_is_resized_as_the_family_does() -> None:
    """1080 × 2400 becomes 1092 × 2408 (sheet 2.2)."""
    assert smart_resize((1080, 2400)) == (1092, 2408)
    assert smart_resize((4000, 8000), most=1_000_000) == (700, 1400)
    for bad in ((0, 5), (1, 400)):
        with pytest.raises(ValueError, match="no picture"):
            smart_resize(bad)


@pytest.mark.parametrize("points", POINTS)
@pytest.mark.parametrize(
    "bad", [-1, 1e9, float("nan"), float("inf"), "5", None, True, [1], {"x": 1}]
)
def test_what_is_no_coordinate_is_told_to_the_model(points: Points, bad: Any) -> None:
    for x, y in ((bad, 0.5), (0.5, bad)):
        with pytest.raises(BadReply):
            to_pixel(x, y, points, (1080, 2400))


def test_swapped_coordinates_are_off_the_screen() -> None:
    with pytest.raises(BadReply, match="not on the screen"):
        to_pixel(2200, 540, "resized", (1080, 2400))


@pytest.mark.parametrize("dialect", DIALECTS)
@given(text=st.text(max_size=200))
def test_any_text_is_an_action_or_a_bad_reply(dialect: str, text: str) -> None:
    try:
        json.loads(understood(text, dialect, (1080, 2400)))
    except BadReply as error:
        assert error.message


RECORDED = json.loads((Path(__file__).parent / "data" / "vision.json").read_text("utf-8"))


@pytest.mark.parametrize(
    "one", RECORDED["replies"], ids=lambda r: f"{r['dialect']}: {r['said'][:30]}"
)
def test_what_families_say(one: dict[str, Any]) -> None:
    size = tuple(RECORDED["size"])
    if "fault" in one:
        with pytest.raises(BadReply, match=one["fault"]):
            understood(one["said"], one["dialect"], size)
        return
    assert json.loads(understood(one["said"], one["dialect"], size)) == one["means"]
