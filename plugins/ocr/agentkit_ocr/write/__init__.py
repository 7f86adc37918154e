"""Documents written out: Markdown, HTML, JSON, plain text, searchable PDF."""

from __future__ import annotations

import json
from collections.abc import Callable

from agentkit_ocr.document import Document
from agentkit_ocr.write.html import html
from agentkit_ocr.write.markdown import markdown

__all__ = ["WRITERS", "html", "markdown", "plain", "to_json"]


def plain(document: Document) -> str:
    """Text alone; a form feed between pages."""
    pages = []
    for page in document.pages:
        if page.error:
            pages.append(f"[page {page.number} could not be read: {page.error}]")
            continue
        pages.append("\n\n".join(item.text for item in page.items if item.text))
    return "\n\f\n".join(pages).strip() + "\n"


def to_json(document: Document) -> str:
    """All that is known; boxes also in the picture as it came, `original_box`."""
    pages = []
    for page in document.pages:
        made = page.to_json()
        for item, kept in zip(made["items"], page.items):
            item["original_box"] = [round(side, 1) for side in page.original_box(kept.box)]
        pages.append(made)
    shown = {"name": document.name, "notes": document.notes, "pages": pages}
    return json.dumps(shown, ensure_ascii=False, indent=1) + "\n"


WRITERS: dict[str, Callable[[Document], str]] = {
    "md": markdown,
    "html": html,
    "json": to_json,
    "txt": plain,
}
