"""Pages of odd shapes, and empty ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

import agentkit
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
