"""Markdown: pipe tables where a table has no spans, HTML tables otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from agentkit_ocr.document import Document, Item
from agentkit_ocr.write.html import table

# What would be taken for Markdown where text begins, and anywhere in it.
_START = re.compile(r"^(?=(?:#{1,6}\s|[-+*>]\s|\d+[.)]\s|```|~~~|\|))")
_INSIDE = re.compile(r"([\\`*_\[\]<])")


def markdown(document: Document) -> str:
    """The document; what could not be read stands in its place, as a comment."""
    parts: list[str] = []
    for page in document.pages:
        if page.error:
            parts.append(f"<!-- page {page.number} could not be read: {_comment(page.error)} -->")
        parts += _blocks(page.items)
    return "\n\n".join(parts) + "\n"


def _blocks(items: Sequence[Item]) -> Iterator[str]:
    for kind, group in groupby(items, lambda item: item.kind):
        if kind == "list":
            yield "\n".join(_entry(item) for item in group)
            continue
        for item in group:
            yield _block(item)


def _entry(item: Item) -> str:
    return "   " * item.level + f"{_number(item.marker)} {escaped(item.text)}"


def _number(marker: str) -> str:
    """Markdown's only ordered marker is a number and a point."""
    digits = marker.strip("().")
    return f"{digits}." if digits.isdigit() else "-" if marker == "-" else f"- {marker}"


def _block(item: Item) -> str:
    if item.kind == "heading":
        return f"{'#' * max(1, item.level)} {escaped(item.text)}"
    if item.kind == "code":
        longest = max((len(run) for run in re.findall("`{3,}", item.text)), default=2)
        fence = "`" * (longest + 1)
        return f"{fence}\n{item.text}\n{fence}"
    if item.kind == "table":
        return _table(item)
    if item.kind == "figure":
        return f"![{escaped(item.text)}]()"
    return _START.sub(r"\\", escaped(item.text))


def escaped(text: str) -> str:
    """Text in which nothing is taken for Markdown or HTML. An underscore within a word is none."""
    text = re.sub(r"(?<=\w)_(?=\w)", "\0", text)
    return _INSIDE.sub(r"\\\1", text).replace("\0", "_")


def _table(item: Item) -> str:
    if not item.cells:
        return escaped(item.text)
    if any(cell.rows > 1 or cell.columns > 1 for cell in item.cells):
        return table(item)
    width = 1 + max(cell.column for cell in item.cells)
    rows: dict[int, list[str]] = {}
    for cell in item.cells:
        rows.setdefault(cell.row, [""] * width)[cell.column] = escaped(cell.text).replace(
            "|", "\\|"
        )
    lines = ["| " + " | ".join(row) + " |" for _, row in sorted(rows.items())]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])


def _comment(text: str) -> str:
    return text.replace("--", "- -")
