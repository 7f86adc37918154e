"""Several perceptions as one: what the first is not sure of is read again by the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO

from pydantic import Field

from agentkit.capabilities import Block, Box, Image, Perception, PerceptionInfo, Seen
from agentkit.errors import UsageError
from agentkit.kit import Parts
from agentkit.pictures import decode
from agentkit.settings import PartSettings
from agentkit_ocr.layout.looks import ems

MARGIN = 0.15  # of a line's height, of paper around it
SIZE, AIR = 0.8, 0.25  # of a line's font, and left and right of its ink: parts of its box's height
WHOLE = 0.75
"""Part of a line's length that its letters take at least, in an ordinary font. A reader that does
not know a script is sure of what it finds in a line of it: a comma or two, the Latin letters."""


class Settings(PartSettings):
    """readers: perceptions in the order in which they are asked. sure: a line that is read with
    more confidence is not read again, 0..1. confidence: lines that nobody reads with more are left
    out. most: of the unsure lines of a picture, so many are read again at most."""

    readers: list[str] = Field(default=["rapidocr", "tesseract"], min_length=1)
    sure: float = Field(default=0.85, ge=0, le=1)
    confidence: float = Field(default=0.4, ge=0, le=1)
    most: int = Field(default=400, ge=1)


class Readers:
    """The first reader finds the lines. Those that it does not know (mode "all", where it has one)
    or is not sure of are cut out and given to the next reader, as lines of one page (mode "line"),
    so that a page of two scripts is read by the one that knows each. The more confident text stays;
    a text that is too short for its line (WHOLE) is believed the less, the shorter it is.
    """

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._settings = settings
        self._readers: list[Perception] = list(parts["readers"])
        self.info = PerceptionInfo(parts.name)

    def see(self, images: Sequence[Image], mode: str = "") -> list[Seen]:
        if mode:
            raise UsageError(f"{self.info.name} has no mode {mode!r}", "leave it out")
        first = self._readers[0]
        found = first.see(images, mode="all" if "all" in first.info.modes else "")
        return [self._one(image, seen) for image, seen in zip(images, found, strict=True)]

    def _one(self, image: Image, seen: Seen) -> Seen:
        blocks = list(seen.blocks)
        for reader in self._readers[1:]:
            unsure = [n for n, block in enumerate(blocks) if _sure(block) < self._settings.sure]
            unsure = unsure[: self._settings.most]
            if not unsure:
                break
            mode = "line" if "line" in reader.info.modes else ""
            again = reader.see(_cut(image, [blocks[n].box for n in unsure]), mode=mode)
            for number, read in zip(unsure, again, strict=True):
                blocks[number] = _better(blocks[number], read)
        least = self._settings.confidence
        return replace(seen, blocks=tuple(b for b in blocks if b.text and b.confidence >= least))


def _sure(block: Block) -> float:
    """A block's confidence, less where its text cannot be all that stands in its box."""
    wide, high = block.box.right - block.box.left, block.box.bottom - block.box.top
    taken = SIZE * high * ems(block.text) / max(1.0, wide - AIR * high)
    return block.confidence * min(1.0, taken / WHOLE)


def _better(block: Block, read: Seen) -> Block:
    text = " ".join(one.text for one in read.blocks)
    letters = sum(len(one.text) for one in read.blocks)
    if not letters:
        return block
    sure = sum(one.confidence * len(one.text) for one in read.blocks) / letters
    other = replace(block, text=text, confidence=sure)
    return block if _sure(other) <= _sure(block) else other


def _cut(image: Image, boxes: Sequence[Box]) -> list[Image]:
    picture = decode(image.data)
    cut = []
    for box in boxes:
        margin = round(MARGIN * (box.bottom - box.top))
        sides = (
            max(0, box.left - margin),
            max(0, box.top - margin),
            min(picture.width, box.right + margin),
            min(picture.height, box.bottom + margin),
        )
        buffer = BytesIO()
        picture.crop(sides).save(buffer, "PNG", compress_level=1)
        cut.append(Image(buffer.getvalue()))
    return cut
