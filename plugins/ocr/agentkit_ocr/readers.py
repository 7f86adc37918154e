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
from agentkit_ocr.layout.looks import ems, tallness

MARGIN = 0.15  # of a line's height, of paper around it
WHOLE, STRANGE = 0.75, 0.95
"""Part of a line's length that its letters take at least, in an ordinary font; letters of one width
take least. A reader that does not know a script is sure of what it finds in a line of it: a comma
or two, the Latin letters. On a page that it can hardly read, STRANGE is asked of each line."""


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
            least = self._settings.sure
            unsure = [n for n, block in enumerate(blocks) if _sure(block) < least]
            length = sum(_wide(blocks[n]) for n in unsure)
            whole = WHOLE
            if length > 0.5 * sum(map(_wide, blocks)):
                whole = STRANGE
                unsure = [n for n, block in enumerate(blocks) if _sure(block, whole) < least]
            unsure = unsure[: self._settings.most]
            if not unsure:
                break
            mode = "line" if "line" in reader.info.modes else ""
            again = reader.see(_cut(image, [blocks[n].box for n in unsure]), mode=mode)
            for number, read in zip(unsure, again, strict=True):
                blocks[number] = _better(blocks[number], read, whole)
        least = self._settings.confidence
        return replace(seen, blocks=tuple(b for b in blocks if b.text and b.confidence >= least))


def _wide(block: Block) -> int:
    return block.box.right - block.box.left


def _sure(block: Block, whole: float = WHOLE) -> float:
    """A block's confidence, less where its text cannot be all that stands in its box."""
    high = block.box.bottom - block.box.top
    taken = high / tallness(block.text) * ems(block.text) / max(1, _wide(block))
    return block.confidence * min(1.0, taken / whole) ** 2


def _better(block: Block, read: Seen, whole: float) -> Block:
    text = " ".join(one.text for one in read.blocks)
    letters = sum(len(one.text) for one in read.blocks)
    if not letters:
        return block
    sure = sum(one.confidence * len(one.text) for one in read.blocks) / letters
    other = replace(block, text=text, confidence=sure)
    return block if _sure(other, whole) <= _sure(block, whole) else other


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
