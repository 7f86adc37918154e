"""Where a text stands on a screen: the point to tap, or that there are several, or none.

What is not there is not found: nothing is taken for its nearest neighbour. Only what readers mix up
by shape (O and 0, l and I and 1 …) is held to be the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from agentkit.capabilities import Block, Box, Image, Perception
from agentkit.errors import UsageError
from agentkit_ocr.metrics import normal

_ALIKE = str.maketrans({"0": "o", "1": "l", "i": "l", "|": "l", "5": "s", "8": "b"})


@dataclass(frozen=True, slots=True)
class Spot:
    """A place where it stands. text: all of the block that was read there; box: of the part that
    was looked for; point: (x, y) in its middle, in pixels."""

    text: str
    box: Box
    confidence: float

    @property
    def point(self) -> tuple[int, int]:
        return (self.box.left + self.box.right) // 2, (self.box.top + self.box.bottom) // 2


@dataclass(frozen=True, slots=True)
class Found:
    """status: "found" has one spot, "ambiguous" several, "absent" none."""

    status: Literal["found", "ambiguous", "absent"]
    spots: tuple[Spot, ...] = ()

    @property
    def point(self) -> tuple[int, int] | None:
        """Where to tap; None unless there is exactly one place."""
        return self.spots[0].point if self.status == "found" else None


def find_text(perception: Perception, image: Image, wanted: str) -> Found:
    """Looks for a text in a picture.

    Raises:
        UsageError: nothing but blanks is looked for.
        DataError: the picture cannot be decoded.
    """
    (seen,) = perception.see([image])
    return find_in(seen.blocks, wanted)


def find_in(blocks: Sequence[Block], wanted: str) -> Found:
    """Looks for a text among blocks that were read. Blocks that say just this come first, whatever
    their case; then those that do but for letters of one shape; then whole words within longer
    blocks. The first of these that has any decides.

    Raises:
        UsageError: nothing but blanks is looked for.
    """
    text = normal(wanted).casefold()
    if not text:
        raise UsageError("there is no text to look for", "name what stands on the screen")
    ways = (
        [Spot(b.text, b.box, b.confidence) for b in blocks if normal(b.text).casefold() == text],
        [Spot(b.text, b.box, b.confidence) for b in blocks if _shape(b.text) == _shape(text)],
        [spot for block in blocks for spot in _within(block, text)],
    )
    spots = next((tuple(found) for found in ways if found), ())
    if not spots:
        return Found("absent")
    return Found("found" if len(spots) == 1 else "ambiguous", spots)


def _shape(text: str) -> str:
    """Letters without blanks, those that look alike as one."""
    return "".join(normal(text).casefold().split()).translate(_ALIKE).replace("rn", "m")


def _within(block: Block, text: str) -> list[Spot]:
    """The text as whole words of a block, its box in proportion to the letters before and in it."""
    whole, box = normal(block.text).casefold(), block.box
    a_letter = (box.right - box.left) / max(1, len(whole))
    return [
        Spot(
            block.text,
            Box(
                box.left + int(match.start() * a_letter),
                box.top,
                box.left + max(int(match.start() * a_letter) + 1, int(match.end() * a_letter)),
                box.bottom,
            ),
            block.confidence,
        )
        for match in re.finditer(rf"(?<!\w){re.escape(text)}(?!\w)", whole)
    ]
