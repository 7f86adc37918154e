"""Tables as text (CSV, TSV): each row can be read alone, "city: Lyon; people: 500000"."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from agentkit_sources.blocks import Parsed, TextWriter, clean
from agentkit_sources.readers import decode, plain_title

_SAMPLE = 16_384  # characters that tell the separator
_MANY = 100  # columns


def read(path: str, data: bytes) -> Parsed:
    """Reads a table. Where it is none after all, its lines are kept as they are."""
    text, notes = decode(data)
    text = clean(text)
    writer = TextWriter()
    try:
        rows = list(csv.reader(io.StringIO(text), _dialect(text)))
    except csv.Error as error:
        notes = (*notes, f"no table: {error}; read as text")
        rows = [[line] for line in text.split("\n")]
    names = rows[0] if len(rows) > 1 and _names(rows[0]) else []
    if len(names) > _MANY:
        notes = (*notes, f"{len(names):,} columns")
    if names:
        writer.add("row", "columns: " + ", ".join(name for name in names if name))
    for number, row in enumerate(rows[1:] if names else rows, 2 if names else 1):
        writer.add("row", line_of(names, row), anchor=f"row{number}")
    return writer.done(plain_title(path), "text/csv", notes)


def line_of(names: Sequence[str], cells: Sequence[str]) -> str:
    """A row on one line; empty cells are left out, cells without a name keep their place."""
    shown = [" ".join(cell.split()) for cell in cells]
    if not names:
        return " | ".join(cell for cell in shown if cell)
    pairs = [
        f"{' '.join(names[i].split())}: {cell}" if i < len(names) and names[i].strip() else cell
        for i, cell in enumerate(shown)
        if cell
    ]
    return "; ".join(pairs)


def _dialect(text: str) -> type[csv.Dialect]:
    try:
        return csv.Sniffer().sniff(text[:_SAMPLE].rpartition("\n")[0] or text[:_SAMPLE], ",;\t|")
    except csv.Error:
        return csv.excel


def _names(row: list[str]) -> bool:
    """Whether a first row names the columns: words, none twice, no numbers."""
    words = [cell.strip() for cell in row if cell.strip()]
    numbers = [cell for cell in words if cell.replace(".", "").replace("-", "").isdigit()]
    return bool(words) and not numbers and len(set(words)) == len(words)
