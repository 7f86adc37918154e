"""Pages of odd shapes, and pages that lie on their side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from drawing import page_pdf, prose, words
from PIL import Image

import agentkit
from agentkit_ocr.bench.pages import picture
from agentkit_ocr.metrics import edit_distance, running_text
from agentkit_ocr.reading import read_page


@pytest.fixture(scope="module")
def reader() -> Iterator[Any]:
    with agentkit.load(environ={}) as kit:
        yield kit.part("perception", "rapidocr")


@pytest.mark.parametrize("size", [(1, 1), (20_000, 7), (5, 900), (30, 30)])
def test_pictures_too_small_for_text(reader: Any, size: tuple[int, int]) -> None:
    page = read_page(Image.new("RGB", size, "white"), reader)
    assert page.items == () and page.warnings and (page.width, page.height) == size


@pytest.mark.parametrize("colour", ["white", "black", "grey"])
def test_a_page_of_one_colour_is_blank(reader: Any, colour: str) -> None:
    page = read_page(Image.new("RGB", (800, 1000), colour), reader)
    assert page.items == () and page.warnings[0] in ("blank", "no text found")


@pytest.mark.slow
def test_a_long_strip_is_read_in_pieces(reader: Any) -> None:
    strip = Image.new("RGB", (20_000, 60), "white")
    for number in range(8):
        strip.paste(words(f"Harbour {number}", (300, 60), 36).crop((0, 20, 300, 60)),
                    (2400 * number + 100, 10))  # fmt: skip
    text = running_text(read_page(strip, reader).items)
    assert [f"Harbour {n}" in text for n in range(8)] == [True] * 8


@pytest.mark.slow
@pytest.mark.parametrize("turn", [90, 180])
def test_a_page_on_its_side_is_turned(reader: Any, turn: int) -> None:
    upright = picture(page_pdf([prose(0), prose(1)]), 110).crop((0, 0, 909, 450))
    page = read_page(upright.rotate(turn, expand=True), reader)
    assert page.turn == {90: 1, 180: 2}[turn]
    assert edit_distance(f"{prose(0).text} {prose(1).text}", running_text(page.items)) < 0.03
    box = page.original_box(page.items[0].box)
    assert 0 <= box[0] < box[2] <= (450 if turn == 90 else 909) + 2
