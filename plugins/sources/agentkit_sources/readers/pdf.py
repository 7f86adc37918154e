"""PDF by pypdf, page by page. Scanned pages hold no text and say so."""

from __future__ import annotations

import io
import logging
import re

from agentkit_sources.blocks import Headings, Parsed, TextWriter, Unreadable, clean
from agentkit_sources.readers import plain_title

_HYPHEN = re.compile(r"(?<=[a-z])-\n(?=[a-z])")


def read(path: str, data: bytes) -> Parsed:
    """Reads a PDF. Headings are its outline's entries, from the page that each names."""
    import pypdf
    from pypdf.errors import DependencyError, FileNotDecryptedError

    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it warns of every flaw it mends
    try:
        document = pypdf.PdfReader(io.BytesIO(data))
        if document.is_encrypted and not document.decrypt(""):
            raise Unreadable("needs a password")
        pages = list(document.pages)
    except (FileNotDecryptedError, DependencyError):
        raise Unreadable("needs a password") from None
    except Unreadable:
        raise
    except Exception as error:  # pypdf raises whatever its parsing meets
        raise Unreadable(f"broken PDF: {_short(error)}") from error
    outline = _outline(document)
    writer, headings = TextWriter(), Headings()
    notes = []
    silent = []
    for number, page in enumerate(pages, 1):
        for level, heading in outline.get(number, ()):
            headings.push(level, heading)
        try:
            text = clean(page.extract_text() or "")
        except Exception as error:
            notes.append(f"page {number} cannot be read: {_short(error)}")
            continue
        if not text.strip():
            silent.append(number)
        for paragraph in re.split(r"\n[ \t]*\n+", _HYPHEN.sub("", text)):
            writer.add("paragraph", paragraph, headings.path, page=number)
    if silent:
        notes.append(f"{len(silent)} of {len(pages)} pages hold no text (scanned?)")
    return writer.done(_title(document) or plain_title(path), "application/pdf", tuple(notes))


def _title(document: object) -> str:
    try:
        return str(getattr(document.metadata, "title", "") or "")  # type: ignore[attr-defined]
    except Exception:
        return ""


def _outline(document: object) -> dict[int, list[tuple[int, str]]]:
    """{page: [(level, title)]}; {} where there is none or it is broken."""
    found: dict[int, list[tuple[int, str]]] = {}

    def walk(entries: list[object], level: int) -> None:
        for entry in entries:
            if isinstance(entry, list):
                walk(entry, level + 1)
                continue
            page = document.get_destination_page_number(entry)  # type: ignore[attr-defined]
            if page is not None and page >= 0:
                title = clean(str(getattr(entry, "title", "")))
                found.setdefault(page + 1, []).append((level, title))

    try:
        walk(list(document.outline), 1)  # type: ignore[attr-defined]
    except Exception:
        return {}
    return found


def _short(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:120]
