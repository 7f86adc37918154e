"""Pages with known text, for the tests."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from agentkit_ocr.bench.pages import Style, filled
from agentkit_ocr.document import Cell, Item

NOWHERE = (0.0, 0.0, 0.0, 0.0)
PROSE = (
    "The harbour opens at six in the morning and closes when the last boat is in. Boats that come "
    "later wait outside, where the water is deep enough at low tide, and nobody pays for that.",
    "A pilot is needed in fog. He comes aboard at the outer buoy, and leaves at the quay; his fee "
    "is the same by day and by night, and is paid to the office together with all the others.",
    "Fresh water is free. Fuel is sold at the eastern quay on weekdays, between eight and noon, as "
    "long as there is any; whoever needs more than a thousand litres should ask the day before.",
)
CODE = (
    "def fee(length, nights):\n    if length < 8:\n        return 4 * nights\n    return 7 * nights"
)


def heading(text: str, level: int = 2) -> Item:
    return Item("heading", text, NOWHERE, level=level)


def entry(text: str, marker: str = "-") -> Item:
    return Item("list", text, NOWHERE, marker=marker)


def prose(number: int) -> Item:
    return Item("paragraph", PROSE[number % len(PROSE)], NOWHERE)


def table(*rows: str) -> Item:
    """Rows of cells with | between them; a cell may end in >n to span n columns."""
    cells: list[Cell] = []
    for row, line in enumerate(rows):
        column = 0
        for text in line.split("|"):
            text, _, wide = text.partition(">")
            cells.append(Cell(row, column, text.strip(), 1, int(wide or 1)))
            column += int(wide or 1)
    return Item("table", "\n".join(cell.text for cell in cells), NOWHERE, cells=tuple(cells))


def page_pdf(items: list[Item], layout: str = "one column", font: str = "DejaVu Sans") -> bytes:
    """A PDF of one page with its text."""
    made = filled(items, Style(layout, font, "DejaVu Sans Mono", 11))
    assert made is not None and len(made[0]) == len(items), "the page is too small for the items"
    return made[1]


def png(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def words(text: str, size: tuple[int, int] = (700, 160), font: int = 40) -> Image.Image:
    """A picture with a line of text."""
    picture = Image.new("RGB", size, "white")
    ImageDraw.Draw(picture).text((30, 40), text, "black", ImageFont.load_default(font))
    return picture


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
