"""HTML, parsed by lexbor: headings, list items, definitions and table rows stay whole.

Some pages mark headings in their own way: SQLite's pragma page by a hidden, non-standard `<h>`, its
limits and its FAQ by paragraphs that are all bold. Both are read as headings here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from agentkit_sources.blocks import Headings, Kind, Parsed, TextWriter, clean
from agentkit_sources.readers import decode, plain_title

_SKIP = frozenset(
    "head script style template noscript svg math iframe object canvas audio video form button "
    "select textarea nav footer dialog".split()
)
_BLOCK = frozenset(
    "address article aside blockquote body caption center dd details div dl fieldset figcaption "
    "figure header hgroup hr html li main ol p section summary table tbody tfoot thead ul".split()
)
_LEVEL = {**{f"h{n}": n for n in range(1, 7)}, "h": 7}
_TERM = 8  # terms and bold item titles lie below all headings, deeper lists deeper
_HIDDEN = re.compile(r"display\s*:\s*none", re.I)
_LAYOUT = "table, ul, ol, dl, pre, h1, h2, h3, h4"


def read(path: str, data: bytes) -> Parsed:
    """Reads a page. Its title is the first of: `<title>`, `<h1>`, the file's name."""
    text, notes = decode(data)
    tree = LexborHTMLParser(text)
    named = tree.css_first("title") or tree.css_first("h1")
    title = named.text() if named is not None else ""
    page = _Page()
    root = tree.body or tree.root
    if root is not None:
        page.read(root)
    return page.writer.done(title.strip() or plain_title(path), "text/html", notes)


class _Page:
    """The state of a walk through one page."""

    def __init__(self) -> None:
        self.writer = TextWriter()
        self.headings = Headings()
        self.anchor = ""
        self._begun = ""  # the anchor where the open block began
        self._words: list[str] = []
        self._outside_links = 0  # characters of the open block that are not inside <a>
        self._links = 0  # depth of <a>
        self._kinds: list[Kind] = []  # of the list items, cells … that are open
        self._row = 0  # > 0: inside a row that is kept whole
        self._lists = 0  # depth of lists

    def read(self, root: Any) -> None:
        for node, opens in _walk(root):
            tag = node.tag
            if tag == "-text":
                self._text(node.text(deep=False))
            elif opens:
                self._open(node, tag)
            else:
                self._close(node, tag)
        self._flush()

    def _text(self, text: str) -> None:
        if not text.isspace() and not any(word.strip() for word in self._words):
            self._begun = self.anchor
        self._words.append(text)
        if not self._links:
            self._outside_links += len(text.strip())

    def _open(self, node: Any, tag: str) -> None:
        if tag == "pre":
            self._flush()
            self._mark(node)
            self.writer.add("code", _verbatim(node), self.headings.path, anchor=self.anchor)
            return
        if tag in _LEVEL or (tag in _BLOCK and not self._row) or tag in ("tr", "dt"):
            self._flush()
        self._mark(node)
        if tag == "a":
            self._links += 1
        elif tag == "br" or (self._row and tag in _BLOCK):
            self._words.append(" ")
        elif tag in ("ul", "ol", "dl"):
            self._lists += 1
        elif tag in ("li", "dd") and not self._row:
            self._kinds.append("item" if tag == "li" else "paragraph")
        elif tag == "tr" and (self._row or node.css_first(_LAYOUT) is None):
            self._row += 1

    def _close(self, node: Any, tag: str) -> None:
        if tag == "a":
            self._links = max(0, self._links - 1)
        elif tag in _LEVEL:
            self._heading(_LEVEL[tag])
        elif tag == "dt" or (tag == "p" and not self._row and _bold_alone(node)):
            in_list = tag == "dt" or node.parent.tag == "li"
            self._heading(_TERM + self._lists if in_list else _LEVEL["h"], "term")
        elif tag in ("td", "th"):
            if self._row:
                self._words.append(" | ")
            else:
                self._flush()
        elif tag == "tr":
            self._flush("row" if self._row else None)
            self._row = max(0, self._row - 1)
        elif tag in _BLOCK and not self._row:
            self._flush()
            if tag in ("li", "dd"):
                self._kinds.pop()
            if tag in ("li", "ul", "ol", "dl"):
                self.headings.close(_TERM + self._lists)
            if tag in ("ul", "ol", "dl"):
                self._lists -= 1

    def _mark(self, node: Any) -> None:
        attributes = node.attributes
        for name in ("id", "_id", "name"):
            if attributes.get(name) and (name != "name" or node.tag == "a"):
                self.anchor = attributes[name]
                return

    def _heading(self, level: int, kind: Kind = "heading") -> None:
        text = self._take()
        if text:
            self.headings.close(level)
            self.writer.add(kind, text, self.headings.path, anchor=self._begun)
            self.headings.push(level, text)

    def _flush(self, kind: Kind | None = None) -> None:
        kind = kind or (self._kinds[-1] if self._kinds else "paragraph")
        only_links = not self._outside_links
        text = self._take()
        if kind in ("item", "row") and only_links:
            kind = "link"
        self.writer.add(kind, text, self.headings.path, anchor=self._begun)

    def _take(self) -> str:
        text = " ".join("".join(self._words).split()).removesuffix("|").strip()
        self._words.clear()
        self._outside_links = 0
        return text


def _walk(root: Any) -> Iterator[tuple[Any, bool]]:
    """Every text node once, every element when it opens (True) and closes (False), in the order of
    the page. Without recursion: pages nest deeper than Python's stack."""
    stack = [(root, True)]
    while stack:
        node, opens = stack.pop()
        if opens and node.tag != "-text":
            if node.tag.startswith("-") or node.tag in _SKIP or _hidden(node):
                continue
            stack.append((node, False))
            if node.tag != "pre":
                children = list(node.iter(include_text=True))
                stack.extend((child, True) for child in reversed(children))
        yield node, opens


def _hidden(node: Any) -> bool:
    if node.tag == "h":
        return False
    attributes = node.attributes
    return "hidden" in attributes or bool(_HIDDEN.search(attributes.get("style") or ""))


def _verbatim(node: Any) -> str:
    lines = clean(node.text()).expandtabs(8).split("\n")
    return "\n".join(line.rstrip() for line in lines)


def _bold_alone(node: Any) -> bool:
    """Whether a `<p>` is a short bold text and nothing else: a title in all but name."""
    children = [c for c in node.iter(include_text=True) if c.tag != "-text" or c.text().strip()]
    if len(children) != 1 or children[0].tag not in ("b", "strong") or node.parent is None:
        return False
    return len(children[0].text()) <= 200
