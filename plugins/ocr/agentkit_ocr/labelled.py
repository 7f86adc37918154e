"""Blocks of a perception that lays out pages by itself, such as DeepEncoder's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape

from agentkit.capabilities import Block, Perception
from agentkit_ocr.document import Cell, Item, Line, Rect

LABELS = {
    "title": ("heading", 1),
    "doc_title": ("heading", 1),
    "sub_title": ("heading", 2),
    "heading": ("heading", 2),
    "table": ("table", 0),
    "code": ("code", 0),
    "list": ("list", 0),
    "list_item": ("list", 0),
    "image": ("figure", 0),
    "figure": ("figure", 0),
}
_ROW = re.compile(r"<tr\b[^>]*>(.*?)(?=</tr>|<tr\b|\Z)", re.I | re.S)
_CELL = re.compile(r"<t([dh])\b([^>]*)>(.*?)(?=</t[dh]>|<t[dh]\b|</tr>|\Z)", re.I | re.S)
_SPAN = re.compile(r"(row|col)span\s*=\s*[\"']?(\d{1,3})", re.I)
_TAG = re.compile(r"<[^>]*>")
_MARK = re.compile(r"^(#{1,6})\s+")


def lays_out(reader: Perception, blocks: Sequence[Block]) -> bool:
    """Whether these are whole paragraphs, titles and tables rather than lines of text."""
    return any(block.label != "text" or "\n" in block.text for block in blocks)


def items_of_blocks(blocks: Sequence[Block]) -> list[Item]:
    items = []
    for block in blocks:
        kind, level = LABELS.get(block.label, ("paragraph", 0))
        box = block.box
        sides: Rect = (float(box.left), float(box.top), float(box.right), float(box.bottom))
        text = block.text.strip()
        cells: tuple[Cell, ...] = ()
        if kind == "heading" and (mark := _MARK.match(text)):
            level, text = len(mark[1]), text[mark.end() :]
        if kind == "table":
            cells = cells_of_html(text)
            text = " ".join(cell.text for cell in cells) if cells else _TAG.sub(" ", text)
        if kind == "paragraph":
            text = " ".join(text.split())
        line = Line(" ".join(text.split()), sides, block.confidence)
        items.append(
            Item(kind, text, sides, (line,), level, cells=cells, confidence=block.confidence)  # type: ignore[arg-type]
        )
    return items


def cells_of_html(text: str) -> tuple[Cell, ...]:
    """The cells of an HTML table, whole or cut; () where there are none."""
    cells: list[Cell] = []
    taken: set[tuple[int, int]] = set()
    for row, inside in enumerate(_ROW.findall(text)):
        column = 0
        for _, attributes, content in _CELL.findall(inside):
            spans = {name.lower(): max(1, int(n)) for name, n in _SPAN.findall(attributes)}
            while (row, column) in taken:
                column += 1
            high, wide = spans.get("row", 1), spans.get("col", 1)
            taken |= {(row + r, column + c) for r in range(high) for c in range(wide)}
            plain = " ".join(unescape(_TAG.sub(" ", content)).split())
            cells.append(Cell(row, column, plain, high, wide))
            column += wide
    return tuple(cells)
