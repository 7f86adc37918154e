"""HTML: one section a page; nothing in it is run or fetched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from agentkit_ocr.document import Document, Item, Page

HEAD = """<!doctype html>
<html>
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ max-width: 50em; margin: 2em auto; padding: 0 1em; font-family: sans-serif; }}
table {{ border-collapse: collapse; }}
td {{ border: 1px solid #999; padding: 0.2em 0.5em; }}
pre {{ background: #f4f4f4; padding: 0.5em; overflow: auto; }}
section + section {{ border-top: 1px solid #ccc; }}
.error {{ color: #a00; }}
</style>
</head>
<body>
"""


def html(document: Document) -> str:
    """The document as one file."""
    pages = "".join(_section(page) for page in document.pages)
    return HEAD.format(title=escape(document.name)) + pages + "</body>\n</html>\n"


def table(item: Item) -> str:
    """A table's cells with their spans; no cell is called a heading, since none is known to be."""
    rows: dict[int, list[str]] = {}
    for cell in item.cells:
        spans = f' rowspan="{cell.rows}"' if cell.rows > 1 else ""
        spans += f' colspan="{cell.columns}"' if cell.columns > 1 else ""
        rows.setdefault(cell.row, []).append(f"<td{spans}>{escape(cell.text)}</td>")
    last = max((cell.row + cell.rows for cell in item.cells), default=0)
    lines = ("<tr>" + "".join(rows.get(row, ())) + "</tr>" for row in range(last))
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def _section(page: Page) -> str:
    inside = "\n".join(_blocks(page.items))
    if page.error:
        said = f"Page {page.number} could not be read: {page.error}"
        inside = f'<p class="error">{escape(said)}</p>'
    return f'<section id="page-{page.number}">\n{inside}\n</section>\n'


def _blocks(items: Sequence[Item]) -> Iterator[str]:
    for kind, group in groupby(items, lambda item: item.kind):
        if kind == "list":
            yield _list(list(group))
        else:
            yield from (_block(item) for item in group)


def _list(items: Sequence[Item]) -> str:
    """Entries with their own marks; depth is shown by an indent."""
    entries = []
    for item in items:
        digits = item.marker.strip("().")
        value = f' value="{digits}"' if digits.isdigit() else ""
        style = f' style="margin-left: {2 * item.level}em"' if item.level else ""
        entries.append(f'<li dir="auto"{value}{style}>{escape(item.text)}</li>')
    tag = "ol" if items[0].marker.strip("().").isdigit() else "ul"
    return f"<{tag}>\n" + "\n".join(entries) + f"\n</{tag}>"


def _block(item: Item) -> str:
    text = escape(item.text)
    if item.kind == "heading":
        return f'<h{max(1, item.level)} dir="auto">{text}</h{max(1, item.level)}>'
    if item.kind == "code":
        return f"<pre><code>{text}</code></pre>"
    if item.kind == "table":
        return table(item) if item.cells else f"<p>{text}</p>"
    return f'<p dir="auto">{text}</p>'
