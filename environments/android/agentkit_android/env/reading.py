"""What is written in the screenshot, merged with the elements of the tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agentkit.capabilities import Block, Image, Perception
from agentkit.errors import DataError
from agentkit_android.client.driver import Look
from agentkit_android.client.tree import Element

SURE = 0.6  # confidence below which a text that only the picture shows is left out
INSIDE = 0.7  # of a text's area, that lies in an element it belongs to
WHOLE = 0.5  # of the screen's area: larger elements are its background, and own no text


def read(look: Look, perception: Perception) -> Look:
    """The look with what is written in its picture. A picture that cannot be read (a protected
    screen is black) changes nothing."""
    if not look.png:
        return look
    try:
        (seen,) = perception.see([Image(look.png)])
    except DataError:
        return look
    return replace(look, elements=tuple(merged(look.elements, seen.blocks, look.size)))


def merged(
    elements: Sequence[Element], blocks: Sequence[Block], size: tuple[int, int]
) -> list[Element]:
    """The elements, in their order, with what the picture says: an element that says nothing gets
    the text in it as its label; text in no element becomes one, of role "text", at the end. What
    the tree says too is not said twice, and the tree's own words are never changed; a single letter
    beside them is an icon, and left out.
    """
    labels: dict[int, list[str]] = {}
    new: list[Element] = []
    for block in blocks:
        if block.confidence < SURE or not block.text.strip():
            continue
        around = [n for n, one in enumerate(elements) if _inside(block, one.bounds) >= INSIDE]
        if any(_says(elements[n], block.text) for n in around):
            continue
        owners = [n for n in around if _area(elements[n].bounds) < WHOLE * size[0] * size[1]]
        owner = min(owners, key=lambda n: _area(elements[n].bounds), default=None)
        if owner is not None and elements[owner].label and len(_letters(block.text)) == 1:
            continue
        if owner is not None and not elements[owner].label:
            if not elements[owner].password:
                labels.setdefault(owner, []).append(block.text)
            continue
        box = block.box
        bounds = (box.left, box.top, box.right, box.bottom)
        new.append(Element("text", block.text[:1000], bounds, seen=True))
    named = [
        replace(one, label=" ".join(labels[n])[:1000], seen=True) if n in labels else one
        for n, one in enumerate(elements)
    ]
    return [*named, *new]


def _says(element: Element, text: str) -> bool:
    """Whether an element's own words hold the text, give or take a letter in five that was read
    wrongly. Letters and digits alone are compared: blanks and signs are read least surely."""
    wanted = _letters(text)
    if not wanted:
        return True
    for said in (element.label, element.text, element.description):
        have = _letters(said)
        if wanted in have or (have and _alike(wanted, have)):
            return True
    return False


def _alike(wanted: str, have: str) -> bool:
    from difflib import SequenceMatcher

    if len(wanted) < 4:
        return False
    blocks = SequenceMatcher(None, wanted, have, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) >= 0.8 * len(wanted)


def _letters(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def _inside(block: Block, bounds: tuple[int, int, int, int]) -> float:
    """The part of the block's area that lies in the bounds."""
    box = block.box
    wide = min(box.right, bounds[2]) - max(box.left, bounds[0])
    high = min(box.bottom, bounds[3]) - max(box.top, bounds[1])
    return max(wide, 0) * max(high, 0) / max((box.right - box.left) * (box.bottom - box.top), 1)


def _area(bounds: tuple[int, int, int, int]) -> int:
    return max(bounds[2] - bounds[0], 0) * max(bounds[3] - bounds[1], 0)
