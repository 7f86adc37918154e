"""Searchable PDFs: the pages as they came, with their text laid over them, invisible."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO
from typing import Any

from agentkit.errors import DataError
from agentkit.pictures import decode
from agentkit_ocr.document import Document, Line, Page
from agentkit_ocr.files import Outline

PICTURE_DPI = 200  # of pages made of pictures that do not say their own


def searchable(file: Outline, document: Document, password: str = "") -> bytes:
    """A PDF with the pages that were read. Pages that have a good text layer already keep theirs,
    and pages that could not be read are there without text.

    Raises:
        DataError: pypdf cannot read the file, though pdfium can.
    """
    from pypdf import PdfReader, PdfWriter

    try:
        writer = PdfWriter()
        layer = _Layer()
        if file.kind == "pdf":
            reader = PdfReader(file.path)
            if reader.is_encrypted:
                reader.decrypt(password)
            for page in document.pages:
                made = writer.add_page(reader.pages[page.number - 1])
                made.transfer_rotation_to_content()
                if page.source == "read" and page.items:
                    box = made.cropbox
                    layer.add(
                        page,
                        float(box.width),
                        float(box.height),
                        float(box.left),
                        float(box.bottom),
                    )
                    _merge(made, layer)
        else:
            data = file.path.read_bytes()
            for page in document.pages:
                drawn, size = _page_of_picture(data, page.number - 1)
                made = writer.add_page(PdfReader(BytesIO(drawn)).pages[0])
                if page.items:
                    layer.add(page, *size)
                    _merge(made, layer)
        out = BytesIO()
        writer.write(out)
        return out.getvalue()
    except DataError:
        raise
    except Exception as error:  # pypdf raises what its parsing meets
        said = " ".join(f"{error}".split())[:160]
        raise DataError(f"{file.path}: no searchable PDF can be made: {said}") from error


def _merge(page: Any, layer: _Layer) -> None:
    from pypdf import PdfReader

    over = PdfReader(BytesIO(layer.taken())).pages[0]
    page.merge_page(over)


def _page_of_picture(data: bytes, frame: int) -> tuple[bytes, tuple[float, float]]:
    """(a PDF of one page, its width and height in points)."""
    picture = decode(data, "the picture", frame)
    out = BytesIO()
    picture.save(out, "PDF", resolution=PICTURE_DPI, quality=92)
    return out.getvalue(), tuple(side * 72 / PICTURE_DPI for side in picture.size)  # type: ignore[return-value]


class _Layer:
    """Makes PDFs of one page that hold nothing but invisible text, in a font without shapes."""

    def __init__(self) -> None:
        self._made = b""

    def taken(self) -> bytes:
        return self._made

    def add(
        self, page: Page, width: float, height: float, left: float = 0.0, bottom: float = 0.0
    ) -> None:
        """width, height, left, bottom: of the page in points, as it is seen."""
        codes: dict[str, int] = {}
        across, down = (page.height, page.width) if page.turn % 2 else (page.width, page.height)
        sx, sy = width / max(across, 1), height / max(down, 1)
        parts = [b"BT 3 Tr"]
        for line in _lines(page):
            corners = page.corners(line.box)
            points = [(left + x * sx, bottom + height - y * sy) for x, y in corners]
            parts.append(_shown(line.text, points, codes))
        parts.append(b"ET")
        box = (left, bottom, left + width, bottom + height)
        self._made = _pdf(b"\n".join(parts), codes, box)


def _lines(page: Page) -> Iterator[Line]:
    for item in page.items:
        yield from item.lines


def _shown(text: str, points: list[tuple[float, float]], codes: dict[str, int]) -> bytes:
    """One line of text between its lower corners; all letters are equally wide."""
    (x0, y0), _, (x1, y1), (x, y) = points[0], points[1], points[2], points[3]
    length, high = math.hypot(x1 - x, y1 - y), math.hypot(x0 - x, y0 - y)
    letters = [letter for letter in text if letter.isprintable()]
    if not letters or length <= 0 or high <= 0:
        return b""
    angle = math.atan2(y1 - y, x1 - x)
    cos, sin, wide = math.cos(angle), math.sin(angle), length / len(letters)
    # The line's foot lies about a fifth of its height above the box's edge.
    x, y = x - 0.2 * high * sin, y + 0.2 * high * cos
    matrix = (wide * cos, wide * sin, -high * sin, high * cos, x, y)
    code = "".join(f"{codes.setdefault(letter, len(codes) + 1):04X}" for letter in letters)
    numbers = " ".join(f"{number:.4f}" for number in matrix)
    return f"/T 1 Tf {numbers} Tm <{code}> Tj".encode()


def _pdf(content: bytes, codes: dict[str, int], box: tuple[float, ...]) -> bytes:
    from pypdf import PdfWriter
    from pypdf.generic import (
        ArrayObject,
        DecodedStreamObject,
        DictionaryObject,
        FloatObject,
        NameObject,
        NumberObject,
        TextStringObject,
    )

    writer = PdfWriter()

    def stream(data: bytes, **more: Any) -> Any:
        made = DecodedStreamObject()
        made.set_data(data)
        made.update({NameObject(f"/{key}"): value for key, value in more.items()})
        return writer._add_object(made.flate_encode())

    def dictionary(**values: Any) -> Any:
        return DictionaryObject({NameObject(f"/{key}"): value for key, value in values.items()})

    page = writer.add_blank_page(box[2] - box[0], box[3] - box[1])
    page[NameObject("/MediaBox")] = ArrayObject(FloatObject(side) for side in box)
    font = _font()
    descriptor = dictionary(
        Type=NameObject("/FontDescriptor"),
        FontName=NameObject("/Invisible"),
        Flags=NumberObject(4),
        FontBBox=ArrayObject(NumberObject(n) for n in (0, -200, 1000, 800)),
        ItalicAngle=NumberObject(0),
        Ascent=NumberObject(800),
        Descent=NumberObject(-200),
        CapHeight=NumberObject(700),
        StemV=NumberObject(80),
        FontFile2=stream(font, Length1=NumberObject(len(font))),
    )
    below = dictionary(
        Type=NameObject("/Font"),
        Subtype=NameObject("/CIDFontType2"),
        BaseFont=NameObject("/Invisible"),
        CIDSystemInfo=dictionary(
            Registry=TextStringObject("Adobe"),
            Ordering=TextStringObject("Identity"),
            Supplement=NumberObject(0),
        ),
        FontDescriptor=writer._add_object(descriptor),
        DW=NumberObject(1000),
        CIDToGIDMap=stream(b"\x00\x01" * (len(codes) + 1)),
    )
    made = dictionary(
        Type=NameObject("/Font"),
        Subtype=NameObject("/Type0"),
        BaseFont=NameObject("/Invisible"),
        Encoding=NameObject("/Identity-H"),
        DescendantFonts=ArrayObject([writer._add_object(below)]),
        ToUnicode=stream(_unicode(codes)),
    )
    page[NameObject("/Resources")] = dictionary(Font=dictionary(T=writer._add_object(made)))
    page[NameObject("/Contents")] = stream(content)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def _unicode(codes: dict[str, int]) -> bytes:
    """The map from codes to letters, by which text is searched and copied."""
    lines = [
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
        "/CMapName /Letters def /CMapType 2 def",
        "1 begincodespacerange <0000> <FFFF> endcodespacerange",
    ]
    pairs = [(code, letter.encode("utf-16-be").hex().upper()) for letter, code in codes.items()]
    for start in range(0, len(pairs), 100):
        part = pairs[start : start + 100]
        lines.append(f"{len(part)} beginbfchar")
        lines += [f"<{code:04X}> <{letter}>" for code, letter in part]
        lines.append("endbfchar")
    lines.append("endcmap CMapName currentdict /CMap defineresource pop end end")
    return "\n".join(lines).encode()


@lru_cache(maxsize=1)
def _font() -> bytes:
    """A TrueType font with one glyph, which draws nothing."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.ttLib.tables._g_l_y_f import Glyph

    names = [".notdef", "blank"]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({})
    builder.setupGlyf({name: Glyph() for name in names})
    builder.setupHorizontalMetrics({name: (1000, 0) for name in names})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Invisible", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    out = BytesIO()
    builder.save(out)
    return out.getvalue()
