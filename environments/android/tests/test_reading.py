"""What is written in the picture, merged with the tree."""

from __future__ import annotations

from dataclasses import replace

import pytest

import agentkit
from agentkit.capabilities import Block, Box
from agentkit_android.client import actions as act
from agentkit_android.client.tree import Element
from agentkit_android.env.environment import AndroidEnvironment
from agentkit_android.env.reading import merged, read

pytestmark = pytest.mark.slow

SCREEN = (1080, 2400)


def block(text: str, *sides: int, confidence: float = 0.9) -> Block:
    return Block(text, Box(*sides), confidence=confidence)


def test_what_the_tree_says_is_not_said_twice() -> None:
    elements = [Element("switch", "Wi-Fi, Connected to Harbour 5", (0, 200, 1080, 400))]
    blocks = [block("Wi-Fi", 50, 220, 200, 270), block("Connected to Harb0ur 5", 50, 300, 500, 340)]
    assert merged(elements, blocks, SCREEN) == elements


def test_what_says_nothing_gets_what_is_written_in_it() -> None:
    silent = [Element("button", "", (0, 200, 500, 300), clickable=True)]
    (named,) = merged(silent, [block("Send", 50, 220, 200, 270)], SCREEN)
    assert (named.label, named.seen, named.clickable) == ("Send", True, True)


def test_what_stands_in_no_element_becomes_one() -> None:
    blocks = [
        block("Menu of the day", 50, 900, 600, 960),
        block("dust", 5, 5, 20, 9, confidence=0.3),
    ]
    background = [Element("view", "", (0, 0, *SCREEN))]
    _, text = merged(background, blocks, SCREEN)
    assert (text.role, text.label, text.bounds) == ("text", "Menu of the day", (50, 900, 600, 960))


def test_an_icon_beside_words_is_no_letter() -> None:
    row = [Element("row", "Notifications", (0, 200, 1080, 400))]
    assert merged(row, [block("川", 40, 260, 105, 320)], SCREEN) == row


def test_a_password_is_never_read_from_the_picture() -> None:
    field = [Element("field", "", (0, 200, 500, 300), password=True)]
    assert merged(field, [block("hunter2", 50, 220, 200, 270)], SCREEN) == field


@pytest.mark.slow
def test_a_phone_is_read() -> None:
    """The simulated phone's settings: with their tree nothing is said twice, and without it, as on
    screens that never stand still, the picture alone names what can be touched."""
    with agentkit.load(environ={}) as kit:
        kit.define("perception", "ocr", use="rapidocr")
        kit.define("environment", "inside", use="android", where="inside", perception="ocr")
        phone = kit.environment("inside")
        assert isinstance(phone, AndroidEnvironment)
        phone.begin(phone.find_task("look around"))
        seen = phone.step(act.Open(app="Settings")).observation.data["elements"]
        told = [one["label"] for one in seen if "label" in one and not one.get("seen")]
        assert len(told) > 4 and len([one for one in seen if one.get("seen")]) <= 3
        look = phone.driver.look()
        blind = read(replace(look, elements=()), kit.part("perception", "ocr"))
        letters = "".join(c for one in blind.elements for c in one.label.casefold() if c.isalnum())
        words = [w for label in told for w in label.casefold().split() if w.isalpha()]
        assert sum(word in letters for word in words) > 0.8 * len(words)
