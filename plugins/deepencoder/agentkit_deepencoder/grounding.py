"""Grounded output to boxes, and back.

The format is `<|ref|>label<|/ref|><|det|>[[x1, y1, x2, y2], …]<|/det|>` with the content after it,
coordinates 0..999 of the picture; Unlimited-OCR's `<|det|>label [x1, y1, x2, y2]<|/det|>` is read
too. Text from a model is data: numbers are matched, never evaluated, and every step is linear.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agentkit.capabilities import Block, Box

UNITS = 999
Quad = tuple[int, int, int, int]
_TAG = re.compile(r"<\|(/?)(ref|det|grounding)\|>")
_QUAD = re.compile(r"\[\s*(-?\d{1,6})\s*,\s*(-?\d{1,6})\s*,\s*(-?\d{1,6})\s*,\s*(-?\d{1,6})\s*\]")


@dataclass(frozen=True, slots=True)
class Found:
    """A label with its boxes, 0..999, and the content that follows it. Content before any label
    has neither."""

    label: str = ""
    boxes: tuple[Quad, ...] = ()
    text: str = ""


def parse(output: str) -> list[Found]:
    """What a grounded answer says. Tags that are cut, doubled or stray are left out; boxes without
    an inside too."""
    made: list[Found] = []
    label, boxes, text = "", list[Quad](), list[str]()
    inside = ""  # the tag that is open

    def close() -> None:
        nonlocal label, boxes, text
        content = "".join(text).strip("\n")
        if label or boxes or content.strip():
            made.append(Found(label.strip(), tuple(boxes), content))
        label, boxes, text = "", [], []

    at = 0
    for tag in [*_TAG.finditer(output), None]:
        piece = output[at : tag.start() if tag else len(output)]
        if inside == "ref":
            label += piece
        elif inside == "det":
            boxes += quads(piece)
            before = piece.partition("[")[0].strip()
            if before and not label:
                label = before
        else:
            text.append(piece)
        if tag is None:
            break
        at = tag.end()
        closing, name = tag[1] == "/", tag[2]
        if closing:
            inside = ""
        elif name == "ref" or (name == "det" and (boxes or not label)):
            close()
            inside = name
        elif name == "det":
            inside = name
    close()
    return made


def quads(text: str) -> list[Quad]:
    """Boxes in a text, clipped to 0..999, those without an inside left out."""
    made = []
    for match in _QUAD.finditer(text):
        x1, y1, x2, y2 = (min(UNITS, max(0, int(number))) for number in match.groups())
        if x1 < x2 and y1 < y2:
            made.append((x1, y1, x2, y2))
    return made


def write(found: Sequence[Found]) -> str:
    """The answer that `parse` reads as this."""
    pieces = []
    for one in found:
        if one.label or one.boxes:
            boxes = ", ".join(f"[{a}, {b}, {c}, {d}]" for a, b, c, d in one.boxes)
            pieces.append(f"<|ref|>{one.label}<|/ref|><|det|>[{boxes}]<|/det|>\n")
        pieces.append(f"{one.text}\n\n" if one.text else "")
    return "".join(pieces)


def to_pixels(quad: Quad, width: int, height: int) -> Box:
    """A box of 0..999 in a picture, with an inside."""
    sides = (width, height, width, height)
    left, top, right, bottom = (int(v / UNITS * side) for v, side in zip(quad, sides))
    left, top = min(left, width - 1), min(top, height - 1)
    return Box(left, top, max(left + 1, min(width, right)), max(top + 1, min(height, bottom)))


def to_blocks(found: Sequence[Found], width: int, height: int) -> list[Block]:
    """Blocks in the answer's order. A label with content is a region and its label; without, it is
    itself what was read there, once for every box."""
    made = []
    for one in found:
        boxes = [to_pixels(quad, width, height) for quad in one.boxes]
        content = one.text.strip()
        if one.label and not content:
            made += [Block(one.label, box) for box in boxes or [Box(0, 0, width, height)]]
        elif content:
            box = (
                Box(
                    min(b.left for b in boxes),
                    min(b.top for b in boxes),
                    max(b.right for b in boxes),
                    max(b.bottom for b in boxes),
                )
                if boxes
                else Box(0, 0, width, height)
            )
            made.append(Block(content, box, one.label or "text"))
        elif boxes:
            made += [Block("", box, one.label or "image") for box in boxes]
    return made


def plain(found: Sequence[Found]) -> str:
    """The text without tags: content, and labels that are themselves what was read."""
    return "\n".join(one.text or one.label for one in found if one.text or one.label)
