"""How near a reading is to the truth: text, reading order, headings, tables.

Distances are 0 for equal and 1 for nothing in common: an empty reading of a text has 1, two empty
texts have 0. Sources: OmniDocBench (arXiv 2412.07626, section 4) for what is compared, PubTabNet
(arXiv 1911.10683, section 5) for TEDS; the code is our own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from agentkit_ocr.document import Cell, Item

_SAME = str.maketrans({
    "‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "`": "'",
    "–": "-", "—": "-", "‐": "-", "‑": "-", "−": "-", "\u00ad": "", "\u200b": "", "\u200e": "",
    "\u200f": "", "•": " ", "●": " ", "◦": " ", "▪": " ", "■": " ",
})  # fmt: skip
SIMILAR = 0.8  # two headings as similar as this are the same one


def normal(text: str) -> str:
    """Text as it is compared: quotes, dashes and blanks of one kind, no bullets."""
    return " ".join(unicodedata.normalize("NFKC", text.translate(_SAME)).split())


def edit_distance(truth: str, read: str) -> float:
    """Letters to insert, delete or change, in parts of the longer text; both made `normal`."""
    return float(Levenshtein.normalized_distance(normal(truth), normal(read)))


def character_error(truth: str, read: str) -> float:
    """The same in parts of the truth: may pass 1."""
    truth, read = normal(truth), normal(read)
    return Levenshtein.distance(truth, read) / len(truth) if truth else float(bool(read))


def running_text(items: Sequence[Item]) -> str:
    """All text of items but that of tables, which are compared by themselves."""
    return " ".join(item.text for item in items if item.kind not in ("table", "figure"))


def order_distance(truth: Sequence[str], read: str) -> float:
    """How far the blocks of the truth are out of order in what was read.

    Each block is looked for in the text that was read; the blocks in the order of those places are
    compared with their true order by edit distance over max(1, blocks). Left out are blocks that
    are not found, and those that could be found in several places: of less than 12 letters, or
    equal to others.
    """
    text = normal(read)
    blocks = [normal(block)[:200] for block in truth]
    places: list[tuple[float, int]] = []
    for number, wanted in enumerate(blocks):
        if len(wanted) < 12 or blocks.count(wanted) > 1:
            continue
        found = fuzz.partial_ratio_alignment(wanted, text, score_cutoff=60.0)
        if found is not None:
            places.append((float(found.dest_start), number))
    right = sorted(number for _, number in places)
    seen = [number for _, number in sorted(places)]
    return Levenshtein.distance(right, seen) / max(1, len(right))


@dataclass(frozen=True, slots=True)
class Counts:
    """Of things looked for: found rightly, missed, and found where there are none."""

    right: int = 0
    missed: int = 0
    wrong: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.right + other.right, self.missed + other.missed, self.wrong + other.wrong
        )

    @property
    def f1(self) -> float:
        """1 where there is nothing to find, and nothing was found."""
        total = 2 * self.right + self.missed + self.wrong
        return 2 * self.right / total if total else 1.0


def headings(truth: Sequence[Item], read: Sequence[Item]) -> Counts:
    """Headings with the same text, or nearly (SIMILAR), each counted once, whatever their level."""
    wanted = [normal(item.text) for item in truth if item.kind == "heading"]
    given = [normal(item.text) for item in read if item.kind == "heading"]
    right = 0
    for text in wanted:
        scores = [Levenshtein.normalized_similarity(text, other) for other in given]
        if scores and max(scores) >= SIMILAR:
            given.pop(scores.index(max(scores)))
            right += 1
    return Counts(right, len(wanted) - right, len(given))


# -- tables ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class Node:
    """A node of a table's tree: table, tr or td; content and spans of a cell."""

    tag: str
    children: list[Node]
    text: str = ""
    rows: int = 1
    columns: int = 1


def tree(cells: Sequence[Cell]) -> Node:
    """table > tr > td, as HTML has it; th is td."""
    count = max((cell.row + cell.rows for cell in cells), default=0)
    rows = [Node("tr", []) for _ in range(count)]
    for cell in sorted(cells, key=lambda one: (one.row, one.column)):
        rows[cell.row].children.append(Node("td", [], normal(cell.text), cell.rows, cell.columns))
    return Node("table", rows)


def teds(truth: Sequence[Cell], read: Sequence[Cell], structure_only: bool = False) -> float:
    """Similarity of two tables by tree edit distance, 1 for equal: 1 - distance / nodes of the
    larger tree. To insert or delete a node costs 1; to change a cell its normalised edit distance,
    or 1 where its spans differ. Two empty tables are equal.
    """
    from apted import APTED, Config

    class Costs(Config):  # type: ignore[misc]
        def rename(self, one: Node, other: Node) -> float:
            if (one.tag, one.rows, one.columns) != (other.tag, other.rows, other.columns):
                return 1.0
            if structure_only or one.tag != "td":
                return 0.0
            return float(Levenshtein.normalized_distance(one.text, other.text))

        def children(self, node: Node) -> Any:
            return node.children

    one, other = tree(truth), tree(read)
    if not truth or not read:
        return float(not truth and not read)
    distance = float(APTED(one, other, Costs()).compute_edit_distance())
    return max(0.0, 1.0 - distance / max(_size(one), _size(other)))


def best_teds(
    truth: Sequence[Item], read: Sequence[Item], structure_only: bool = False
) -> list[float]:
    """For each true table, that of the table read that is most like it, each used once; 0 where
    none is left."""
    left = [item.cells for item in read if item.kind == "table" and item.cells]
    scores = []
    for table in (item for item in truth if item.kind == "table"):
        found = [teds(table.cells, cells, structure_only) for cells in left]
        scores.append(max(found, default=0.0))
        if found:
            left.pop(found.index(max(found)))
    return scores


def pipe_tables(markdown: str) -> list[tuple[Cell, ...]]:
    """The pipe tables of a Markdown text."""
    found: list[tuple[Cell, ...]] = []
    rows: list[list[str]] = []
    for line in [*markdown.splitlines(), ""]:
        line = line.strip()
        if line.startswith("|") and line.endswith("|") and len(line) > 1:
            cells = [c.strip().replace("\\|", "|") for c in re.split(r"(?<!\\)\|", line[1:-1])]
            if not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
                rows.append(cells)
        elif rows:
            found.append(
                tuple(Cell(r, c, text) for r, row in enumerate(rows) for c, text in enumerate(row))
            )
            rows = []
    return found


def _size(node: Node) -> int:
    return 1 + sum(_size(child) for child in node.children)
