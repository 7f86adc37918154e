"""From the rows of a column to headings, paragraphs, entries of lists, and code."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from agentkit_ocr.document import Item, Line, Rect, hull
from agentkit_ocr.layout.rows import Row, paragraph, row_text

BULLET = re.compile(r"^[•●○◦▪■□–·∙‣*◆>»«¢]\s*(?=\S)|^[-—e°o0]\s+(?=\S)")
SURE_BULLET = re.compile(r"^[•●○◦▪■□·∙‣*◆]")
NUMBER = re.compile(
    r"^(\(?(?:\d{1,3}|[a-z]|[ivx]{1,5})[.)])\s+(?=\S)|^(\d{1,2}\.)(?=[A-Z\uac00-\ud7a3])"
)
SECTION = re.compile(r"^(?:\d{1,2}|[A-Z])(?:\.\d{1,2}){1,4}[.,]?\s+\S")
SIGN = re.compile(r"[#$=<>{}();|\\/_@~]|^\W")  # of code, in few rows of which letters tell little
LARGER, BOLD_LARGER = 1.17, 0.9  # a heading's size in parts of the text's, if bold
ENDS = (".", ",", ";", ":", "。", "!", "?")
LEVELS = 4


@dataclass(frozen=True, slots=True)
class Style:
    """What is usual on a page. size: of its text in pixels. pitch: from one line to the next, in
    pixels. hyphenated: words are cut at the ends of lines."""

    size: float
    pitch: float
    hyphenated: bool = False


@dataclass(frozen=True, slots=True)
class _Row:
    """A row with its looks."""

    row: Row
    text: str
    box: Rect
    size: float
    bold: bool
    mono: bool
    confidence: float


def items_of(lines: Sequence[Line], rows: Sequence[Row], style: Style) -> list[Item]:
    """The items of one column, whose rows are given from top to bottom."""
    looked = [_look(row) for row in rows]
    if not looked:
        return []
    left, right = min(r.box[0] for r in looked), max(r.box[2] for r in looked)
    code = _code_rows(looked, style)
    items: list[Item] = []
    group: list[_Row] = []
    kind = ""

    def close() -> None:
        if group:
            items.append(_item(kind, group, style, left))
            group.clear()

    for number, row in enumerate(looked):
        now = "code" if code[number] else _kind(row, looked, number, style, (left, right))
        if group and not _goes_on(kind, now, group, row, style, (left, right)):
            close()
        if not group:
            kind = now
        group.append(row)
    close()
    return items


def levelled(items: Sequence[Item], style: Style) -> list[Item]:
    """The headings of a document with their levels: the largest size is the first."""
    sizes: list[float] = []
    for size in sorted((i.lines[0].size for i in items if i.kind == "heading"), reverse=True):
        if not sizes or size < 0.87 * sizes[-1]:
            sizes.append(size)
    found = []
    for item in items:
        if item.kind == "heading":
            size = item.lines[0].size
            level = next(n for n, s in enumerate(sizes, 1) if size >= 0.87 * s - 1e-9)
            item = replace(item, level=min(level, LEVELS))
        found.append(item)
    return found


# -- rows ------------------------------------------------------------------------------------------


def _look(row: Row) -> _Row:
    lines = row.lines
    letters = [max(1, len(line.text)) for line in lines]
    total = sum(letters)
    biggest = max(zip(letters, lines), key=lambda pair: pair[0])[1]
    return _Row(
        row,
        row_text(row),
        row.box,
        biggest.size,
        sum(n for n, line in zip(letters, lines) if line.bold) > 0.6 * total,
        sum(n for n, line in zip(letters, lines) if line.mono) > 0.5 * total,
        sum(n * line.confidence for n, line in zip(letters, lines)) / total,
    )


def _code_rows(rows: Sequence[_Row], style: Style) -> list[bool]:
    """Which rows are code: runs whose letters are equally wide, with short rows in between."""
    marked = [row.mono for row in rows]
    found = [False] * len(rows)
    start = 0
    while start < len(rows):
        if not marked[start]:
            start += 1
            continue
        end = start + 1
        while (
            end < len(rows)
            and _near(rows[end - 1], rows[end], 1.3 * style.pitch)
            and (marked[end] or len(rows[end].text) < 8 or _mono_beside(marked, end))
        ):
            end += 1
        while end > start + 1 and not marked[end - 1] and len(rows[end - 1].text) >= 8:
            end -= 1
        letters = sum(len(r.text) for r in rows[start:end])
        mono = sum(len(r.text) for r, m in zip(rows[start:end], marked[start:end]) if m)
        told = end - start > 2 or any(SIGN.search(row.text) for row in rows[start:end])
        if mono > 0.6 * letters and letters > 15 and told:
            # A short row above, such as "{", belongs to it where it stands as near.
            while (
                start
                and len(rows[start - 1].text) < 4
                and not found[start - 1]
                and _near(rows[start - 1], rows[start], 1.2 * style.pitch)
            ):
                start -= 1
            found[start:end] = [True] * (end - start)
        start = end
    return found


def _mono_beside(marked: Sequence[bool], at: int) -> bool:
    return at + 1 < len(marked) and marked[at + 1]


def _near(above: _Row, below: _Row, pitch: float) -> bool:
    return (below.box[1] + below.box[3]) / 2 - (above.box[1] + above.box[3]) / 2 < pitch


def _kind(
    row: _Row, rows: Sequence[_Row], number: int, style: Style, sides: tuple[float, float]
) -> str:
    text = row.text
    larger = row.size / style.size
    short = len(text) < 120 and not text.endswith((".", ",", ";"))
    before = rows[number - 1] if number else None
    # A few letters are measured badly: what follows text as its next line is no heading.
    next_line = (
        before and _near(before, row, 1.2 * style.pitch) and before.size < LARGER * style.size
    )
    if larger > LARGER and short and not next_line and len(text) > 1 and _worded(text):
        return "heading"
    marked = row.bold or (larger > 1.0 and SECTION.match(text))
    if marked and larger > BOLD_LARGER and short and not text.endswith(":") and len(text) > 2:
        # Bold, or a section's number, at the text's own size is a heading where it stands alone and
        # below some air.
        above = before is None or not _near(before, row, 1.25 * style.pitch)
        full = row.box[2] > sides[1] - 0.08 * (sides[1] - sides[0])
        if above and not full and not SURE_BULLET.match(text):
            return "heading"
    if BULLET.match(text) or NUMBER.match(text):
        return "list"
    return "paragraph"


def _worded(text: str) -> bool:
    return any(letter.isalpha() for letter in text)


def _goes_on(
    kind: str,
    now: str,
    group: Sequence[_Row],
    row: _Row,
    style: Style,
    sides: tuple[float, float],
) -> bool:
    """Whether a row belongs to the item that `group` begins."""
    last = group[-1]
    if kind == "code" or now == "code":
        return kind == now and _near(last, row, 2.6 * style.pitch)
    if kind == "heading":
        same = abs(row.size - last.size) < 0.15 * last.size
        alike = now == "heading" or (row.bold and last.bold)
        return alike and same and _near(last, row, 1.9 * max(last.size, style.pitch / 1.3))
    if now == "heading":
        return False
    if now == "list":
        # "- " may also begin a line in the midst of prose; a number may be any.
        return not _begins_entry(kind, group, row)
    air = _near(last, row, 1.32 * style.pitch)
    if not air:
        return False
    if kind == "list":
        return row.box[0] > group[0].box[0] + 0.3 * style.size
    # A paragraph's last line ends early; the next one begins with an indent or a capital.
    early = last.box[2] < sides[1] - 0.25 * (sides[1] - sides[0])
    indented = row.box[0] > last.box[0] + 0.9 * style.size and len(group) > 1
    back = row.box[0] < last.box[0] - 1.5 * style.size and len(group) > 1
    ended = last.text.endswith((".", "。", ":", "!", "?"))
    return not ((early and ended and row.text[:1].isupper()) or (indented and ended) or back)


def _begins_entry(kind: str, group: Sequence[_Row], row: _Row) -> bool:
    if SURE_BULLET.match(row.text) or not BULLET.match(row.text):
        # Numbers: in prose "in version\n3. The" does not begin an entry, since it is not indented.
        return kind == "list" or row.box[0] != group[0].box[0] or group[-1].text.endswith(ENDS)
    return kind == "list" or group[-1].text.endswith(ENDS)


# -- items -----------------------------------------------------------------------------------------


def _item(kind: str, group: Sequence[_Row], style: Style, left: float) -> Item:
    lines = tuple(line for row in group for line in row.row.lines)
    box = hull([row.box for row in group])
    letters = sum(max(1, len(row.text)) for row in group)
    sure = sum(row.confidence * max(1, len(row.text)) for row in group) / letters
    if kind == "code":
        return Item("code", _code_text(group, style), box, lines, confidence=sure)
    texts = [row.text for row in group]
    if kind == "list":
        marker, texts[0] = _marker(texts[0])
        depth = max(0, min(5, round((box[0] - left) / (2.2 * style.size))))
        text = paragraph(texts, style.hyphenated)
        return Item("list", text, box, lines, depth, marker, confidence=sure)
    text = paragraph(texts, style.hyphenated)
    return Item("heading" if kind == "heading" else "paragraph", text, box, lines, confidence=sure)


def _marker(text: str) -> tuple[str, str]:
    if number := NUMBER.match(text):
        return number[1] or number[2], text[number.end() :]
    return "-", BULLET.sub("", text, count=1)


def _code_text(group: Sequence[_Row], style: Style) -> str:
    """Rows with their indents and wide gaps as blanks, and empty rows where there is room for
    them."""
    advances = [
        line.width / len(line.text)
        for row in group
        for line in row.row.lines
        if line.mono and len(line.text) >= 8
    ] or [0.6 * row.size for row in group]
    advance = max(1.0, median(advances))
    left = min(row.box[0] for row in group)
    middles = [(row.box[1] + row.box[3]) / 2 for row in group]
    steps = sorted(b - a for a, b in itertools.pairwise(middles))
    pitch = steps[len(steps) // 4] if steps else style.pitch
    text = ""
    for number, row in enumerate(group):
        if number:
            gap = middles[number] - middles[number - 1]
            text += "\n" * max(1, min(3, round(gap / max(pitch, 1))))
        at = 0
        for line in row.row.lines:
            column = round((line.box[0] - left) / advance)
            text += " " * max(column - at, 1 if at else 0) + line.text
            at = column + len(line.text)
    return text
