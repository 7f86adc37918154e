"""Where to tap: on screens whose labels are known."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner
from drawing import png
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

import agentkit
from agentkit.capabilities import Block, Box, Image
from agentkit.cli.app import build
from agentkit.errors import UsageError
from agentkit_ocr.finding import Found, find_in, find_text

pytestmark = pytest.mark.slow

LABELS = (
    "Settings", "Wi-Fi", "Bluetooth", "Airplane mode", "Battery saver", "Storage", "Privacy",
    "About phone", "Notifications", "Display", "Sound", "Search", "New message", "Send", "Cancel",
    "Log in", "Forgot password?", "Add to cart", "Delete all", "Save 20%",
)  # fmt: skip
SIDES = tuple[int, int, int, int]


def block(text: str, *sides: int) -> Block:
    return Block(text, Box(*sides))


def screen(labels: list[str], dark: bool, size: int) -> tuple[Image, list[SIDES]]:
    """A screen with a label every 80 pixels, and where each one's ink is."""
    paper, ink = ("#141218", "#E6E0E9") if dark else ("#FEF7FF", "#1D1B20")
    picture = Pictures.new("RGB", (540, 80 * len(labels) + 80), paper)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size)
    boxes = []
    for row, label in enumerate(labels):
        at = (40 + 20 * (row % 3), 60 + 80 * row)
        draw.text(at, label, ink, font)
        left, top, right, bottom = draw.textbbox(at, label, font)
        boxes.append((int(left), int(top), int(right), int(bottom)))
    return Image(png(picture)), boxes


# -- what counts as the same ----------------------------------------------------------------------


def test_the_label_itself_comes_before_what_contains_it() -> None:
    blocks = [block("Open settings", 0, 0, 130, 20), block("SETTINGS", 0, 40, 80, 60)]
    found = find_in(blocks, "settings")
    assert found.status == "found" and found.point == (40, 50)


def test_words_within_a_line_are_tapped_where_they_are() -> None:
    found = find_in([block("Agree or cancel now", 0, 0, 190, 20)], "Cancel")
    assert found.point == (120, 10), "letters 9 to 15 of 19, ten pixels each"
    assert find_in([block("Unsend", 0, 0, 60, 20)], "send").status == "absent"


def test_letters_of_one_shape_are_one() -> None:
    assert find_in([block("WI-FI 5GHz", 0, 0, 60, 20)], "Wl-Fl 5 GHz").status == "found"
    assert find_in([block("Sarn", 0, 0, 60, 20)], "Sam").status == "found"


def test_what_stands_twice_is_ambiguous_and_what_is_not_there_absent() -> None:
    blocks = [block("Delete", 0, 0, 60, 20), block("Delete", 0, 40, 60, 60)]
    found = find_in(blocks, "Delete")
    assert found.status == "ambiguous" and len(found.spots) == 2 and found.point is None
    assert find_in(blocks, "Deleted") == find_in(blocks, "Deleta") == Found("absent")
    assert find_in([], "Delete") == Found("absent")
    with pytest.raises(UsageError, match="no text to look for"):
        find_in(blocks, " \n")


# -- on pictures ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_twenty_screens() -> None:
    right = 0
    with agentkit.load(environ={}) as kit:
        reader = kit.part("perception", "rapidocr")
        for number in range(20):
            rng = random.Random(number)
            labels = rng.sample(LABELS, 6)
            image, boxes = screen([*labels, labels[0]], number % 2 == 1, rng.choice([22, 28, 34]))
            (seen,) = reader.see([image])
            left, top, right_side, bottom = boxes[3]
            point = find_in(seen.blocks, labels[3]).point
            right += point is not None and (
                left <= point[0] < right_side and top <= point[1] < bottom
            )
            assert find_in(seen.blocks, labels[0]).status == "ambiguous", labels[0]
            absent = next(label for label in LABELS if label not in labels)
            assert find_in(seen.blocks, absent).status == "absent", absent
    assert right >= 19


def test_from_the_command_line(tmp_path: Path) -> None:
    image, boxes = screen(["Save", "Cancel"], False, 32)
    path = tmp_path / "screen.png"
    path.write_bytes(image.data)
    made = CliRunner().invoke(build(), ["ocr-find", str(path), "cancel"])
    told = json.loads(made.stdout)
    assert made.exit_code == 0 and told["status"] == "found"
    x, y = told["point"]
    assert boxes[1][0] <= x < boxes[1][2] and boxes[1][1] <= y < boxes[1][3]
    gone = CliRunner().invoke(build(), ["ocr-find", str(path), "Delete"])
    assert gone.exit_code == 1 and json.loads(gone.stdout)["spots"] == []
    with agentkit.load(environ={}) as kit:
        assert find_text(kit.part("perception", "rapidocr"), image, "save").status == "found"
