"""Documents with known text: HTML manuals of Debian, as items."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agentkit.errors import DataError
from agentkit.files import cache_dir, folder_atomic
from agentkit_ocr.document import Cell, Item

PACKAGE = "installation-guide-amd64"  # in twenty languages, with tables, code and lists
NOWHERE = (0.0, 0.0, 0.0, 0.0)
LONGEST = 2500  # letters of a block that still fits on a page
_SKIPPED = {"script", "style", "head", "nav", "form", "svg"}
_NOT_TEXT = re.compile(
    r"navheader|navfooter|toc|titlepage.*hidden|related|sphinxsidebar|headerlink"
)
_HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4}


def fetched(package: str) -> Path:
    """The unpacked files of a Debian package, fetched once, without root.

    Raises:
        DataError: this is no Debian, or the package cannot be had.
    """
    folder = cache_dir() / "ocr" / "documents" / package
    if folder.is_dir():
        return folder
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise DataError(
            f"the documents of {package} come by Debian's apt-get, which is not here",
            "give a folder of HTML documents: --set documents=FOLDER",
        )
    with folder_atomic(folder) as made:
        for command in (["apt-get", "-q", "download", package], None):
            archive = next(made.glob("*.deb"), None)
            if command is None and archive is not None:
                command = ["dpkg-deb", "-x", str(archive), str(made)]
            done = command and subprocess.run(command, cwd=made, capture_output=True, text=True)
            if not done or done.returncode:
                said = " ".join(done.stderr.split())[-200:] if done else "nothing came"
                raise DataError(f"{package} could not be fetched: {said}", "apt-get update")
    return folder


def documents(folder: Path, language: str = "") -> list[tuple[str, list[Item]]]:
    """(name, items) of every HTML page below a folder, by name. language: a folder's name."""
    found = []
    for path in sorted(folder.rglob("*.html")):
        parts = path.relative_to(folder).parts
        if not path.is_file() or path.is_symlink() or (language and language not in parts):
            continue
        items = items_of_html(path.read_bytes())
        if len(items) > 3:
            found.append(("/".join(parts[-2:]), items))
    return found


def items_of_html(data: bytes) -> list[Item]:
    """Headings, paragraphs, entries of lists, code and tables of an HTML page."""
    from lxml import html as parser

    try:
        root = parser.document_fromstring(data, parser=parser.HTMLParser(encoding="utf-8"))
    except (ValueError, parser.etree.ParserError):
        return []
    body = root.find("body")
    items = list(_walk(body, 0)) if body is not None else []
    return [item for item in items if 0 < len(item.text) <= LONGEST]


def _walk(node: Any, depth: int) -> Iterator[Item]:
    if not isinstance(node.tag, str) or node.tag in _SKIPPED:
        return
    if _NOT_TEXT.search(f"{node.get('class', '')} {node.get('id', '')}"):
        return
    if node.tag in _HEADINGS:
        yield Item("heading", _text(node), NOWHERE, level=_HEADINGS[node.tag])
    elif node.tag == "pre":
        text = "\n".join(line.rstrip() for line in node.text_content().strip("\n").splitlines())
        yield Item("code", text, NOWHERE)
    elif node.tag == "table":
        if (node.get("summary") or "").startswith("Navigation"):
            return
        if item := _table(node):
            yield item
    elif node.tag in ("ul", "ol"):
        entries = [child for child in node if child.tag == "li"]
        if any(child.tag in ("pre", "table") for entry in entries for child in entry.iter()):
            for entry in entries:
                yield from _blocks(entry, depth)
            return
        for number, entry in enumerate(entries, 1):
            marker = "-" if node.tag == "ul" else f"{number}."
            nested = [child for child in entry.iter("ul", "ol")]
            for child in nested:
                if child.getparent() is not None:
                    child.getparent().remove(child)
            if text := _text(entry):
                yield Item("list", text, NOWHERE, level=depth, marker=marker)
            for child in nested:
                yield from _walk(child, depth + 1)
    elif node.tag == "p" or (node.tag in ("dt", "dd", "td") and not _has_blocks(node)):
        if not _has_blocks(node):
            if text := _text(node):
                yield Item("paragraph", text, NOWHERE)
        else:
            yield from _blocks(node, depth)
    else:
        yield from _blocks(node, depth)


def _blocks(node: Any, depth: int) -> Iterator[Item]:
    for child in node:
        yield from _walk(child, depth)


def _has_blocks(node: Any) -> bool:
    return any(
        child.tag in ("p", "pre", "table", "ul", "ol", "dl") for child in node.iterdescendants()
    )


def _text(node: Any) -> str:
    text = "".join(node.itertext()).replace("\u200b", "").replace("\u00b6", "")
    return " ".join(text.split())


def _table(node: Any) -> Item | None:
    """None where its cells hold more than text."""
    if any(child.tag in ("table", "pre", "ul", "ol", "img") for child in node.iterdescendants()):
        return None
    cells: list[Cell] = []
    taken: set[tuple[int, int]] = set()
    for row, line in enumerate(node.iter("tr")):
        column = 0
        for one in line:
            if one.tag not in ("td", "th"):
                continue
            while (row, column) in taken:
                column += 1
            high, wide = (_span(one.get(name)) for name in ("rowspan", "colspan"))
            taken |= {(row + r, column + c) for r in range(high) for c in range(wide)}
            cells.append(Cell(row, column, _text(one), high, wide))
            column += wide
    rows, columns = len({c.row for c in cells}), len({c.column for c in cells})
    if rows < 2 or columns < 2 or not any(cell.text for cell in cells):
        return None
    text = "\n".join(cell.text for cell in cells)
    return Item("table", text, NOWHERE, cells=tuple(cells))


def _span(value: str | None) -> int:
    return max(1, min(100, int(value))) if value and value.isdigit() else 1
