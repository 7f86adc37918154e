"""Grounded answers to boxes, whatever a model writes."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentkit.capabilities import Box
from agentkit.errors import UsageError
from agentkit_deepencoder.grounding import Found, parse, plain, to_blocks, to_pixels, write
from agentkit_deepencoder.prompts import PROMPTS, locate, prompt

PAGE = """<|ref|>title<|/ref|><|det|>[[10, 20, 500, 60]]<|/det|>
# Harbours

<|ref|>text<|/ref|><|det|>[[10, 80, 990, 300], [10, 320, 990, 400]]<|/det|>
Ships come in.
And go out.

<|ref|>table<|/ref|><|det|>[[0, 500, 999, 999]]<|/det|>
<table><tr><td>a [1, 2, 3, 4]</td></tr></table>

<|ref|>image<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>
"""


def test_a_page_is_read_and_written_again() -> None:
    found = parse(PAGE)
    assert [one.label for one in found] == ["title", "text", "table", "image"]
    assert found[1].boxes == ((10, 80, 990, 300), (10, 320, 990, 400))
    assert found[1].text == "Ships come in.\nAnd go out."
    assert found[2].boxes == ((0, 500, 999, 999),), "numbers in content are no boxes"
    assert parse(write(found)) == found
    assert plain(found).startswith("# Harbours\nShips")


def test_blocks_lie_in_the_picture() -> None:
    blocks = to_blocks(parse(PAGE), 2000, 1000)
    assert blocks[0].box == Box(20, 20, 1001, 60) and blocks[0].label == "title"
    assert blocks[1].box == Box(20, 80, 1981, 400), "two boxes of one content are one region"
    assert blocks[3].text == "image" and blocks[3].box == Box(2, 2, 6, 4)
    assert to_pixels((998, 998, 999, 999), 3, 2) == Box(2, 1, 3, 2)


def test_unlimited_ocr_s_form() -> None:
    title = "<|det|>title [5, 6, 70, 80]<|/det|>Ships\n"
    (one, two) = parse(f"{title}<|det|>text [1, 2, 3, 4]<|/det|>x")
    assert one == Found("title", ((5, 6, 70, 80),), "Ships")
    assert two == Found("text", ((1, 2, 3, 4),), "x")


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("", []),
        ("just text", [Found(text="just text")]),
        ("<|ref|>cut", [Found("cut")]),
        ("<|ref|>a<|/ref|><|det|>[[1, 2, 30", [Found("a")]),
        ("<|ref|>a<|/ref|><|det|>[[1, 2, 30, 40]", [Found("a", ((1, 2, 30, 40),))]),
        ("<|ref|>a<|/ref|><|det|>[[-5, 2, 9999, 40]]<|/det|>", [Found("a", ((0, 2, 999, 40),))]),
        ("<|ref|>a<|/ref|><|det|>[[30, 2, 10, 40]]<|/det|>", [Found("a")]),
        ("<|ref|>a<|ref|>b<|/ref|>", [Found("a"), Found("b")]),
        ("<|/det|>x<|/ref|>", [Found(text="x")]),
        (
            "<|ref|>a<|/ref|><|det|>__import__('os').system('x')<|/det|>",
            [Found("a")],
        ),
    ],
)
def test_cut_nested_and_hostile_answers(output: str, expected: list[Found]) -> None:
    assert parse(output) == expected


PIECES = ("<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>", "[[", "]]", "1, 2, 3, 4", "a", "\n", "<|")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_nothing_a_model_writes_is_too_much(output: str) -> None:
    found = parse(output)
    for block in to_blocks(found, 640, 480):
        box = block.box
        assert 0 <= box.left < box.right <= 640 and 0 <= box.top < box.bottom <= 480
    assert parse(write(found)) is not None


@pytest.mark.parametrize("piece", ["<|ref|>", "<|det|>[[", "[[1,2,3,4],", "<|", "[" * 50, "a "])
@pytest.mark.slow
def test_a_megabyte_takes_no_time(piece: str) -> None:
    """CPU seconds of this process: the machine may be busy with others."""
    output = piece * (1_000_000 // len(piece))
    before = time.process_time()
    parse("<|ref|>a<|/ref|><|det|>" + output)
    assert time.process_time() - before < 2


def test_prompts() -> None:
    assert prompt("ocr") == "<image>\nFree OCR."
    assert all(text.startswith("<image>\n") for text in PROMPTS.values())
    assert prompt("chart") == prompt("formula") == prompt("geometry")
    asked = locate("a <|ref|>button<|/ref|>")
    assert asked == "<image>\nLocate <|ref|>a button<|/ref|> in the image."
    with pytest.raises(UsageError, match="did you mean"):
        prompt("markdwn")
