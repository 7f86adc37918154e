"""Office files: Word documents and Excel workbooks, which are zip archives of XML.

Nothing is unpacked to the disk: an archive's names lead nowhere. What would unpack to more than
fits is refused before it is.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from agentkit_sources.blocks import Headings, Parsed, TextWriter, Unreadable
from agentkit_sources.readers import plain_title
from agentkit_sources.readers.table import line_of

_LARGEST = 200_000_000  # bytes of all members, unpacked
_MOST_ROWS = 100_000  # of one sheet
_HEADING = re.compile(r"(?:heading|überschrift|titre) (\d)", re.I)


def read(path: str, data: bytes) -> Parsed:
    """Reads a .docx or .xlsx file. The title is the document's own, else its name."""
    names = _members(data)
    if "word/document.xml" in names:
        return _word(path, data)
    if any(name.startswith("xl/") for name in names):
        return _excel(path, data)
    raise Unreadable("neither a Word document nor an Excel workbook")


def _members(data: bytes) -> set[str]:
    """The names in an archive that may be opened."""
    if data.startswith(b"\xd0\xcf\x11\xe0"):  # how encrypted office files begin, and old ones
        raise Unreadable("locked by a password, or of an old office format")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise Unreadable(f"broken office file: {error}") from error
    if sum(member.file_size for member in members) > _LARGEST:
        raise Unreadable(f"it would unpack to more than {_LARGEST:,} bytes")
    return {member.filename for member in members}


def _word(path: str, data: bytes) -> Parsed:
    import docx
    from docx.table import Table

    writer, headings = TextWriter(), Headings()
    try:
        document = docx.Document(io.BytesIO(data))
        title = document.core_properties.title or ""
        for block in document.iter_inner_content():
            if isinstance(block, Table):
                for line in _table(block):
                    writer.add("row", line, headings.path)
                continue
            style = str(getattr(block.style, "name", "") or "")
            level = _HEADING.match(style)
            if level or style == "Title":
                depth = int(level[1]) if level else 0
                headings.close(depth)
                writer.add("heading", block.text, headings.path)
                if block.text.strip():
                    headings.push(depth, block.text)
                title = title or block.text
            else:
                kind = "item" if style.lower().startswith("list") else "paragraph"
                writer.add(kind, block.text, headings.path)  # type: ignore[arg-type]
    except Unreadable:
        raise
    except Exception as error:  # the library raises whatever the XML makes it
        raise Unreadable(f"broken Word document: {_short(error)}") from error
    return writer.done(title.strip() or plain_title(path), "text/x-docx")


def _table(table: Any) -> Iterator[str]:
    """Rows, each with the names of the columns where the first row gives them."""
    rows = [[cell.text for cell in row.cells] for row in table.rows]
    names = rows[0] if len(rows) > 1 and all(cell.strip() for cell in rows[0]) else []
    for row in rows[1:] if names else rows:
        yield line_of(names, row)


def _excel(path: str, data: bytes) -> Parsed:
    import openpyxl  # type: ignore[import-untyped]

    writer, notes = TextWriter(), []
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        for sheet in book.worksheets:
            heading = (sheet.title,)
            writer.add("heading", sheet.title)
            names: list[str] = []
            lone = False
            for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
                cells = ["" if value is None else str(value) for value in row]
                if not any(cell.strip() for cell in cells):
                    continue
                if not names and all(isinstance(v, str) for v in row if v is not None):
                    names, lone = cells, True
                    continue
                lone = False
                line = line_of(names, cells)
                writer.add("row", line, heading, anchor=f"{sheet.title}!A{number}")
                if number >= _MOST_ROWS:
                    notes.append(f"only the first {_MOST_ROWS:,} rows of {sheet.title}")
                    break
            if lone:  # names of nothing are all that the sheet holds
                writer.add("row", " | ".join(n for n in names if n), heading)
        book.close()
    except Exception as error:  # the library raises whatever the XML makes it
        raise Unreadable(f"broken Excel workbook: {_short(error)}") from error
    return writer.done(plain_title(path), "text/x-xlsx", tuple(notes))


def _short(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:120]
